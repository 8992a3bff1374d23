import CLinux
import ForwarderProtocol
import Glibc
import Reactor
import Southbound
import Testing
import Wire

@testable import Forwarder

@Suite(.timeLimit(.minutes(1))) struct ForwarderControlTests {
    /// Two forwarders with a guest each, port 0 on host 0 and port 1 on host 1, tables in force.
    private final class Setup {
        let net: TestNetwork
        let forwarders: [TestForwarder]
        let agents: [TestAgent]
        let guests: [TestGuest]

        init() throws {
            net = try TestNetwork()
            forwarders = [try TestForwarder(), try TestForwarder()]
            agents = try forwarders.map { try TestAgent(path: $0.path) }
            guests = [try TestGuest("vm-0"), try TestGuest("vm-1")]
            for host in 0..<2 {
                _ = try agents[host].takeGreeting()
                try agents[host].commit(revision: 1, isSnapshot: true, snapshot(host))
            }
        }

        func snapshot(_ host: Int, withDevices: Bool = true) -> [(TestChange, Descriptor?)] {
            net.records(host, ports: [0: 0, 1: 1]) + (withDevices ? [net.underlay(host)] : [])
                + [(TestNetwork.localPort(host), withDevices ? guests[host].device : nil)]
        }

        /// Sends a marked frame from guest 0 to guest 1 and takes it there.
        func carries(_ mark: UInt8) throws -> Bool {
            let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: mark)
            try guests[0].send(frame)
            return try guests[1].receive() == frame
        }
    }

    @Test func `A new forwarder greets with its version and holds nothing`() throws {
        let forwarder = try TestForwarder()
        let (greeting, held, descriptors) = try TestAgent(path: forwarder.path).takeGreeting()
        #expect(
            greeting
                == Greeting(
                    version: ForwarderProtocol.version,
                    processID: getpid(),
                    epoch: 0,
                    revision: 0,
                    heldCount: 0
                )
        )
        #expect(held.isEmpty)
        #expect(descriptors.isEmpty)
    }

    @Test func `Frames go from guest to guest over two forwarders, both ways, as soon as they have acknowledged`()
        throws
    {
        let setup = try Setup()
        #expect(try setup.carries(1))
        let answer = MemoryHosts.frame(from: 1, to: MemoryHosts.mac(0), byteCount: 1456)
        try setup.guests[1].send(answer)
        #expect(try setup.guests[0].receive() == answer)
    }

    @Test func `The guest of a standby port opens it with its announcement, of which each agent is told once`() throws {
        let setup = try Setup()
        var binding = TestNetwork.binding(1, on: 0)
        binding.locations.append(.init(chassis: "host-1", bindSeq: 2, state: .standby))
        binding.activationStrategy = [.garp]
        for host in 0..<2 { try setup.agents[host].commit(revision: 2, [(.put(.portBinding(binding)), nil)]) }
        func announcement(from sender: Int) -> [UInt8] {
            let own: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 1] + MemoryHosts.mac(sender).octets
            let word = MemoryHosts.ip(sender).rawValue
            let address = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) }
            let head = MACAddress.broadcast.octets + MemoryHosts.mac(sender).octets + [8, 6]
            return head + own + address + [0, 0, 0, 0, 0, 0] + address + [UInt8](repeating: 0, count: 18)
        }
        let early = MemoryHosts.frame(from: 1, to: MemoryHosts.mac(0), mark: 1)
        let first = MemoryHosts.frame(from: 1, to: MemoryHosts.mac(0), mark: 2)
        for frame in [early, announcement(from: 1), first] { try setup.guests[1].send(frame) }
        #expect(try setup.guests[0].receive() == announcement(from: 1))
        #expect(try setup.guests[0].receive() == first)
        let mark = try #require(binding.activationMark(on: "host-1"))
        let told = ForwarderMessage.portActivated(PortActivation(name: "vm-1", mark: mark))
        #expect(try setup.agents[1].next()?.message == told)
        #expect(try setup.carries(3))
        let next = try TestAgent(path: setup.forwarders[1].path)
        _ = try next.takeGreeting()
        #expect(try next.next()?.message == told)
        binding.locations = [.init(chassis: "host-1", bindSeq: 3)]
        #expect(try setup.agents[0].commit(revision: 3, [(.put(.portBinding(binding)), nil)]) == [])
    }

    @Test func `Statistics tell what each port and the underlay did, every frame once`() throws {
        let setup = try Setup()
        #expect(try setup.carries(1))
        try setup.guests[0].send(MemoryHosts.frame(from: 0, to: MemoryHosts.mac(9)))
        // Frames that were sent before it have been counted when this one arrives.
        #expect(try setup.carries(2))
        #expect(try setup.carries(3))
        // The last batch may not be counted yet when its frame arrives.
        var statistics = try setup.agents[0].statistics()
        while !statistics.isAccountedFor { statistics = try setup.agents[0].statistics() }
        let port = try #require(statistics.ports.first)
        #expect(statistics.ports.map(\.name) == ["vm-0"])
        #expect(port.receivedFrames >= 3)
        #expect(port.drops("unknown_destination") == 1)
        #expect(statistics.underlay.sentFrames >= 2)
        #expect(
            statistics.pollers.map(\.name)
                == ["from-ports-0", "from-ports-1", "from-underlay-0", "from-underlay-1"]
        )
        #expect(statistics.pollers.map(\.sourceCount) == [1, 0, 1, 0])
        #expect(statistics.pollers.first?.receivedFrames == port.receivedFrames)
        let other = try setup.agents[1].statistics()
        #expect(other.ports.first?.sentFrames ?? 0 >= 2)
    }

    @Test func `A snapshot that says the same again changes nothing and is acknowledged`() throws {
        let setup = try Setup()
        let besides = try setup.agents[0].commit(revision: 2, isSnapshot: true, setup.snapshot(0, withDevices: false))
        #expect(besides.isEmpty)
        #expect(try setup.carries(1))
    }

    @Test func `The forwarder goes on without an agent and hands its descriptors to the next`() throws {
        let setup = try Setup()
        let next = try TestAgent(path: setup.forwarders[0].path)
        let (greeting, held, descriptors) = try next.takeGreeting()
        #expect(greeting?.epoch == 7)
        #expect(greeting?.revision == 1)
        #expect(greeting?.heldCount == 2)
        #expect(held == [.underlay(setup.net.addresses[0]), .port("vm-0")])
        #expect(try descriptors.first?.localAddress() == .ip(setup.net.addresses[0], port: 6081))
        #expect(descriptors.count == 2)
        #expect(try setup.agents[0].next() == nil, "the newer agent replaces the older")
        #expect(try setup.carries(1))
        #expect(try next.commit(revision: 2, []).isEmpty)
    }

    @Test func `A new forwarder with the same descriptors carries on where the old one was`() throws {
        let setup = try Setup()
        setup.forwarders[0].stop()
        let waiting = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: 1)
        try setup.guests[0].send(waiting)
        let successor = try TestForwarder()
        let agent = try TestAgent(path: successor.path)
        _ = try agent.takeGreeting()
        try agent.commit(revision: 1, isSnapshot: true, setup.snapshot(0))
        #expect(try setup.guests[1].receive() == waiting, "what was sent in between waits in the device")
        #expect(try setup.carries(2))
    }

    @Test func `Tables change under traffic without losing a frame or their order`() throws {
        let setup = try Setup()
        for revision in UInt64(2)...60 {
            for mark in UInt8(0)..<4 {
                try setup.guests[0].send(MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: mark))
            }
            let other = TestNetwork.binding(2, on: Int(revision % 2), bindSeq: revision)
            try setup.agents[0].commit(
                revision: revision,
                [(revision % 3 == 0 ? .delete(.portBinding(other.id)) : .put(.portBinding(other)), nil)]
            )
            for mark in UInt8(0)..<4 {
                #expect(
                    try setup.guests[1].receive()
                        == MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: mark)
                )
            }
        }
        #expect(try setup.agents[0].statistics().ports.first?.drops == [])
    }

    @Test func `A port that is gone is read no more, and one in its slot starts to count at zero`() throws {
        let setup = try Setup()
        #expect(try setup.carries(1))
        try setup.agents[0].commit(revision: 2, [(.deletePort(name: "vm-0"), nil)])
        #expect(try setup.agents[0].statistics().ports.isEmpty)
        let guest = try TestGuest("vm-9")
        let port = TestChange.putPort(name: "vm-9", logicalPort: "port-0")
        try setup.agents[0].commit(revision: 3, [(port, guest.device)])
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: 9)
        try guest.send(frame)
        #expect(try setup.guests[1].receive() == frame)
        let statistics = try setup.agents[0].statistics()
        #expect(statistics.ports.map(\.name) == ["vm-9"])
        #expect(statistics.ports.first?.receivedFrames ?? 9 <= 1)
    }

    @Test func `A port keeps its counters when it gets another device`() throws {
        let setup = try Setup()
        #expect(try setup.carries(1))
        let guest = try TestGuest("vm-0")
        try setup.agents[0].commit(revision: 2, [(TestNetwork.localPort(0), guest.device)])
        for mark in UInt8(0)..<2 {
            let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: mark)
            try guest.send(frame)
            #expect(try setup.guests[1].receive() == frame)
        }
        #expect(try setup.agents[0].statistics().ports.first?.receivedFrames ?? 0 >= 2)
    }

    @Test func `A port without a descriptor is reported, and so is one that is no device`() throws {
        let setup = try Setup()
        let missing = TestNetwork.localPort(5)
        #expect(
            try setup.agents[0].commit(revision: 2, [(missing, nil)])
                == [.portFailed(name: "vm-5", errno: EBADF)]
        )
        let file = try Descriptor.open("/dev/null", flags: O_RDWR)
        #expect(
            try setup.agents[0].commit(revision: 3, [(missing, file)])
                == [.portFailed(name: "vm-5", errno: EPERM)]
        )
        #expect(try setup.carries(1))
    }

    @Test(arguments: [IPAddress.v4(IPv4Address(0x7f00_0001)), .v6(IPv6Address(high: 0, low: 1))])
    func `Packets of the underlay's socket are never fragmented, whatever ICMP says`(address: IPAddress) throws {
        let forwarder = try TestForwarder()
        let agent = try TestAgent(path: forwarder.path)
        _ = try agent.takeGreeting()
        let socket = try UDPSocket(boundTo: .ip(address, port: 0)).descriptor
        let local = TestChange.setLocalChassis("host-0", address)
        try agent.commit(revision: 1, isSnapshot: true, [(local, nil), (.underlay(address), socket)])
        switch address {
        case .v4: #expect(try socket.option(CLINUX_IPPROTO_IP, IP_MTU_DISCOVER) == IP_PMTUDISC_PROBE)
        case .v6: #expect(try socket.option(CLINUX_IPPROTO_IPV6, IPV6_MTU_DISCOVER) == IPV6_PMTUDISC_PROBE)
        }
    }

    @Test func `A descriptor that is no socket cannot be the underlay`() throws {
        let forwarder = try TestForwarder()
        let agent = try TestAgent(path: forwarder.path)
        _ = try agent.takeGreeting()
        let file = try Descriptor.open("/dev/null", flags: O_RDWR)
        let changes: [(TestChange, Descriptor?)] = [
            (.setLocalChassis("host-0", Self.loopback), nil), (.underlay(Self.loopback), file),
        ]
        #expect(throws: TestAgent.Silence.self) { try agent.commit(revision: 1, isSnapshot: true, changes) }
    }

    @Test func `Tables that are not where they are said to be close the connection, and those in force stay`() throws {
        for place in [TablePlace(root: 0, length: 64), TablePlace(root: 16, length: .max)] {
            let setup = try Setup()
            let agent = setup.agents[0]
            try agent.send(.begin(epoch: 7, revision: 2, isSnapshot: false))
            try agent.send(.tables(place))
            try agent.send(.commit)
            #expect(try agent.next() == nil)
            #expect(try setup.carries(1))
            #expect(try TestAgent(path: setup.forwarders[0].path).takeGreeting().greeting?.revision == 1)
        }
        let setup = try Setup()
        let file = try Descriptor.open("/dev/zero", flags: O_RDWR)
        try setup.agents[0].send(.begin(epoch: 7, revision: 2, isSnapshot: false))
        try setup.agents[0].send(.tables(TablePlace(root: 16, length: 4096)), file)
        try setup.agents[0].send(.commit)
        #expect(try setup.agents[0].next() == nil)
        #expect(try setup.carries(1))
    }

    private static let loopback = IPAddress.v4(IPv4Address(0x7f00_0001))

    @Test func `Nonsense closes the connection, and what is in force stays`() throws {
        let setup = try Setup()
        try setup.agents[0].send(.begin(epoch: 7, revision: 2, isSnapshot: true))
        try setup.agents[0].send(.heldEnd)
        #expect(try setup.agents[0].next() == nil)
        #expect(try setup.carries(1))
        let next = try TestAgent(path: setup.forwarders[0].path)
        #expect(try next.takeGreeting().greeting?.revision == 1)
    }

    @Test func `Hundreds of held descriptors all come back`() throws {
        let setup = try Setup()
        let guests = try (10..<310).map { try TestGuest("vm-\($0)") }
        try setup.agents[0].commit(
            revision: 2,
            zip(10..., guests).map { (TestNetwork.localPort($0), $1.device) }
        )
        let next = try TestAgent(path: setup.forwarders[0].path)
        let (greeting, held, descriptors) = try next.takeGreeting()
        #expect(greeting?.heldCount == 302)
        #expect(held.count == 302)
        #expect(descriptors.count == 302)
    }
}
