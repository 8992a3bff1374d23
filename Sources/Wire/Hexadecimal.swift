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

private func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
}
