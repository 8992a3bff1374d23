import Southbound
import Wire

/// The addresses of an entry of port security.
enum OraclePrefixes {
    static func ipv4(of entry: PortSecurityEntry) -> [IPPrefix] { entry.prefixes.filter { $0.address.bitCount == 32 } }
    static func ipv6(of entry: PortSecurityEntry) -> [IPPrefix] { entry.prefixes.filter { $0.address.bitCount == 128 } }

    /// Host bits zero: the whole subnet; else exactly that address. Bit by bit.
    static func matches(_ address: IPAddress, _ prefix: IPPrefix) -> Bool {
        let length = prefix.hasZeroHostBits ? prefix.length : prefix.address.bitCount
        return zip(bits(of: address), bits(of: prefix.address)).prefix(length).allSatisfy { $0 == $1 }
    }

    static func broadcast(of prefix: IPPrefix) -> IPv4Address? {
        guard !prefix.hasZeroHostBits, case .v4(let address) = prefix.address else { return nil }
        return IPv4Address((0..<32 - prefix.length).reduce(address.rawValue) { $0 | 1 << UInt32($1) })
    }

    static func bits(of address: IPAddress) -> [Bool] {
        switch address {
        case .v4(let address): (0..<32).reversed().map { address.rawValue >> UInt32($0) & 1 == 1 }
        case .v6(let address):
            [address.high, address.low].flatMap { half in (0..<64).reversed().map { half >> UInt64($0) & 1 == 1 } }
        }
    }
}
