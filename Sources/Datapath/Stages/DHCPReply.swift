/// Tables `ls_in_dhcp_options` and `ls_in_dhcp_response`: messages to a port's own DHCP server are answered in its
/// place, without state: the port's own address is what its client gets.
enum DHCPReply: Stage {
    static var name: StaticString { "ls_in_dhcp_options" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        switch context.network {
        case .ipv4: DHCPv4Reply.decide(&context, tables)
        case .ipv6: DHCPv6Reply.decide(&context, tables)
        case .arp, .foreignARP, .opaque, .malformed: .next
        }
    }
}
