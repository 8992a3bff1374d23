/// The 16 lower-case hexadecimal digits of a number.
public func hexadecimal(_ value: UInt64) -> String {
    hexadecimal((0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) })
}

/// Two lower-case hexadecimal digits for each octet.
public func hexadecimal(_ octets: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(2 * octets.count)
    for octet in octets {
        text.append(digit(octet >> 4))
        text.append(digit(octet & 15))
    }
    return String(decoding: text, as: UTF8.self)
}

/// The octets of lower-case hexadecimal digits, two for each; `nil` for anything else.
public func octets(hexadecimal text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var octets: [UInt8] = []
    octets.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = value(digit: digits[index]), let low = value(digit: digits[index + 1]) else { return nil }
        octets.append(high << 4 | low)
    }
    return octets
}

private func value(digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
}

private func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}
