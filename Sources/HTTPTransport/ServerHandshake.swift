import HTTP
import Reactor
import Security

/// A connection to a server that is not secure yet.
final class ServerHandshake: TurnTaker {
    let id: Int
    let admission: Result<Admission, RequestError>
    private let server: HTTPServer
    private let socket: Descriptor
    let peer: SocketAddress
    private let stream: TLSStream
    private var registration: Registration?
    private var timer: TimerHandle?
    private var isQueued = false
    private var hasEnded = false
    /// The bytes that have come since the handshake failed; `nil` while it has not.
    private var droppedByteCount: Int?

    init(
        id: Int,
        server: HTTPServer,
        socket: Descriptor,
        peer: SocketAddress,
        admission: Result<Admission, RequestError>,
        context: TLSContext
    ) throws(SecurityError) {
        self.id = id
        self.admission = admission
        self.server = server
        self.socket = socket
        self.peer = peer
        stream = try TLSStream(context, socket: socket)
    }

    /// Begins to wait for the client.
    func start(within limit: Duration) throws(SystemError) {
        registration = try server.loop.register(socket.raw, reads: true, writes: false) { _ in self.becameReady() }
        timer = server.loop.schedule(after: limit) { self.close() }
    }

    func close() {
        end()
        server.didClose(self)
    }

    private func becameReady() {
        // Until its turn no more events.
        try? registration?.update(reads: false, writes: false)
        guard !isQueued else { return }
        isQueued = true
        server.turns.add(self, rank: 1)
    }

    func takeTurn() {
        isQueued = false
        guard !hasEnded else { return }
        if droppedByteCount == nil { proceed() } else { drop() }
    }

    /// Waits until the client has read the alert that tells it what is wrong: closing with bytes unread would reset the
    /// connection, and the alert would be lost.
    private func linger() {
        droppedByteCount = 0
        timer?.cancel()
        timer = server.loop.schedule(after: server.limits.lingeringTime) { self.close() }
        do throws(SystemError) {
            try socket.shutdownWrites()
        } catch {
            return close()
        }
        drop()
    }

    private func drop() {
        let stream = SocketStream(socket)
        while let count = droppedByteCount, count <= server.limits.failedHandshakeByteCountMaximum {
            guard let result = try? server.read(from: stream, maximum: Pace.readByteCountMaximum) else { break }
            switch result {
            case .done(let more): droppedByteCount = count + more
            case .wouldBlock:
                try? registration?.update(reads: true, writes: false)
                return
            case .endOfStream: return close()
            }
        }
        close()
    }

    private func end() {
        hasEnded = true
        registration?.cancel()
        registration = nil
        timer?.cancel()
        timer = nil
    }

    private func proceed() {
        do {
            if let awaited = try stream.handshake() {
                try registration?.update(reads: awaited == .readable, writes: awaited == .writable)
                return
            }
        } catch {
            return linger()
        }
        end()
        let certificate = stream.session.peerCertificate
        server.didSecure(
            self,
            ServerLink(
                stream: stream,
                socket: socket,
                peer: peer,
                admission: admission,
                credentials: certificate.map { .certificate($0) } ?? .none,
                protocolName: stream.session.applicationProtocol ?? "http/1.1"
            )
        )
    }
}

/// A connection that HTTP can be spoken over.
struct ServerLink {
    var stream: any ByteStream
    var socket: Descriptor
    var peer: SocketAddress
    /// The connection's place, or the reason why it gets none, which is then its only answer.
    var admission: Result<Admission, RequestError>
    var credentials: PeerCredentials
    /// The protocol that TLS has agreed on (ALPN), HTTP/1.1 if the client named none; `nil` without TLS.
    var protocolName: String?
}

/// The credentials of a client that its connection gives.
public enum PeerCredentials: Sendable {
    case none
    /// The user of this machine that has connected to a Unix socket.
    case user(UInt32)
    /// A certificate of the authority that the server trusts. Its time may be over.
    case certificate(Certificate)
}
