import CLinux
import ForwarderProtocol
import Glibc
import Netdev
import Reactor
import Southbound
import Testing
import Wire

@testable import Forwarder

/// Two forwarders, each with the TAP device of a network namespace: port 0 on host 0, port 1 on host 1.
@Suite(.serialized, .timeLimit(.minutes(2)), .enabled(if: TestNamespaces.isPossible))
struct DeviceTests {
    private let namespaces: TestNamespaces
    private let net: TestNetwork
    private let forwarders: [TestForwarder]
    private let agents: [TestAgent]

    init() throws {
        namespaces = try TestNamespaces(count: 2)
        net = try TestNetwork()
        forwarders = [try TestForwarder(), try TestForwarder()]
        agents = try forwarders.map { try TestAgent(path: $0.path) }
        for host in 0..<2 {
            _ = try agents[host].takeGreeting()
            try agents[host].commit(revision: 1, isSnapshot: true, snapshot(host))
        }
    }

    private func snapshot(_ host: Int) -> [(TestChange, Descriptor?)] {
        net.records(host, ports: [0: 0, 1: 1]) + [net.underlay(host)]
            + [(TestNetwork.localPort(host), namespaces.devices[host])]
    }

    @Test func `Guests ping each other with packets of any size that fits, and all frames are accounted for`() throws {
        #expect(namespaces.pings(from: 0, to: 1, count: 20))
        #expect(namespaces.pings(from: 1, to: 0, count: 5, byteCount: 1442 - 28))
        for agent in agents {
            var statistics = try agent.statistics()
            while !statistics.isAccountedFor { statistics = try agent.statistics() }
            #expect(statistics.ports.first?.receivedFrames ?? 0 >= 25)
            #expect(statistics.underlay.sentFrames >= 25)
        }
    }

    @Test func `A TCP connection carries its bytes: the guests' stacks check the sums`() throws {
        let address = SocketAddress.ip(.v4(MemoryHosts.ip(1)), port: 7000)
        let listener = try NetworkNamespace(namespaces.names[1]).run { () throws(SystemError) in
            try Descriptor.listen(on: address)
        }
        let sender = try NetworkNamespace(namespaces.names[0]).run { () throws(SystemError) in
            try Descriptor.connect(to: address)
        }
        try awaitReadiness(listener, POLLIN)
        let receiver = Descriptor(owning: Int32(try systemCall("accept") { clinux_accept(listener.raw, nil, nil) }))
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 * 7 / 3) }
        var sent = 0
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while received.count < bytes.count {
            try sent < bytes.count ? awaitReadiness(sender, POLLOUT) : awaitReadiness(receiver, POLLIN)
            if sent < bytes.count {
                let result = try bytes[sent...].withUnsafeBytes { try sender.write($0) }
                if case .done(let count) = result { sent += count }
            }
            let result = try buffer.withUnsafeMutableBytes { try receiver.read(into: $0) }
            if case .done(let count) = result { received += buffer[..<count] }
        }
        #expect(received == bytes)
    }

    @Test func `Pings go on while tables change, and while no agent is there`() throws {
        for revision in UInt64(2)..<30 {
            try agents[0].commit(
                revision: revision,
                [(.put(.portBinding(TestNetwork.binding(2, on: Int(revision % 2), bindSeq: revision))), nil)]
            )
            #expect(namespaces.pings(from: 0, to: 1, count: 2))
        }
        let next = try TestAgent(path: forwarders[0].path)
        #expect(try next.takeGreeting().held.count == 2)
        #expect(namespaces.pings(from: 0, to: 1, count: 5))
    }

    @Test func `Pings go on after the forwarder was replaced by one with the same descriptors`() throws {
        forwarders[0].stop()
        let successor = try TestForwarder()
        let agent = try TestAgent(path: successor.path)
        _ = try agent.takeGreeting()
        try agent.commit(revision: 1, isSnapshot: true, snapshot(0))
        #expect(namespaces.pings(from: 0, to: 1, count: 5))
    }

    @Test func `A device that is deleted is reported, and a new one takes its place`() throws {
        #expect(namespaces.inside(0, "ip", "link", "delete", "tap0"))
        let report = try agents[0].next()
        #expect(report?.message == .portFailed(name: "vm-0", errno: EBADFD))
        var configuration = TAPDevice.Configuration(name: "tap0", logicalPort: "port-0")
        configuration.mac = MemoryHosts.mac(0)
        configuration.addresses = IPPrefix("\(MemoryHosts.ip(0))/24").map { [$0] } ?? []
        let device = try #require(try TAPDevice.create(configuration, in: NetworkNamespace(namespaces.names[0])).first)
        try agents[0].commit(revision: 2, [(TestNetwork.localPort(0), device)])
        #expect(namespaces.pings(from: 0, to: 1, count: 5))
    }

    @Test func `A guest that sets its link down and up again has lost nothing but the time`() throws {
        #expect(namespaces.inside(1, "ip", "link", "set", "tap0", "down"))
        #expect(!namespaces.pings(from: 0, to: 1, count: 1))
        #expect(namespaces.inside(1, "ip", "link", "set", "tap0", "up"))
        #expect(namespaces.pings(from: 0, to: 1, count: 5))
        let statistics = try agents[1].statistics()
        #expect(statistics.ports.first?.unsentFrames ?? 0 > 0)
        #expect(statistics.underlay.drops("output_error") > 0)
    }
}
