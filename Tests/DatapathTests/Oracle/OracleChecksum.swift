import Wire

/// The Internet checksum octet by octet.
enum OracleChecksum {
    static func octets(of address: IPv6Address) -> [UInt8] {
        address.groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    }

    /// Puts the ICMPv6 checksum in, which covers the addresses, the length and the protocol.
    static func seal(_ message: inout [UInt8], from source: IPv6Address, to destination: IPv6Address) {
        let length: [UInt8] = [0, 0, UInt8(message.count >> 8), UInt8(message.count & 255)]
        put(
            of(octets(of: source) + octets(of: destination) + length + [0, 0, 0, 58] + message),
            into: &message
        )
    }

    static func put(_ checksum: UInt16, into message: inout [UInt8]) {
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 255)
    }

    static func of(_ octets: [UInt8]) -> UInt16 {
        var sum = 0
        for (index, octet) in octets.enumerated() { sum += Int(octet) << (index % 2 == 0 ? 8 : 0) }
        while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
        return ~UInt16(sum)
    }
}
