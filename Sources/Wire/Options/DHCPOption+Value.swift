/// A value that an option cannot have.
public struct DHCPOptionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The value that is needed, as the end of a sentence: "must be an IPv4 address such as 10.0.0.1".
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension DHCPOption {
    /// The octets of a value that a user has written, without code and length.
    public func octets(_ value: String) throws(DHCPOptionError) -> [UInt8] {
        let octets = try content(value)
        guard !octets.isEmpty else { throw DHCPOptionError("must not be empty") }
        guard octets.count <= Self.octetCountMaximum else {
            throw DHCPOptionError("must take at most \(Self.octetCountMaximum) octets; it takes \(octets.count)")
        }
        return octets
    }

    private func content(_ value: String) throws(DHCPOptionError) -> [UInt8] {
        switch kind {
        case .ipv4Address: return try addresses(value, count: 1).flatMap(Self.octets(of:))
        case .ipv4Addresses: return try addresses(value, count: nil).flatMap(Self.octets(of:))
        case .ipv4AddressPairs:
            let addresses = try addresses(value, count: nil)
            guard addresses.count.isMultiple(of: 2) else {
                throw DHCPOptionError("must be pairs of IPv4 addresses such as {10.0.0.1, 255.255.255.0}")
            }
            return addresses.flatMap(Self.octets(of:))
        case .ipv6Addresses: return try ipv6Addresses(value)
        case .macAddress:
            guard let address = MACAddress(value), !address.isMulticast, !address.isZero else {
                throw DHCPOptionError("must be the MAC address of a host such as 02:ac:10:ff:00:01")
            }
            return address.octets
        case .boolean: return try boolean(value)
        case .integer8: return [UInt8(try integer(value, maximum: 0xff))]
        case .integer16: return Self.octets(of: try integer(value, maximum: 0xffff)).suffix(2)
        case .integer32: return Self.octets(of: try integer(value, maximum: UInt32.max))
        case .text: return try text(value)
        case .compressedDomains: return DomainName.compressed(try domains(value))
        case .domains: return try domains(value).flatMap(\.octets)
        case .fullyQualifiedName:
            let names = try domains(value)
            guard names.count == 1 else { throw DHCPOptionError("must be one domain name such as vm1.example.com") }
            // No flags: the server updates no names, and the client may.
            return [0] + names[0].octets
        case .routes: return try routes(value)
        }
    }

    private static func octets(of address: IPv4Address) -> [UInt8] { octets(of: address.rawValue) }

    private static func octets(of value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }

    private static func items(_ value: String) -> [String] {
        var text = value.trimmed[...]
        if text.hasPrefix("{"), text.hasSuffix("}") { text = text.dropFirst().dropLast() }
        return text.split(separator: ",", omittingEmptySubsequences: false).map { String($0).trimmed }
    }

    private func addresses(_ value: String, count: Int?) throws(DHCPOptionError) -> [IPv4Address] {
        var addresses: [IPv4Address] = []
        for item in Self.items(value) {
            if let address = IPv4Address(item) { addresses.append(address) } else { addresses = []; break }
        }
        guard !addresses.isEmpty, count == nil || addresses.count == count else {
            let list = count == nil ? ", or a list of them such as {10.0.0.1, 10.0.0.2}" : ""
            throw DHCPOptionError("must be an IPv4 address such as 10.0.0.1\(list)")
        }
        return addresses
    }

    private func ipv6Addresses(_ value: String) throws(DHCPOptionError) -> [UInt8] {
        var octets: [UInt8] = []
        for item in Self.items(value) {
            guard let address = IPv6Address(item) else {
                throw DHCPOptionError("must be an IPv6 address such as fd00::1, or a list of them: {fd00::1, fd00::2}")
            }
            octets += address.groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        }
        return octets
    }

    private func boolean(_ value: String) throws(DHCPOptionError) -> [UInt8] {
        switch value.trimmed {
        case "true", "1": return [1]
        case "false", "0": return [0]
        default: throw DHCPOptionError("must be true, 1, false or 0")
        }
    }

    private func integer(_ value: String, maximum: UInt32) throws(DHCPOptionError) -> UInt32 {
        let text = value.trimmed
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text),
            (minimum...maximum).contains(number)
        else {
            throw DHCPOptionError("must be a whole number from \(minimum) to \(maximum)")
        }
        return number
    }

    private func text(_ value: String) throws(DHCPOptionError) -> [UInt8] {
        var octets = Array(value.trimmed.utf8)[...]
        if octets.count >= 2, octets.first == UInt8(ascii: "\""), octets.last == UInt8(ascii: "\"") {
            octets = octets.dropFirst().dropLast()
        }
        guard octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
            throw DHCPOptionError("must be text without control characters")
        }
        guard octets.count <= Self.textOctetCountMaximum else {
            throw DHCPOptionError("must have at most \(Self.textOctetCountMaximum) octets")
        }
        return Array(octets)
    }

    /// The length in octets of one option in a message (RFC 2132 section 2); clients seldom put texts together that
    /// are cut in two (RFC 3396).
    private static let textOctetCountMaximum = 255

    private func domains(_ value: String) throws(DHCPOptionError) -> [DomainName] {
        var text = value.trimmed
        if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") { text = String(text.dropFirst().dropLast()) }
        var names: [DomainName] = []
        for item in Self.items(text) {
            guard let name = DomainName(item), !name.isRoot else {
                throw DHCPOptionError("must be domain names such as example.com,corp.example.com")
            }
            names.append(name)
        }
        return names
    }

    private func routes(_ value: String) throws(DHCPOptionError) -> [UInt8] {
        let items = Self.items(value)
        let error = DHCPOptionError(
            "must be subnets and routers by turns such as {30.0.0.0/24,10.0.0.10, 0.0.0.0/0,10.0.0.1}"
        )
        guard items.count.isMultiple(of: 2) else { throw error }
        var octets: [UInt8] = []
        for index in stride(from: 0, to: items.count, by: 2) {
            guard let prefix = IPPrefix(items[index]), case .v4(let subnet) = prefix.address,
                let router = IPv4Address(items[index + 1])
            else { throw error }
            guard prefix.hasZeroHostBits else {
                throw DHCPOptionError("must have subnets without host bits, which \(items[index]) is not")
            }
            octets.append(UInt8(prefix.length))
            octets += Self.octets(of: subnet).prefix((prefix.length + 7) / 8)
            octets += Self.octets(of: router)
        }
        return octets
    }

    /// Codes, lengths and values one after the other, in the order of their codes.
    ///
    /// A value of DHCPv4 of more than 255 octets becomes several options with one code (RFC 3396).
    public static func encode(_ values: [(option: DHCPOption, octets: [UInt8])], of family: Family) -> [UInt8] {
        var encoded: [UInt8] = []
        for (option, octets) in values.sorted(by: { $0.option.code < $1.option.code }) {
            switch family {
            case .v4:
                for start in stride(from: 0, to: octets.count, by: 255) {
                    let part = octets[start..<min(start + 255, octets.count)]
                    encoded += [UInt8(truncatingIfNeeded: option.code), UInt8(part.count)] + part
                }
            case .v6:
                for value in [option.code, UInt16(truncatingIfNeeded: octets.count)] {
                    encoded += [UInt8(value >> 8), UInt8(value & 255)]
                }
                encoded += octets
            }
        }
        return encoded
    }
}

extension String {
    /// The text without blanks around it.
    fileprivate var trimmed: String {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return String(text)
    }
}
