import CLinux
import Glibc
import Reactor

/// Tells a loop when devices of a namespace come, change and go.
///
/// Its socket keeps the namespace alive: watch the agent's, not a guest's.
public final class LinkMonitor {
    /// What happened to a device.
    public enum Event: Equatable, Sendable {
        /// A device is there; those present at the start are told so too, before `init` returns.
        case added(Link)
        /// Something of it is different: name, state, MTU …
        case changed(Link)
        /// It is gone, or has moved to another namespace.
        case removed(index: Int32, name: String)
    }

    private let socket: Descriptor
    private let namespace: NetworkNamespace?
    private let receive: (Event) -> Void
    private var known: [Int32: Link] = [:]
    private var registration: Registration?

    /// Begins to watch `namespace` (`nil`: the calling thread's).
    public init(
        loop: EventLoop,
        namespace: NetworkNamespace? = nil,
        _ receive: @escaping (Event) -> Void
    ) throws(SystemError) {
        self.namespace = namespace
        self.receive = receive
        let open: @Sendable () throws(SystemError) -> Descriptor = { () throws(SystemError) in
            try NetlinkSocket(groups: UInt32(RTMGRP_LINK)).descriptor
        }
        // Joined first, listed then: what happens in between is told twice, not missed.
        socket = if let namespace { try namespace.run(open) } else { try open() }
        try compareWithAll()
        registration = try loop.register(socket.raw, reads: true, writes: false) { _ in self.receiveWaiting() }
    }

    /// Ends the watching. May be repeated.
    public func cancel() {
        registration?.cancel()
        registration = nil
    }

    private func receiveWaiting() {
        while registration != nil {
            do throws(SystemError) {
                let call = "netlink RTMGRP_LINK"
                let result = try NetlinkSocket.receive(call, from: socket, flags: CLINUX_MSG_DONTWAIT)
                guard case .done(let messages) = result else { return }
                for message in messages {
                    try take(message, call)
                }
            } catch {
                // ENOBUFS: news were lost because many came at once. Whatever it was, the list tells the truth.
                try? compareWithAll()
            }
        }
    }

    private func take(_ message: NetlinkMessage, _ call: String) throws(SystemError) {
        switch Int32(message.type) {
        case Int32(RTM_NEWLINK):
            take(try parsed(call) { () throws(NetlinkMessage.Malformed) in try Link(message) })
        case Int32(RTM_DELLINK):
            let link = try parsed(call) { () throws(NetlinkMessage.Malformed) in try Link(message) }
            // AF_BRIDGE tells of ports that leave a bridge in the same way; the device itself stays.
            guard message.payload.first == UInt8(AF_UNSPEC) else { return }
            if known.removeValue(forKey: link.index) != nil { receive(.removed(index: link.index, name: link.name)) }
        default:
            return
        }
    }

    private func take(_ link: Link) {
        guard let before = known.updateValue(link, forKey: link.index) else { return receive(.added(link)) }
        if before != link { receive(.changed(link)) }
    }

    private func compareWithAll() throws(SystemError) {
        let links = try Link.all(in: namespace)
        let present = Set(links.map(\.index))
        for index in known.keys.sorted() where !present.contains(index) {
            guard let link = known.removeValue(forKey: index) else { continue }
            receive(.removed(index: index, name: link.name))
        }
        for link in links { take(link) }
    }
}
