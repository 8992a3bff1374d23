import HTTPCore
import HTTPTransport
import HTTPTypes
import Reactor
import Testing

/// A loop on the test's own thread, run until something has happened.
final class LoopFixture {
    /// How long a test waits for what must happen: long enough for a loaded machine.
    static let patience: Duration = .seconds(30)

    let loop: EventLoop
    private var isDone: () -> Bool = { true }

    init() throws {
        loop = try EventLoop()
    }

    /// Tells that something has happened that the test may wait for.
    func changed() {
        if isDone() { loop.stop() }
    }

    /// Runs the loop until `isDone`, which is asked after each `changed()`.
    func run(
        until isDone: @escaping () -> Bool,
        _ what: Comment = "what the test waits for has not happened",
        at location: SourceLocation = #_sourceLocation
    ) {
        guard !isDone() else { return }
        self.isDone = isDone
        let timer = loop.schedule(after: Self.patience) {
            Issue.record(what, sourceLocation: location)
            self.loop.stop()
        }
        loop.run()
        timer.cancel()
        self.isDone = { true }
    }

    /// Runs the loop for a time in which something must not happen, or a timer of the code under test must fire.
    func run(for time: Duration) {
        var isOver = false
        loop.schedule(after: time) {
            isOver = true
            self.changed()
        }
        run(until: { isOver })
    }
}

/// A server on a free port of the loopback.
final class ServerFixture {
    let fixture: LoopFixture
    let server: HTTPServer
    let address: SocketAddress

    init(
        _ fixture: LoopFixture,
        limits: HTTPLimits = HTTPLimits(),
        _ handler: @escaping (HTTPExchange) -> Void
    ) throws {
        self.fixture = fixture
        let any = try #require(SocketAddress(parsing: "127.0.0.1:0"))
        let listener = try Descriptor.listen(on: any)
        address = try listener.localAddress()
        server = try HTTPServer(loop: fixture.loop, listener: listener, limits: limits) { exchange in
            handler(exchange)
            fixture.changed()
        }
    }
}

/// A client that sends bytes as they are and keeps what comes back.
final class RawClient {
    private let fixture: LoopFixture
    private var socket: Descriptor?
    private var registration: Registration?
    private var unsent: [UInt8] = []
    private(set) var received: [UInt8] = []
    /// Whether the server has ended the connection, in order or not.
    private(set) var hasEnded = false
    private(set) var wasReset = false
    var reads = true { didSet { updateInterest() } }

    init(_ fixture: LoopFixture, to address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        self.fixture = fixture
        let socket = try Descriptor.connect(to: address)
        if let receiveBuffer { try socket.setOption(1, 8, receiveBuffer) }
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

/// A server that reads bytes and answers by a script, to play what no good server does.
final class RawServer {
    let address: SocketAddress
    /// Connections accepted so far.
    private(set) var connectionCount = 0
    private let fixture: LoopFixture
    private var acceptor: Acceptor?
    private var sockets: [Descriptor?] = []
    private var registrations: [Registration?] = []
    /// Reads that were answered, over all connections.
    private(set) var readCount = 0

    /// - Parameter answer: Gets the number of the connection and of the read on it, from 0; `nil` closes.
    init(_ fixture: LoopFixture, _ answer: @escaping (Int, Int) -> String?) throws {
        self.fixture = fixture
        let any = try #require(SocketAddress(parsing: "127.0.0.1:0"))
        let listener = try Descriptor.listen(on: any)
        address = try listener.localAddress()
        acceptor = try Acceptor(loop: fixture.loop, listener: listener) { [unowned self] socket, _ in
            let connection = self.connectionCount
            self.connectionCount += 1
            self.serve(socket) { answer(connection, $0) }
        }
    }

    private func serve(_ socket: Descriptor, _ answer: @escaping (Int) -> String?) {
        var answeredCount = 0
        let number = sockets.count
        sockets.append(socket)
        registrations.append(
            try? fixture.loop.register(socket.raw, reads: true, writes: false) { [unowned self] _ in
                guard let socket = self.sockets[number] else { return }
                var buffer = [UInt8](repeating: 0, count: 1 << 16)
                let result = try? buffer.withUnsafeMutableBytes { try socket.read(into: $0) }
                if case .done? = result, let text = answer(answeredCount) {
                    answeredCount += 1
                    self.readCount += 1
                    _ = try? Array(text.utf8).withUnsafeBytes { try socket.send($0) }
                } else if result != .wouldBlock {
                    self.close(number)
                }
                self.fixture.changed()
            }
        )
    }

    func closeAll() {
        for number in sockets.indices { close(number) }
    }

    private func close(_ number: Int) {
        registrations[number]?.cancel()
        sockets[number] = nil
    }
}
