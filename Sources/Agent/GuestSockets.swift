import AgentCore
import ForwarderProtocol
import Glibc
import HTTP
import HTTPTypes
import Netdev
import Reactor

/// The sockets of all vhost-user ports.
final class GuestSockets {
    private let loop: EventLoop
    private let hear: (Event) -> Void
    private var sockets: [String: GuestSocket] = [:]
    /// The ports whose guest has changed in this turn.
    private var changed: Set<String> = []

    init(loop: EventLoop, hear: @escaping (Event) -> Void) {
        self.loop = loop
        self.hear = hear
    }

    /// Listens for the VMM of a port, and tells if its guest is there.
    func open(_ port: PortSpecification) {
        let name = port.name
        var refusal: Problem?
        if sockets[name] == nil {
            do throws(SystemError) {
                sockets[name] = try GuestSocket(loop: loop, path: port.interface) { [weak self] in
                    self?.note(name)
                } note: { line in
                    Log.write(.warning, "port \(name): \(line)")
                }
            } catch {
                refusal = Self.refusal(of: error, port)
            }
        }
        loop.defer { [weak self] in
            guard let self else { return }
            if let refusal { return hear(.deviceOpened(port: name, .failure(refusal))) }
            let isThere = sockets[name]?.device != nil
            let result: Result<Device, Problem> =
                isThere ? .success(Device(isOwned: false, mac: nil)) : .failure(PortDevice.absent(port))
            hear(.deviceOpened(port: name, result))
            if isThere { tell(name) }
        }
    }

    /// Ends the listening for a port's VMM.
    func remove(_ name: String) {
        sockets.removeValue(forKey: name)?.close()
        loop.defer { [weak self] in self?.hear(.deviceRemoved(port: name, failure: nil)) }
    }

    /// Ends the connection of a port's VMM, which may come again.
    func disconnect(_ name: String) { sockets[name]?.disconnect() }

    /// The forwarder goes by what was told of these ports.
    func settle(_ names: Set<String>) {
        for name in names.sorted() { sockets[name]?.settled() }
    }

    /// Returns an order about a port with the rings and descriptors of its guest; `nil` for a port of another kind.
    func order(_ message: ForwarderMessage, _ name: String) -> (message: ForwarderMessage, descriptors: [Descriptor])? {
        guard let socket = sockets[name], case .putPort(var port) = message else { return nil }
        let device = socket.device
        port.rings = device?.layout
        return (.putPort(port), device?.files ?? [])
    }

    /// Tells of a change at the end of the turn: it may come in the midst of the core's effects.
    private func note(_ name: String) {
        if changed.isEmpty {
            loop.defer { [weak self] in
                guard let self else { return }
                let names = changed
                changed = []
                for name in names.sorted() { tell(name) }
            }
        }
        changed.insert(name)
    }

    private func tell(_ name: String) {
        guard let socket = sockets[name] else { return }
        let isServed = socket.device != nil
        hear(.guestChanged(port: name, isServed: isServed, takesSuperpackets: socket.takesSuperpackets))
    }

    private static func refusal(of error: SystemError, _ port: PortSpecification) -> Problem {
        let remedy =
            switch error.errno {
            case ENOENT, ENOTDIR: "; make its folder first"
            case EACCES, EPERM, EROFS: "; the agent must be allowed to make files in its folder"
            case EADDRINUSE: "; another process listens there: give another --socket"
            case ENOTSOCK: "; there is a file that is no socket: give another --socket"
            default: ""
            }
        return Problem(
            .conflict,
            code: "socket_failed",
            detail: "The socket \(port.interface) cannot be made: \(error)\(remedy).",
            pointer: "/socket"
        )
    }
}
