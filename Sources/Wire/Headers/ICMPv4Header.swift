/// An ICMP header for IPv4 (RFC 792).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     |     type      |     code      |           checksum            |
///     |                depends on the type: `rest`                    |
public struct ICMPv4Header: Hashable, Sendable {
    public var type: UInt8
    /// Its variety.
    public var code: UInt8
    /// The checksum over the whole message as it is in the header.
    public var checksum: UInt16
    /// The second word: identifier and sequence of an echo, the next hop's MTU of a "fragmentation needed".
    public var rest: UInt32

    public static let byteCount = 8
    public static let destinationUnreachable: UInt8 = 3
    /// `code` of "port unreachable" under `destinationUnreachable`.
    public static let portUnreachable: UInt8 = 3
    /// `code` of "fragmentation needed and DF set" under `destinationUnreachable` (RFC 1191 section 4).
    public static let fragmentationNeeded: UInt8 = 4

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

    /// True if messages of this type are about another packet, which is why none may be sent about them
    /// (RFC 1122 section 3.2.2): unreachable, source quench, redirect, time exceeded, parameter problem.
    public static func isError(type: UInt8) -> Bool {
        switch type {
        case 3, 4, 5, 11, 12: true
        default: false
        }
    }
}
