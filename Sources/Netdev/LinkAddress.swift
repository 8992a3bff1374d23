import CLinux
import Glibc
import Wire

/// An address of a device.
public struct LinkAddress: Equatable, Sendable {
    public let index: Int32
    public let prefix: IPPrefix

    /// The address of an RTM_NEWADDR message; `nil` for another family.
    public init?(_ message: NetlinkMessage) throws(NetlinkMessage.Malformed) {
        let attributes = try message.attributes(after: 8)
        guard let family = message.payload.first, let length = message.payload.word(at: 1, as: UInt8.self),
            let index = message.payload.word(at: 4, as: Int32.self)
        else { throw NetlinkMessage.Malformed() }
        // Of a point-to-point device IFA_ADDRESS is the far end; IFA_LOCAL, if there is one, is ours.
        guard let octets = attributes[Int(IFA_LOCAL)] ?? attributes[Int(IFA_ADDRESS)] else { return nil }
        let address: IPAddress
        switch (Int32(family), octets.count) {
        case (AF_INET, 4): address = .v4(IPv4Address(octets.reduce(0) { $0 << 8 | UInt32($1) }))
        case (AF_INET6, 16):
            let high = octets.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            address = .v6(IPv6Address(high: high, low: octets.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }))
        default: return nil
        }
        guard let prefix = IPPrefix(address: address, length: Int(length)) else { throw NetlinkMessage.Malformed() }
        self.index = index
        self.prefix = prefix
    }
}
