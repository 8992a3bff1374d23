import Reactor
import Testing

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
