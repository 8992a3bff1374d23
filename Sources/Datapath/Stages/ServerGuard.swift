import Wire

/// Keeps routers and DHCP servers off switches that say so: OVN has no such table. Router advertisements, redirects and
/// what DHCP servers send do not leave a port.
///
/// Fragments hide none of it (RFC 7113 section 2): a first fragment without its transport header is dropped, later ones
/// are of no use without it, and longer chains of extension headers are malformed everywhere.
enum ServerGuard: Stage {
    static var name: StaticString { "ls_in_server_guard" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let services = context.datapath.pointee.services
        if services.contains(.guardsRouters), context.isICMPv6, isRouterMessage(&context) { return .drop(.raGuard) }
        if services.contains(.guardsDHCP), isServerMessage(&context) { return .drop(.dhcpGuard) }
        return .next
    }

    private static func isRouterMessage(_ context: inout Context) -> Bool {
        let frame = context.contents
        guard frame.transportByteCount > 0 else { return frame.isHeadlessFragment }
        return frame.icmpType == ICMPv6Header.routerAdvertisement || frame.icmpType == ICMPv6Header.redirect
    }

    private static func isServerMessage(_ context: inout Context) -> Bool {
        let serverPort: UInt16
        switch context.network {
        case .ipv4: serverPort = DHCPv4Message.serverPort
        case .ipv6: serverPort = DHCPv6Message.serverPort
        case .arp, .foreignARP, .opaque, .malformed: return false
        }
        guard context.transport == IPProtocol.udp else { return false }
        let ports = context.ports
        return ports == 0 ? context.contents.isHeadlessFragment : UInt16(ports >> 16) == serverPort
    }
}

extension Frame {
    /// True if it is a first fragment in which not even the first 8 octets after IP are, though more should follow.
    var isHeadlessFragment: Bool {
        guard isIP, !isLaterFragment, transportByteCount < 8 else { return false }
        return network == .ipv4 ? ipv4FragmentWord & 0x2000 != 0 : hasIPv6Fragment
    }
}
