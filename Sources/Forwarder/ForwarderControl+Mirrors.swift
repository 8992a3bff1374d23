import ForwarderProtocol
import Reactor
import Wire

extension ForwarderControl {
    /// Puts the mirrors of all ports in place of those before.
    /// - Parameter sockets: the one to collectors over IPv4, if there are any, then that over IPv6.
    func setMirrors(_ orders: [MirrorOrder], _ sockets: [Descriptor]) {
        var rest = sockets[...]
        let addresses = orders.compactMap(\.sink.address)
        mirrorSockets.ipv4 = addresses.contains { !$0.isIPv6 } ? rest.popFirst() : nil
        mirrorSockets.ipv6 = addresses.contains { $0.isIPv6 } ? rest.popFirst() : nil
        mirrors = orders
        madeMirrors = nil
        publishSoon()
    }

    /// The mirrors of the ports that are there.
    func ownedMirrors() -> OwnedMirrors? {
        guard !mirrors.isEmpty else { return nil }
        let known = mirrors.flatMap { order in
            var names = order.ports
            if case .port(let sink) = order.sink { names.append(sink) }
            return names.map { slots.ports[$0]?.slot }
        }
        if let madeMirrors, madeMirrors.slots == known { return madeMirrors.mirrors }
        let (ipv4, ipv6) = mirrorSockets
        let kept = [ipv4, ipv6].compactMap(\.self)
        let made = OwnedMirrors(mirrors, ipv4: ipv4?.raw, ipv6: ipv6?.raw, keeping: kept) { slots.ports[$0]?.slot }
        madeMirrors = (known, made)
        return made
    }
}
