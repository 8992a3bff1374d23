import Glibc
import Reactor
import Security

/// The bytes inside a TLS connection.
final class TLSStream: ByteStream {
    /// The TLS session over the socket, which outlives it.
    let session: TLSSession
    /// The reason why the stream has broken, where TLS was the reason.
    private(set) var failure: SecurityError?
    private(set) var readAwaitsWritable = false
    private let socket: Descriptor

    var hasUnreadBytes: Bool { session.hasUnreadBytes }

    /// - Parameter host: the name or address that a server must be; `nil` on a server's side.
    init(_ context: TLSContext, socket: Descriptor, host: String? = nil) throws(SecurityError) {
        self.socket = socket
        session = try TLSSession(context, socket: socket.raw, host: host)
    }

    /// Goes on with the handshake; `nil` when it is done, else what it waits for.
    func handshake() throws(SecurityError) -> Readiness? {
        do throws(SecurityError) {
            switch try session.handshake() {
            case .done: return nil
            case .wantsWrite: return .writable
            case .wantsRead: return .readable
            case .end: throw SecurityError("the connection was ended")
            }
        } catch {
            failure = error
            throw error
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> IOResult<Int> {
        readAwaitsWritable = false
        switch try outcome({ () throws(SecurityError) in try session.read(into: buffer) }) {
        case .done(let count): return .done(count)
        case .wantsRead: return .wouldBlock
        case .wantsWrite:
            readAwaitsWritable = true
            return .wouldBlock
        case .end: return .endOfStream
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer) throws(SystemError) -> IOResult<Int> {
        switch try outcome({ () throws(SecurityError) in try session.write(buffer) }) {
        case .done(let count): .done(count)
        // Without renegotiation no write waits for a read.
        case .wantsRead, .wantsWrite, .end: .wouldBlock
        }
    }

    func endWrites() throws(SystemError) {
        session.endWrites()
        try socket.shutdownWrites()
    }

    private func outcome(
        _ body: () throws(SecurityError) -> TLSSession.Outcome
    ) throws(SystemError) -> TLSSession.Outcome {
        do throws(SecurityError) {
            return try body()
        } catch {
            failure = error
            throw SystemError(call: "TLS", errno: EPROTO)
        }
    }
}
