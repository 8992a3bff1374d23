/// Table `ls_out_check_port_sec` (OVN's `check_out_port_sec`): port security looks at what goes to the port.
enum EgressPortSecurity: Stage {
    static var name: StaticString { "ls_out_check_port_sec" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        passes(context, tables) ? .next : .drop(.egressPortSecurity)
    }

    private static func passes(_ context: Context, _ tables: Tables) -> Bool {
        guard let port = context.egress else { return true }
        let security = SecurityEntries(of: port, tables)
        if !security.isThere || context.isMulticast { return true }
        var isKnown = false
        var isRestricted = false
        for entry in security.entries where entry.matches(context.destination) {
            isKnown = true
            guard entry.ipv4.count + entry.ipv6.count > 0 else { continue }
            switch context.network {
            case .ipv4:
                if security.allowsDestination(ipv4: context.ipv4Destination, entry) { return true }
                isRestricted = true
            case .ipv6:
                let address = context.ipv6Destination
                if security.allowsDestination(ipv6: address, at: context.destination, entry) { return true }
                isRestricted = true
            case .arp, .foreignARP, .opaque, .malformed: continue
            }
        }
        return isKnown && !isRestricted
    }
}
