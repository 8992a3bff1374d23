import Southbound
import Wire

/// Keeps a port shut whose guest still runs on another host (OVN's flows of priority 1000 for `activation-strategy`,
/// controller/physical.c). The frame by which the guest says that it runs here opens it at once, and goes on itself.
///
/// OVN looks at this before port security; here a frame that the port may not send opens nothing.
enum IngressActivation: Stage {
    static var name: StaticString { "ls_in_activation" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let port = context.ingress
        guard port.pointee.isStandby, !context.isActivated(port, tables) else { return .next }
        guard isAnnouncement(&context, port.pointee.activationFrames) else { return .drop(.portStandby) }
        tables.activate(port)
        return .next
    }

    private static func isAnnouncement(_ context: inout Context, _ frames: ActivationFrames) -> Bool {
        switch context.network {
        case .arp:
            let frame = context.contents
            return frames.contains(.garp) && frame.arpSenderIP == frame.arpTargetIP && frame.arpSenderIP != 0
        case .opaque:
            return frames.contains(.rarp) && context.contents.isRARP
        case .ipv6:
            guard frames.contains(.na), context.isICMPv6 else { return false }
            let frame = context.contents
            return frame.hasICMPv6 && frame.hopLimit == 255 && frame.icmpv6Code == 0
                && frame.icmpType == ICMPv6Header.neighborAdvertisement
        case .ipv4, .foreignARP, .malformed: return false
        }
    }
}

extension Frame {
    /// Any frame but a malformed one: whether it is RARP (RFC 903).
    fileprivate var isRARP: Bool { bytes.integer16(at: networkOffset - 2) == EtherType.rarp }
}
