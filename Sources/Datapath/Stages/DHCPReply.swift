/// Tables `ls_in_dhcp_options` and `ls_in_dhcp_response`: messages to a port's own DHCP server are answered in its
/// place, without state: the port's own address is what its client gets. What a guest sends in a VLAN, on a switch that
/// lets VLANs pass, is for servers there; the other services leave it alone, too.
enum DHCPReply: Stage {
    static var name: StaticString { "ls_in_dhcp_options" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        if context.isInVLAN { return .next }
        return switch context.network {
        case .ipv4: DHCPv4Reply.decide(&context, tables)
        case .ipv6: DHCPv6Reply.decide(&context, tables)
        case .arp, .foreignARP, .opaque, .malformed: .next
        }
    }
}
