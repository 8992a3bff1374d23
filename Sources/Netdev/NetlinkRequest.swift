import CLinux
import Glibc
import Wire

/// A netlink message on its way to the kernel: `nlmsghdr`, a family's header, attributes (RFC 3549, netlink(7)).
///
/// All numbers are in the byte order of the machine, all parts aligned to 4 bytes.
struct NetlinkRequest {
    private var content: [UInt8]

    /// A message of `type` with `flags` and a number by which its answers are known.
    init(type: UInt16, flags: UInt16, sequence: UInt32) {
        content = []
        append(UInt32(0))  // nlmsg_len, known at the end
        append(type)
        append(flags)
        append(sequence)
        append(UInt32(0))  // nlmsg_pid: the kernel fills in ours
    }

    /// The whole message.
    var bytes: [UInt8] {
        var bytes = content
        withUnsafeBytes(of: UInt32(content.count)) { bytes.replaceSubrange(0..<4, with: $0) }
        return bytes
    }

    /// `struct ifinfomsg`: of `flags`, those in `mask` are changed.
    mutating func appendLinkHeader(index: Int32, flags: UInt32 = 0, mask: UInt32 = 0) {
        append(UInt8(0))  // AF_UNSPEC
        append(UInt8(0))
        append(UInt16(0))
        append(index)
        append(flags)
        append(mask)
    }

    /// `struct ifaddrmsg`.
    mutating func appendAddressHeader(family: UInt8, prefixLength: UInt8, index: Int32) {
        append(family)
        append(prefixLength)
        append(UInt8(0))  // ifa_flags: those of more than 8 bits are an attribute
        append(UInt8(0))  // RT_SCOPE_UNIVERSE
        append(index)
    }

    /// `struct rtmsg` of a question for the route to one address.
    mutating func appendRouteHeader(family: UInt8, destinationLength: UInt8, sourceLength: UInt8, flags: UInt32) {
        append(family)
        append(destinationLength)
        append(sourceLength)
        for _ in 0..<5 { append(UInt8(0)) }  // TOS, table, protocol, scope, type
        append(flags)
    }

    /// `struct rtmsg` of a route in the main table.
    /// - Parameter isDirect: true if the destination is on the device's own link.
    mutating func appendRoute(to destination: IPPrefix, isDirect: Bool) {
        append(UInt8(destination.address.bitCount == 32 ? AF_INET : AF_INET6))
        append(UInt8(destination.length))
        append(UInt8(0))  // source
        append(UInt8(0))  // TOS
        append(UInt8(RT_TABLE_MAIN.rawValue))
        append(UInt8(RTPROT_STATIC))
        append(UInt8((isDirect ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE).rawValue))
        append(UInt8(RTN_UNICAST))
        append(UInt32(0))
    }

    /// `struct tcmsg` of a queueing discipline or a filter.
    /// - Parameter info: a filter's priority and protocol.
    mutating func appendTrafficHeader(index: Int32, handle: UInt32, parent: UInt32, info: UInt32 = 0) {
        append(UInt32(0))  // AF_UNSPEC and padding
        append(index)
        append(handle)
        append(parent)
        append(info)
    }

    /// An attribute that holds what `build` appends.
    mutating func appendNested(_ type: Int, _ build: (inout NetlinkRequest) -> Void) {
        let start = content.count
        append(UInt16(0))
        append(UInt16(type))
        build(&self)
        let length = UInt16(content.count - start)
        withUnsafeBytes(of: length) { content.replaceSubrange(start..<start + 2, with: $0) }
    }

    /// An attribute: its length with the header of 4 bytes, its type, its bytes, padding.
    ///
    /// `bytes` are few: a length beyond 16 bits would be a mistake of ours.
    mutating func appendAttribute(_ type: Int, _ bytes: some Collection<UInt8>) {
        append(UInt16(4 + bytes.count))
        append(UInt16(type))
        content.append(contentsOf: bytes)
        while content.count % 4 != 0 { content.append(0) }
    }

    /// An attribute of 32 bits.
    mutating func appendAttribute(_ type: Int, _ value: UInt32) {
        withUnsafeBytes(of: value) { appendAttribute(type, $0) }
    }

    /// An attribute of text, ended by a zero.
    mutating func appendAttribute(_ type: Int, text: String) {
        appendAttribute(type, Array(text.utf8) + [0])
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value) { content.append(contentsOf: $0) }
    }
}
