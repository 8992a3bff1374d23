import ForwarderProtocol
import Glibc
import Reactor
import Testing

@testable import Forwarder

@Suite struct AgentConnectionTests {
    private let loop: EventLoop
    private let connection: AgentConnection
    private let agent: Descriptor

    init() throws {
        loop = try EventLoop()
        let (ours, theirs) = try SeqPacket.pair()
        connection = try AgentConnection(socket: ours, loop: loop)
        agent = theirs
    }

    /// Runs the loop until the connection has ended, and tells why.
    private func end() -> String? {
        var reason: String?
        connection.ended = {
            reason = $0
            self.loop.stop()
        }
        loop.run()
        return reason
    }

    @Test func `A message comes in from any number of packets, with its descriptor`() throws {
        let statistics = ForwarderMessage.statistics(
            ForwarderStatistics(ports: (0..<3000).map { SourceStatistics(name: "vm-\($0)") })
        )
        let file = try Descriptor.open("/dev/null", flags: O_RDONLY)
        var got: [(ForwarderMessage, Int)] = []
        connection.receive = { message, descriptors in
            got.append((message, descriptors.count))
            if got.count == 2 { self.loop.stop() }
        }
        let packets = statistics.packets() + ForwarderMessage.commit.packets()
        #expect(packets.count > 3)
        var next = 0
        // The socket holds less than all of it: the loop and we take turns.
        while got.count < 2 {
            while next < packets.count,
                try SeqPacket.send(packets[next], descriptors: next == 0 ? [file] : [], over: agent)
            {
                next += 1
            }
            loop.defer { self.loop.stop() }
            loop.run()
        }
        #expect(got.map(\.0) == [statistics, .commit])
        #expect(got.map(\.1) == [1, 0])
    }

    @Test func `An agent that reads nothing is let go when too much waits for it`() {
        var reason: String?
        connection.ended = { reason = $0 }
        var count = 0
        while reason == nil, count < 10 * AgentConnection.waitingPacketCountMaximum {
            connection.send(.heldEnd)
            count += 1
        }
        #expect(reason == "the agent does not read what it is told")
        #expect(count > AgentConnection.waitingPacketCountMaximum)
    }

    @Test func `What waits is sent in order when the agent reads at last`() throws {
        for number in 0..<2000 { connection.send(.portFailed(name: "vm-\(number)", errno: 1)) }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var assembler = MessageAssembler()
        var next = 0
        while next < 2000 {
            let received = try buffer.withUnsafeMutableBytes { try SeqPacket.receive(into: $0, from: agent) }
            guard case .done(let packet) = received else {
                loop.defer { self.loop.stop() }
                loop.run()
                continue
            }
            #expect(try assembler.receive(Array(buffer[..<packet.count])) == .portFailed(name: "vm-\(next)", errno: 1))
            next += 1
        }
    }

    @Test func `Bytes that are no message end the connection with a reason`() throws {
        _ = try SeqPacket.send([9, 9, 0, 0, 0, 0, 0, 0], over: agent)
        #expect(end() == "no message has type 2313")
    }

    @Test func `More descriptors with one message than a device may have end the connection`() throws {
        let file = try Descriptor.open("/dev/null", flags: O_RDONLY)
        let files = Array(repeating: file, count: ForwarderProtocol.descriptorCountMaximum + 1)
        _ = try SeqPacket.send(ForwarderMessage.commit.encode(), descriptors: files, over: agent)
        let maximum = ForwarderProtocol.descriptorCountMaximum
        #expect(end() == "a message came with more than \(maximum) descriptors")
    }
}
