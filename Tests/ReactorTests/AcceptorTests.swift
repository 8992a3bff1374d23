import CLinux
import Glibc
import Testing
import Wire

@testable import Reactor

@Suite struct AcceptorTests {
    @Test func `More waiting connections than one turn takes are all accepted`() throws {
        let loop = try EventLoop()
        let listener = try Descriptor.listen(on: .ip(.v4(IPv4Address(0x7f00_0001)), port: 0))
        let address = try listener.localAddress()
        let clients = try (0...Acceptor.acceptCountMaximum).map { _ in try Descriptor.connect(to: address) }
        var accepted: [Descriptor] = []
        let acceptor = try Acceptor(loop: loop, listener: listener) { connection, _ in
            accepted.append(connection)
            if accepted.count == clients.count { loop.stop() }
        }
        loop.turn(mayWait: true)
        #expect(accepted.count <= Acceptor.acceptCountMaximum)
        loop.run()
        #expect(accepted.count == clients.count)
        acceptor.cancel()
    }

    @Test func `An acceptor that is cancelled by what it accepts takes no more`() throws {
        let loop = try EventLoop()
        let listener = try Descriptor.listen(on: .ip(.v4(IPv4Address(0x7f00_0001)), port: 0))
        let address = try listener.localAddress()
        let clients = try (0..<3).map { _ in try Descriptor.connect(to: address) }
        var count = 0
        var own: Acceptor?
        own = try Acceptor(loop: loop, listener: listener) { _, _ in
            count += 1
            own?.cancel()
        }
        loop.turn(mayWait: true)
        loop.turn(mayWait: false)
        #expect(count == 1 && clients.count == 3)
    }

    @Test func `Without a descriptor left connections are refused at once, and accepted again when there is one`() async
    {
        // The limit is the process's: this needs one of its own.
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            let folder = try TemporaryFolder()
            let address = SocketAddress.unix(path: folder.path + "/s")
            let listener = try Descriptor.listen(on: address)
            var accepted: [Descriptor] = []
            let acceptor = try Acceptor(loop: loop, listener: listener) { connection, _ in accepted.append(connection) }
            let clients = try (0..<3).map { _ in try Descriptor.connect(to: address) }
            var filler: [Descriptor] = []
            while let more = try? listener.duplicate() {
                filler.append(more)
                precondition(filler.count < 1 << 20)
            }
            // The number in one turn depends on time.
            while acceptor.refusedCount < clients.count { loop.turn(mayWait: true) }
            precondition(accepted.isEmpty)
            var byte: UInt8 = 0
            for client in clients {
                let result = try withUnsafeMutableBytes(of: &byte) { try client.read(into: $0) }
                precondition(result == .endOfStream)
            }
            filler = []
            let client = try Descriptor.connect(to: address)
            loop.turn(mayWait: true)
            precondition(accepted.count == 1 && client.raw >= 0)
        }
    }
}
