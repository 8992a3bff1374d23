import CLinux
import ForwarderProtocol
import Glibc
import Reactor
import Southbound
import Testing
import Wire

@testable import Forwarder

/// A forwarder with a guest by its rings, port 0, and one by a socket, port 1, on the same host.
@Suite(.timeLimit(.minutes(1))) struct RingPortTests {
    private let net: TestNetwork
    private let forwarder: TestForwarder
    private let agent: TestAgent
    private let other: TestGuest

    init() throws {
        net = try TestNetwork()
        forwarder = try TestForwarder()
        agent = try TestAgent(path: forwarder.path)
        other = try TestGuest("vm-1")
        _ = try agent.takeGreeting()
        try agent.commit(
            revision: 1,
            isSnapshot: true,
            net.records(0, ports: [0: 0, 1: 0]) + [net.underlay(0), (TestNetwork.localPort(1), other.device)]
        )
    }

    private func plug(_ guest: RingGuest, revision: UInt64, to agent: TestAgent? = nil) throws -> [ForwarderMessage] {
        let change = TestChange.putRings(name: "vm-0", logicalPort: "port-0", guest.layout, guest.descriptors)
        return try (agent ?? self.agent).commit(revision: revision, [(change, nil)])
    }

    private func exchange(_ guest: RingGuest, _ mark: UInt8) throws {
        let there = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: mark)
        guest.send(there)
        #expect(try other.receive() == there)
        let back = MemoryHosts.frame(from: 1, to: MemoryHosts.mac(0), mark: mark)
        guest.post(1)
        try other.send(back)
        #expect(try guest.receive().frame == back)
    }

    @Test func `Frames go to and from a guest's rings, and are counted`() throws {
        let guest = try RingGuest()
        #expect(try plug(guest, revision: 2).isEmpty)
        for mark in UInt8(1)...200 { try exchange(guest, mark) }
        func port() throws -> SourceStatistics? { try agent.statistics().ports.first { $0.name == "vm-0" } }
        // The last frame is counted after it is with the guest.
        let end = Clock.monotonic() + .milliseconds(Int64(TestAgent.patience))
        while try port()?.sentFrames == 199, Clock.monotonic() < end {}
        #expect(try port()?.receivedFrames == 200)
        #expect(try port()?.sentFrames == 200)
    }

    @Test func `Frames that were sent before the rings are served go then`() throws {
        let guest = try RingGuest()
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: 1)
        guest.send(frame)
        var count: UInt64 = 0
        _ = clinux_read(guest.kick.raw, &count, 8)
        _ = try plug(guest, revision: 2)
        #expect(try other.receive() == frame)
    }

    @Test func `A guest whose rings are told anew goes on where it was`() throws {
        let guest = try RingGuest()
        for revision in UInt64(2)..<20 {
            _ = try plug(guest, revision: revision)
            try exchange(guest, UInt8(revision))
        }
    }

    @Test func `A guest that breaks the rules is told to the agent, and others go on`() throws {
        let guest = try RingGuest()
        _ = try plug(guest, revision: 2)
        try exchange(guest, 1)
        guest.store(UInt16(1000), at: RingGuest.sending.available + 2)
        guest.signal()
        var told: ForwarderMessage?
        while told == nil, let (message, _) = try agent.next() { told = message }
        #expect(told == .portFailed(name: "vm-0", errno: EPROTO))
        // It may come again.
        let next = try RingGuest()
        _ = try plug(next, revision: 3)
        try exchange(next, 2)
    }

    @Test func `A guest that shortens its memory is told to the agent`() throws {
        let guest = try RingGuest()
        _ = try plug(guest, revision: 2)
        try exchange(guest, 1)
        try systemCall("ftruncate") { clinux_truncate(guest.file.raw, 0) }
        guest.signal()
        var told: ForwarderMessage?
        while told == nil, let (message, _) = try agent.next() { told = message }
        guard case .portFailed("vm-0", let errno)? = told else {
            Issue.record("\(String(describing: told))")
            return
        }
        #expect(errno == EIO || errno == EPROTO)
    }

    @Test func `A layout without its memory is told as a failure`() throws {
        let guest = try RingGuest()
        var layout = guest.layout
        layout.regions[0].byteCount = .max
        let change = TestChange.putRings(name: "vm-0", logicalPort: "port-0", layout, guest.descriptors)
        let besides = try agent.commit(revision: 2, [(change, nil)])
        #expect(besides == [.portFailed(name: "vm-0", errno: EFBIG)])
    }

    @Test func `Without an agent a guest's rings rest, and the next agent finds none`() throws {
        let guest = try RingGuest()
        _ = try plug(guest, revision: 2)
        try exchange(guest, 1)
        let next = try TestAgent(path: forwarder.path)
        let (greeting, held, _) = try next.takeGreeting()
        #expect(greeting?.revision == 2)
        #expect(held == [.underlay(net.addresses[0]), .port("vm-1")])
        guest.send(MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: 2))
        #expect(guest.usedOfSent == 1)
    }
}
