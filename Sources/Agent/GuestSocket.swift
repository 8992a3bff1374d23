import AgentCore
import CLinux
import ForwarderProtocol
import Glibc
import Reactor

/// The socket of a vhost-user port: a VMM connects to it and hands over its guest's memory and rings. There is one VMM
/// at a time.
final class GuestSocket {
    /// The time that the forwarder may take to go by a change that a VMM waits for: longer than it does, and short for
    /// a VMM, whose guest stands still meanwhile.
    static let settlingPatience = Duration.seconds(2)
    /// The parts of messages that are taken in one turn of the loop, so that a flood of them delays others by some
    /// milliseconds.
    private static let partsPerTurnMaximum = 64
    /// The longest path of a Unix socket.
    static let pathByteCountMaximum = 107

    let path: String
    private let loop: EventLoop
    private let listener: Descriptor
    private var acceptor: Acceptor?
    /// Called when what is served has changed.
    private let changed: () -> Void
    /// Called with a line for the log.
    private let note: (String) -> Void
    /// In the place of a call that there is not.
    private let silent: Descriptor

    // The connection
    private var socket: Descriptor?
    private var registration: Registration?
    private var session = VhostUserSession<Descriptor>()
    private var header: VhostUserHeader?
    private var bytes: [UInt8] = []
    private var files: [Descriptor] = []
    /// The reply that waits for the forwarder.
    private var waiting: VhostUserSession<Descriptor>.Reply?
    private var patience: TimerHandle?

    /// Begins to listen.
    /// - Throws: EADDRINUSE if another process does, ENOTSOCK if something else is at the path.
    init(
        loop: EventLoop,
        path: String,
        changed: @escaping () -> Void,
        note: @escaping (String) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.path = path
        self.changed = changed
        self.note = note
        silent = Descriptor(owning: Int32(try systemCall("eventfd") { clinux_eventfd() }))
        try Self.refuseOthers(at: path)
        listener = try Descriptor.listen(on: .unix(path: path), mode: 0o660)
        // A VMM of another user connects as a member of the folder's group.
        _ = clinux_give_to_group_of_folder(path)
        acceptor = try Acceptor(loop: loop, listener: listener) { [weak self] socket, _ in self?.accept(socket) }
    }

    /// Refuses a path at which others listen, or have something that is no socket.
    private static func refuseOthers(at path: String) throws(SystemError) {
        guard try systemCall("stat \(path)", { clinux_is_socket(path) }) == 1 else {
            throw SystemError(call: "listen at \(path)", errno: ENOTSOCK)
        }
        do throws(SystemError) {
            _ = try Descriptor.connect(to: .unix(path: path))
        } catch {
            return
        }
        throw SystemError(call: "listen at \(path)", errno: EADDRINUSE)
    }

    /// The rings that can be served now; `nil` while there are none.
    var device: (layout: RingLayout, files: [Descriptor])? { socket == nil ? nil : session.device(silent: silent) }

    var takesSuperpackets: Bool { session.takesSuperpackets }

    /// Ends the connection and the listening; the socket's file goes.
    func close() {
        disconnect()
        acceptor?.cancel()
        acceptor = nil
        try? removeFile(path)
    }

    /// Ends the connection; its VMM may come again.
    func disconnect(_ reason: String? = nil) {
        guard socket != nil else { return }
        if let reason { note("closed the connection of its VMM: \(reason)") }
        patience?.cancel()
        patience = nil
        registration?.cancel()
        registration = nil
        socket = nil
        session = VhostUserSession()
        (header, bytes, files, waiting) = (nil, [], [], nil)
        changed()
    }

    /// The forwarder goes by what was last told.
    func settled() {
        guard let reply = waiting else { return }
        patience?.cancel()
        patience = nil
        waiting = nil
        answer(reply)
        guard socket != nil else { return }
        try? registration?.update(reads: true, writes: false)
    }

    private func accept(_ next: Descriptor) {
        // A second VMM is told so by the end of its connection; it may try again.
        guard socket == nil else { return }
        do throws(SystemError) {
            registration = try loop.register(next.raw, reads: true, writes: false) { [weak self] _ in self?.serve() }
            socket = next
        } catch {
            note("cannot serve a VMM: \(error)")
        }
    }

    private func serve() {
        do throws(SystemError) {
            for _ in 0..<Self.partsPerTurnMaximum {
                guard let socket, waiting == nil, try receive(from: socket) else { return }
            }
        } catch {
            disconnect("\(error)")
        }
    }

    /// Takes a part of a message; `false` if there is no more now.
    private func receive(from socket: Descriptor) throws(SystemError) -> Bool {
        let wanted = (header?.payloadByteCount ?? VhostUserHeader.byteCount) - bytes.count
        var buffer = [UInt8](repeating: 0, count: max(1, wanted))
        let received = try buffer.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
            try SeqPacket.receive(into: UnsafeMutableRawBufferPointer(buffer), from: socket)
        }
        switch received {
        case .wouldBlock: return false
        case .endOfStream:
            disconnect()
            return false
        case .done(let part):
            bytes += buffer[..<part.count]
            files += part.descriptors
            guard files.count <= RingLayout.regionCountMaximum else {
                disconnect("a message came with more than \(RingLayout.regionCountMaximum) descriptors")
                return false
            }
        }
        do throws(VhostUserError) {
            if header == nil, bytes.count == VhostUserHeader.byteCount {
                header = try VhostUserHeader(parsing: bytes)
                bytes = []
            }
            guard let whole = header, bytes.count == whole.payloadByteCount else { return true }
            let (payload, along) = (bytes, files)
            (header, bytes, files) = (nil, [], [])
            react(to: try session.take(whole, payload, along))
        } catch {
            disconnect("\(error)")
        }
        return self.socket != nil
    }

    private func react(to reaction: VhostUserSession<Descriptor>.Reaction) {
        guard reaction.isDeviceChanged else { return answer(reaction.reply) }
        if case .none = reaction.reply {
            changed()
            return
        }
        waiting = reaction.reply
        try? registration?.update(reads: false, writes: false)
        patience = loop.schedule(after: Self.settlingPatience) { [weak self] in
            self?.disconnect("the forwarder does not say that it goes by a change")
        }
        changed()
    }

    private func answer(_ reply: VhostUserSession<Descriptor>.Reply) {
        switch reply {
        case .none: break
        case .bytes(let bytes): send(bytes)
        case .ringBase(let ring, let file, let offset):
            let base = clinux_read16_at(file.raw, offset)
            guard base >= 0 else { return disconnect("the guest's memory is gone") }
            send(VhostUserSession<Descriptor>.ringBase(ring, UInt16(truncatingIfNeeded: base)))
        }
    }

    private func send(_ bytes: [UInt8]) {
        guard let socket else { return }
        do throws(SystemError) {
            let sent = try bytes.withUnsafeBufferPointer { bytes throws(SystemError) in
                try socket.send(UnsafeRawBufferPointer(bytes))
            }
            // An answer has a few octets: a VMM that leaves no room for it does not read.
            if sent != .done(bytes.count) { disconnect("it does not read what it is told") }
        } catch {
            disconnect("\(error)")
        }
    }
}
