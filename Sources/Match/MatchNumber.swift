import Wire

/// A constant of a match expression that is no name: `80`, `0x10/0xf0`, `10.0.0.0/8`, `fe80::/10`, `02:00:00:00:00:01`.
struct MatchNumber: Hashable {
    var value: UInt128
    /// The bits that count; `nil` if all do.
    var mask: UInt128?
    /// The width of an address, in bits: 32, 48 or 128; `nil` for an integer, which fits every field that has its bits.
    var addressBitCount: Int?

    /// The fault of a constant.
    struct Fault: Error {
        /// One clause.
        let sentence: String
    }

    /// The constant that is written before and behind a slash.
    init(_ text: String, mask maskText: String?) throws(Fault) {
        if let mac = MACAddress(text) {
            self.init(value: UInt128(mac.rawValue), mask: nil, addressBitCount: 48)
        } else if let address = IPAddress(text) {
            self.init(value: UInt128(address), mask: nil, addressBitCount: address.bitCount)
        } else if let value = Self.integer(text) {
            self.init(value: value, mask: nil, addressBitCount: nil)
        } else {
            throw Fault(sentence: "expected an integer, an IP address or a MAC address")
        }
        guard let maskText else { return }
        let mask = try maskValue(maskText)
        guard value & ~mask == 0 else {
            throw Fault(sentence: "has bits that the mask leaves out; clear them, or leave the mask out")
        }
        self.mask = mask
    }

    private init(value: UInt128, mask: UInt128?, addressBitCount: Int?) {
        self.value = value
        self.mask = mask
        self.addressBitCount = addressBitCount
    }

    private func maskValue(_ text: String) throws(Fault) -> UInt128 {
        switch addressBitCount {
        case nil:
            guard let mask = Self.integer(text) else { throw Fault(sentence: "expected an integer as the mask") }
            return mask
        case 48:
            guard let mask = MACAddress(text) else { throw Fault(sentence: "expected a MAC address as the mask") }
            return UInt128(mask.rawValue)
        case let bitCount?:
            if let mask = IPAddress(text), mask.bitCount == bitCount { return UInt128(mask) }
            guard let length = Self.decimal(text), length <= UInt128(bitCount) else {
                throw Fault(sentence: "expected a length of 0 to \(bitCount) or an address of its family as the mask")
            }
            return length == 0 ? 0 : UInt128.lowBits(bitCount) & ~UInt128.lowBits(bitCount - Int(length))
        }
    }

    private static func integer(_ text: String) -> UInt128? {
        guard text.utf8.prefix(2).elementsEqual("0x".utf8) || text.utf8.prefix(2).elementsEqual("0X".utf8) else {
            return decimal(text)
        }
        let digits = text.utf8.dropFirst(2)
        guard (1...32).contains(digits.count) else { return nil }
        return UInt128(String(digits) ?? "", radix: 16)
    }

    private static func decimal(_ text: String) -> UInt128? {
        guard (1...39).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        // Some read a zero in front as the sign of an octal number.
        return text.utf8.count > 1 && text.utf8.first == UInt8(ascii: "0") ? nil : UInt128(text)
    }
}

extension UInt128 {
    /// As many ones at the low end.
    static func lowBits(_ count: Int) -> UInt128 { count >= 128 ? .max : (1 << UInt128(count)) - 1 }

    /// The bits of an address of either family at the low end.
    package init(_ address: IPAddress) {
        switch address {
        case .v4(let address): self = UInt128(address.rawValue)
        case .v6(let address): self.init(address)
        }
    }

    package init(_ address: IPv6Address) { self = UInt128(address.high) << 64 | UInt128(address.low) }

    /// The number of bits from the lowest to the highest that is set.
    var significantBitCount: Int { 128 - leadingZeroBitCount }
}
