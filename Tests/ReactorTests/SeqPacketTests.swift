import CLinux
import Glibc
import Testing

@testable import Reactor

@Suite struct SeqPacketTests {
    private func receive(
        from socket: Descriptor,
        capacity: Int = 64
    ) throws -> IOResult<(bytes: [UInt8], descriptors: [Descriptor])> {
        var buffer = [UInt8](repeating: 0, count: capacity)
        switch try buffer.withUnsafeMutableBytes({ try SeqPacket.receive(into: $0, from: socket) }) {
        case .wouldBlock: return .wouldBlock
        case .endOfStream: return .endOfStream
        case .done(let received): return .done((Array(buffer[..<received.count]), received.descriptors))
        }
    }

    private func message(from socket: Descriptor) throws -> (bytes: [UInt8], descriptors: [Descriptor]) {
        guard case .done(let message) = try receive(from: socket) else { throw SystemError(call: "", errno: ENOMSG) }
        return message
    }

    @Test func `Messages keep their bounds, and the end comes behind the last`() throws {
        var (left, right): (Descriptor?, Descriptor) = try SeqPacket.pair()
        guard case .wouldBlock = try receive(from: right) else { return #expect(Bool(false), "nothing was sent") }
        if let left {
            #expect(try SeqPacket.send([1, 2], over: left))
            #expect(try SeqPacket.send([3], over: left))
        }
        left = nil
        #expect(left == nil)
        #expect(try message(from: right).bytes == [1, 2])
        #expect(try message(from: right).bytes == [3])
        guard case .endOfStream = try receive(from: right) else { return #expect(Bool(false), "the end was due") }
    }

    @Test func `As many descriptors as one message may carry arrive in order, usable and close-on-exec`() throws {
        let (left, right) = try SeqPacket.pair()
        let folder = try TemporaryFolder()
        let files = try (0..<SeqPacket.descriptorCountMaximum).map { number in
            try writeFile([UInt8(number)], replacing: "\(folder.path)/\(number)")
            return try Descriptor.open("\(folder.path)/\(number)", flags: O_RDONLY)
        }
        #expect(try SeqPacket.send([7], descriptors: files, over: left))
        let (bytes, descriptors) = try message(from: right)
        #expect(bytes == [7] && descriptors.count == files.count)
        for (number, descriptor) in descriptors.enumerated() {
            var byte: UInt8 = 255
            #expect(try withUnsafeMutableBytes(of: &byte) { try descriptor.read(into: $0) } == .done(1))
            #expect(byte == UInt8(number))
            #expect(fcntl(descriptor.raw, F_GETFD) & FD_CLOEXEC != 0)
        }
    }

    @Test func `A message that is too long is dropped with its descriptors, the next one is whole`() throws {
        let (left, right) = try SeqPacket.pair()
        var (probe, passed): (Descriptor, Descriptor?) = try SeqPacket.pair()
        if let passed {
            #expect(try SeqPacket.send(Array(repeating: 1, count: 65), descriptors: [passed], over: left))
        }
        #expect(try SeqPacket.send([2], over: left))
        let error = #expect(throws: SystemError.self) { try receive(from: right, capacity: 64) }
        #expect(error == SystemError(call: "recvmsg", errno: EMSGSIZE))
        #expect(try message(from: right).bytes == [2])
        // Were the duplicate that came along still open, the end would not be seen when ours is closed.
        passed = nil
        #expect(passed == nil)
        guard case .endOfStream = try receive(from: probe) else { return #expect(Bool(false), "a duplicate is open") }
    }

    @Test func `A full socket says so, and takes the message when there is room`() throws {
        let (left, right) = try SeqPacket.pair()
        let block = [UInt8](repeating: 5, count: 4096)
        var sent = 0
        while try SeqPacket.send(block, over: left) { sent += 1 }
        #expect(sent > 0)
        for _ in 0..<sent { _ = try receive(from: right, capacity: 4096) }
        #expect(try SeqPacket.send(block, over: left))
    }

    @Test func `A listener is found at its path`() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/forwarder.sock"
        #expect(throws: SystemError(call: "connect \(path)", errno: ENOENT)) { try SeqPacket.connect(path: path) }
        let listener = try SeqPacket.listen(path: path)
        let client = try SeqPacket.connect(path: path)
        #expect(try SeqPacket.send([9], over: client))
        let loop = try EventLoop()
        var server: Descriptor?
        let acceptor = try Acceptor(loop: loop, listener: listener) { connection, _ in
            server = connection
            loop.stop()
        }
        loop.run()
        acceptor.cancel()
        #expect(try message(from: try #require(server)).bytes == [9])
    }

    @Test func `An empty message and too many descriptors are mistakes that are told`() async {
        await #expect(processExitsWith: .failure) {
            _ = try SeqPacket.send([], over: try SeqPacket.pair().0)
        }
        await #expect(processExitsWith: .failure) {
            let (left, right) = try SeqPacket.pair()
            let many = Array(repeating: right, count: SeqPacket.descriptorCountMaximum + 1)
            _ = try SeqPacket.send([1], descriptors: many, over: left)
        }
    }
}
