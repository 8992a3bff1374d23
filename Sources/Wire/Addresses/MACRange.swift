/// A MAC address with a prefix length: all addresses that begin alike.
public struct MACRange: Hashable, Spelled {
    /// The lowest address.
    public let address: MACAddress
    /// The bits that count: 0 ... 48.
    public let length: Int

    /// The prefix; `nil` for a length that there is not, or bits behind it that are not 0.
    public init?(address: MACAddress, length: Int) {
        guard (0...48).contains(length) else { return nil }
        self.address = address
        self.length = length
        guard address.rawValue & ~mask == 0 else { return nil }
    }

    /// `MAC` (a full-length prefix) or `MAC/LENGTH`; anything else is `nil`.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = MACAddress(first) else { return nil }
        guard parts.count == 2 else {
            self.init(address: address, length: 48)
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]) else { return nil }
        self.init(address: address, length: length)
    }

    /// The bits that count.
    public var mask: UInt64 { length == 0 ? 0 : 0xffff_ffff_ffff << UInt64(48 - length) & 0xffff_ffff_ffff }

    /// The MAC addresses of virtual routers with IPv4 addresses (RFC 9568 section 7.3).
    public static let virtualIPv4Routers = MACRange(virtualRouters: 1)
    /// Those with IPv6 addresses.
    public static let virtualIPv6Routers = MACRange(virtualRouters: 2)

    private init(virtualRouters family: UInt64) {
        address = MACAddress(truncating: 0x5e00_0000 | family << 8)
        length = 40
    }

    /// True if all addresses are of virtual routers, 0 not being the number of one.
    public var isOfVirtualRouters: Bool {
        let range = address.rawValue & Self.virtualIPv4Routers.mask
        let isInRange = [Self.virtualIPv4Routers, .virtualIPv6Routers].contains { $0.address.rawValue == range }
        return isInRange && length >= 40 && (length < 48 || address.rawValue & 0xff != 0)
    }

    /// The address, with the length after a slash if it is not the full one.
    public func spell(to text: inout [UInt8]) {
        address.spell(to: &text)
        guard length < 48 else { return }
        text += "/\(length)".utf8
    }
}
