/// An ICMP header for IPv6 (RFC 4443 section 2.1).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |     type      |     code      |           checksum            |
///     |                depends on the type: `rest`                    |
public struct ICMPv6Header: Hashable, Sendable {
    /// The type of the message; below 128 it is about another packet: an error.
    public var type: UInt8
    /// Its variety.
    public var code: UInt8
    /// The checksum over the pseudo-header and the whole message as it is in the header.
    public var checksum: UInt16
    /// The second word: identifier and sequence of an echo, the MTU of a "packet too big".
    public var rest: UInt32

    public static let byteCount = 8
    /// `type` of "destination unreachable" (RFC 4443 section 3.1).
    public static let destinationUnreachable: UInt8 = 1
    /// `code` of "port unreachable" under `destinationUnreachable`.
    public static let portUnreachable: UInt8 = 4
    /// `type` of "packet too big" (RFC 4443 section 3.2).
    public static let packetTooBig: UInt8 = 2
    /// `type` of an MLDv1 report (RFC 2710 section 3).
    public static let multicastListenerReport: UInt8 = 131
    /// `type` of a router solicitation (RFC 4861 section 4.1).
    public static let routerSolicitation: UInt8 = 133
    /// `type` of a router advertisement (RFC 4861 section 4.2).
    public static let routerAdvertisement: UInt8 = 134
    /// Redirect (RFC 4861 section 4.5).
    public static let redirect: UInt8 = 137
    /// `type` of a neighbor solicitation (RFC 4861 section 4.3).
    public static let neighborSolicitation: UInt8 = 135
    /// `type` of a neighbor advertisement (RFC 4861 section 4.4).
    public static let neighborAdvertisement: UInt8 = 136
    /// `type` of an MLDv2 report (RFC 3810 section 5.2).
    public static let multicastListenerReportV2: UInt8 = 143

    public init(type: UInt8, code: UInt8, checksum: UInt16 = 0, rest: UInt32) {
        self.type = type
        self.code = code
        self.checksum = checksum
        self.rest = rest
    }

    /// Writes the header to the start of `bytes`, which must have room for 8 octets.
    public func write(to bytes: inout MutableSpan<UInt8>) {
        bytes[0] = type
        bytes[1] = code
        bytes.store(checksum, at: 2)
        bytes.store(rest, at: 4)
    }
}
