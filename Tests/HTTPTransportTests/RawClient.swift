import Glibc
import Reactor

/// A client that sends bytes as they are and keeps what comes back.
final class RawClient {
    private let fixture: LoopFixture
    private var socket: Descriptor?
    private var registration: Registration?
    private var unsent: [UInt8] = []
    private(set) var received: [UInt8] = []
    /// True if the server has ended the connection, in order or not.
    private(set) var hasEnded = false
    private(set) var wasReset = false
    var reads = true { didSet { updateInterest() } }

    init(_ fixture: LoopFixture, to address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        self.fixture = fixture
        let socket = try Descriptor.connect(to: address)
        if let receiveBuffer { try socket.setOption(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        self.socket = socket
        registration = try fixture.loop.register(socket.raw, reads: true, writes: false) { [unowned self] readiness in
            if readiness.contains(.writable) { self.write() }
            if readiness.contains(.readable), self.reads { self.read() }
        }
    }

    deinit {
        close()
    }

    var text: String { String(decoding: received, as: UTF8.self) }
    var statusCodes: [String] {
        text.split(separator: "\r\n").filter { $0.hasPrefix("HTTP/1.1 ") }.map { String($0.dropFirst(9).prefix(3)) }
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        unsent += bytes
        write()
    }

    func endWrites() throws { try socket?.shutdownWrites() }

    func close() {
        registration?.cancel()
        registration = nil
        socket = nil
    }

    private func write() {
        while !unsent.isEmpty, let socket {
            guard case .done(let count)? = try? unsent.withUnsafeBytes({ try socket.send($0) }) else { break }
            unsent.removeFirst(count)
        }
        updateInterest()
    }

    private func updateInterest() {
        try? registration?.update(reads: reads && !hasEnded, writes: !unsent.isEmpty)
    }

    private func read() {
        guard let socket else { return }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        do {
            switch try buffer.withUnsafeMutableBytes({ try socket.read(into: $0) }) {
            case .done(let count): received += buffer[..<count]
            case .wouldBlock: break
            case .endOfStream: hasEnded = true
            }
        } catch {
            hasEnded = true
            wasReset = true
        }
        updateInterest()
        fixture.changed()
    }
}
