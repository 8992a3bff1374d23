import Wire

/// Keeps what routers and DHCP servers send from leaving ports that are guarded: OVN has no such table. Port, switch
/// and the default of ports with port security say which are.
///
/// Fragments hide none of it (RFC 7113 section 2): a first fragment without its transport header is dropped, later ones
/// are of no use without it, and longer chains of extension headers are malformed everywhere. Nor does an encapsulation
/// that some hosts take off by themselves (CVE-2021-27853, CVE-2021-27861).
enum ServerGuard: Stage {
    static var name: StaticString { "ls_in_server_guard" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let flags = context.ingress.pointee.flags
        if flags.contains(.guardsRouters), context.isICMPv6, isRouterMessage(&context) { return .drop(.raGuard) }
        if flags.contains(.guardsDHCP), context.isOfDHCPServer { return .drop(.dhcpGuard) }
        if context.network == .opaque, !flags.isDisjoint(with: [.guardsRouters, .guardsDHCP]),
            context.contents.isDisguised
        {
            return .drop(flags.contains(.guardsRouters) ? .raGuard : .dhcpGuard)
        }
        return .next
    }

    private static func isRouterMessage(_ context: inout Context) -> Bool {
        let frame = context.contents
        guard frame.transportByteCount > 0 else { return frame.isHeadlessFragment }
        return frame.icmpType == ICMPv6Header.routerAdvertisement || frame.icmpType == ICMPv6Header.redirect
    }
}

extension Frame {
    /// True if it is what servers and relays of DHCP send, or what clients listen to, as most of them take answers from
    /// any port; or a first fragment that may hide it.
    @inline(__always)
    var isOfDHCPServer: Bool {
        // Every key of a flow asks: few instructions for what is none of it.
        guard transport == IPProtocol.udp, !isLaterFragment else { return false }
        guard packetEnd &- transportOffset >= UDPHeader.byteCount else { return isHeadlessFragment }
        let ports = bytes.integer32(at: transportOffset)
        let (source, destination) = (UInt16(truncatingIfNeeded: ports &>> 16), UInt16(truncatingIfNeeded: ports))
        return network == .ipv4
            ? source == DHCPv4Message.serverPort || destination == DHCPv4Message.clientPort
            : source == DHCPv6Message.serverPort || destination == DHCPv6Message.clientPort
    }

    /// True if it is a first fragment in which not even the first 8 octets after IP are, though more should follow.
    var isHeadlessFragment: Bool {
        guard isIP, !isLaterFragment, transportByteCount < 8 else { return false }
        return network == .ipv4 ? ipv4FragmentWord & 0x2000 != 0 : hasIPv6Fragment
    }

    /// True if some hosts find a packet in the frame that is not read here: behind more tags than two, or behind LLC
    /// and SNAP with the numbers of Ethernet (RFC 1042; those of IEEE 802.1H in bridges).
    var isDisguised: Bool {
        let type = bytes.integer16(at: networkOffset - 2)
        if type == EtherType.customerTag || type == EtherType.serviceTag { return true }
        guard type < EtherType.minimum, byteCount - networkOffset >= 8 else { return false }
        let header = bytes.integer64(at: networkOffset) >> 16
        return header == 0xaaaa_0300_0000 || header == 0xaaaa_0300_00f8
    }
}
