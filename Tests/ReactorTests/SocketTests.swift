import CLinux
import Glibc
import Testing
import Wire

@testable import Reactor

@Suite struct SocketTests {
    private let loopback = SocketAddress.ip(.v4(IPv4Address(0x7f00_0001)), port: 0)

    @Test func `A connection over TCP is accepted, carries bytes both ways and ends`() throws {
        let loop = try EventLoop()
        let listener = try Descriptor.listen(on: loopback)
        var accepted: (Descriptor, SocketAddress)?
        let acceptor = try Acceptor(loop: loop, listener: listener) { connection, peer in
            accepted = (connection, peer)
            loop.stop()
        }
        let address = try listener.localAddress()
        let client = try Descriptor.connect(to: address)
        loop.run()
        let (server, peer) = try #require(accepted)
        #expect(try client.connectionError() == nil)
        #expect(try client.localAddress() == peer && client.peerAddress() == address)
        #expect(try server.option(CLINUX_IPPROTO_TCP, TCP_NODELAY) != 0)

        var buffer = [UInt8](repeating: 0, count: 8)
        #expect(try buffer.withUnsafeMutableBytes { try server.read(into: $0) } == .wouldBlock)
        #expect(try [1, 2, 3].withUnsafeBytes { try client.send($0) } == .done(24))
        let readable = try loop.register(server.raw, reads: true, writes: false) { _ in loop.stop() }
        loop.run()
        #expect(try buffer.withUnsafeMutableBytes { try server.read(into: $0) } == .done(8))
        for _ in 0..<2 { _ = try buffer.withUnsafeMutableBytes { try server.read(into: $0) } }
        try client.shutdownWrites()
        loop.run()
        #expect(try buffer.withUnsafeMutableBytes { try server.read(into: $0) } == .endOfStream)
        #expect(try buffer.withUnsafeBytes { try server.send($0) } == .done(8))
        readable.cancel()
        acceptor.cancel()
        acceptor.cancel()
    }

    @Test func `A connection that is refused says so when it becomes writable`() throws {
        let loop = try EventLoop()
        // Bound, not listening: nobody else can take the port meanwhile.
        let bound = try Descriptor.bound(CLINUX_SOCK_STREAM, to: loopback, sharesPort: false)
        let client = try Descriptor.connect(to: try bound.localAddress())
        let registration = try loop.register(client.raw, reads: false, writes: true) { _ in loop.stop() }
        loop.run()
        registration.cancel()
        #expect(try client.connectionError() == SystemError(call: "connect", errno: ECONNREFUSED))
    }

    @Test func `Several sockets listen at one address when all share it`() throws {
        let first = try Descriptor.listen(on: loopback, sharesPort: true)
        let address = try first.localAddress()
        _ = try Descriptor.listen(on: address, sharesPort: true)
        let error = #expect(throws: SystemError.self) { try Descriptor.listen(on: address) }
        #expect(error == SystemError(call: "bind \(address)", errno: EADDRINUSE))
        #expect(error?.description == "bind \(address): Address already in use")
    }

    @Test func `A Unix listener is for its owner only, and replaces what an earlier one left`() throws {
        let folder = try TemporaryFolder()
        let address = SocketAddress.unix(path: folder.path + "/s")
        let refused = #expect(throws: SystemError.self) { try Descriptor.connect(to: address) }
        #expect(refused == SystemError(call: "connect \(address)", errno: ENOENT))
        _ = try Descriptor.listen(on: address)
        #expect(throws: SystemError(call: "connect \(address)", errno: ECONNREFUSED)) {
            try Descriptor.connect(to: address)
        }
        let listener = try Descriptor.listen(on: address)
        var information = stat()
        #expect(stat(folder.path + "/s", &information) == 0 && information.st_mode & 0o777 == 0o600)
        let client = try Descriptor.connect(to: address)
        #expect(try client.peerAddress() == address && client.localAddress() == .unix(path: ""))
        withExtendedLifetime(listener) {}
    }

    @Test func `Sending to who has gone is an error, not a signal`() throws {
        var (left, right): (Descriptor, Descriptor?) = try SeqPacket.pair()
        right = nil
        let error = #expect(throws: SystemError.self) { try [UInt8(1)].withUnsafeBytes { try left.send($0) } }
        #expect(right == nil && error?.errno == EPIPE)
    }

    @Test func `Datagrams go to where they are sent and say where they came from`() throws {
        let loop = try EventLoop()
        let receiver = try UDPSocket(boundTo: loopback, bufferByteCount: 1 << 20)
        #expect(try receiver.descriptor.option(SOL_SOCKET, SO_RCVBUF) >= 1 << 17)
        let sender = try UDPSocket(boundTo: loopback)
        var buffer = [UInt8](repeating: 0, count: 4)
        func receive() throws -> IOResult<(count: Int, from: SocketAddress)> {
            try buffer.withUnsafeMutableBytes { try receiver.receive(into: $0) }
        }
        guard case .wouldBlock = try receive() else { return #expect(Bool(false), "nothing was sent") }
        let target = try receiver.descriptor.localAddress()
        _ = try [UInt8](1...6).withUnsafeBytes { try sender.send($0, to: target) }
        let registration = try loop.register(receiver.descriptor.raw, reads: true, writes: false) { _ in loop.stop() }
        loop.run()
        registration.cancel()
        guard case .done(let datagram) = try receive() else { return #expect(Bool(false), "it has arrived") }
        #expect(datagram.count == 6 && buffer == [1, 2, 3, 4])
        #expect(try datagram.from == sender.descriptor.localAddress())
    }

    @Test func `A descriptor that is used after its end is a mistake that is told`() async {
        await #expect(processExitsWith: .failure) {
            let raw = try SeqPacket.pair().0.raw
            try systemCall("read") { clinux_read(raw, nil, 0) }
        }
        await #expect(processExitsWith: .failure) {
            let descriptor = try SeqPacket.pair().0
            clinux_close(descriptor.raw)
        }
    }
}
