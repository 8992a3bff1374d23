import Datapath
import ForwarderProtocol
import Glibc
import TestSupport
import Testing
import Wire

@testable import Forwarder

@Suite struct OversizeTests {
    private static let underlay = CounterBlock.underlay

    /// A path from the first host to another one that carries so much.
    private static func narrow(_ net: MemoryHosts, to host: Int = 1, _ mtu: Int) {
        net.paths[0].set(.init(address: net.hosts[host].address, mtu: UInt32(mtu), isFound: true))
    }

    private static func send(_ frame: [UInt8], _ net: MemoryHosts, _ header: [UInt8]? = nil) {
        net.ports.state.vnetHeader = header ?? [UInt8](repeating: 0, count: 10)
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
    }

    private static func datagrams(_ net: MemoryHosts, to host: Int = 1) -> [[UInt8]] {
        let queue = net.underlay.state.queues.removeValue(forKey: net.hosts[host].address) ?? []
        return queue.map { Array($0.datagram[16...]) }
    }

    @Test(arguments: [false, true])
    func `TCP makes progress over a path that has become narrow, and over one that is wide again`(isIPv6: Bool) {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        let flow = Flow(isIPv6: isIPv6)
        let (frame, header) = flow.superpacket(Flow.payload(60_000), segmentByteCount: 1380)
        for mtu in [1442, 1202, 1300, 1442] {
            Self.narrow(net, mtu)
            Self.send(frame, net, header)
            let size = min(1380, mtu - flow.headerByteCount + 14)
            #expect(Self.datagrams(net) == flow.segments(Flow.payload(60_000), segmentByteCount: size))
            #expect(net.got(0).isEmpty)
        }
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A frame that may not be cut is answered with what its own path carries`() throws {
        let net = MemoryHosts(hostCount: 3, places: [0, 1, 2])
        Self.narrow(net, to: 1, 1342)
        var frame = Flow(isUDP: true).frame(Flow.payload(1400))
        frame[20] = 0x40
        Self.send(frame, net)
        let answer = try #require(net.got(0).first)
        #expect(try ICMPv4Header(parsing: answer.span.extracting(34..<answer.count)).rest == 1342)
        #expect(net.drops(.frameTooLong, of: 0, on: 0) == 1)
        #expect(net.paths[0].statistics.map(\.tooLongFrames) == [1, 0])
        // To the other host the same goes.
        frame[5] = 2
        Self.send(frame, net)
        #expect(Self.datagrams(net, to: 2) == [frame])
        #expect(net.got(0).isEmpty)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `IPv4 without DF leaves as fragments, its checksum complete`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        Self.narrow(net, 1300)
        let flow = Flow(isUDP: true, doesNotFragment: false)
        var (frame, header) = flow.superpacket(Flow.payload(1400), segmentByteCount: 1400)
        header[1] = 0
        Self.send(frame, net, header)
        frame = flow.frame(Flow.payload(1400))
        let got = Self.datagrams(net)
        #expect(got.count == 2)
        #expect(got.flatMap { $0[34...] } == Array(frame[34...]))
        // Datagrams of a superpacket, too, whatever becomes of the headers in between.
        let (many, offload) = flow.superpacket(Flow.payload(60_000), segmentByteCount: 1400)
        Self.send(many, net, offload)
        let expected = flow.segments(Flow.payload(60_000), segmentByteCount: 1400)
        #expect(Self.datagrams(net).flatMap { $0[34...] } == expected.flatMap { $0[34...] })
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A flood that did not reach a host says so, with the host and the reason`() {
        let net = MemoryHosts(hostCount: 3, places: [0, 0, 1, 2])
        Self.narrow(net, to: 1, 1300)
        let frame = MemoryHosts.frame(from: 0, to: .broadcast, byteCount: 1400)
        Self.send(frame, net)
        net.settleUnderlay()
        #expect(net.got(1) == [frame] && net.got(2).isEmpty && net.got(3) == [frame])
        #expect(net.hosts[0].counters.partlyDropped(.frameTooLong, of: 0) == 1)
        #expect(net.paths[0].statistics.map(\.tooLongFrames) == [1, 0])
        #expect(net.drops(.frameTooLong, of: 0, on: 0) == 0)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `What the kernel refuses as too long is told once, until somebody has said what goes`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        for _ in 0..<3 {
            net.underlay.state.sendErrors = [EMSGSIZE]
            Self.send(MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1)), net)
        }
        let host = net.hosts[1].address
        #expect(net.paths[0].takeRefused() == [host])
        #expect(net.paths[0].takeRefused() == [])
        #expect(net.paths[0].statistics.map(\.tooLongFrames) == [3])
        Self.narrow(net, 1442)
        net.underlay.state.sendErrors = [EMSGSIZE]
        Self.send(MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1)), net)
        #expect(net.paths[0].takeRefused() == [host])
    }

    @Test func `Routes bound what was found, and the host's own device what nobody has spoken of`() {
        let table = PathTable(usualMTU: 1442)
        let (one, two) = (MemoryHosts.address(of: 1, isIPv6: false), MemoryHosts.address(of: 2, isIPv6: true))
        let paths = (table.path(to: one), table.path(to: two))
        table.set(.init(address: one, mtu: 1400, isFound: true))
        table.set(.init(address: one, mtu: 1300, isFound: false))
        #expect(paths.0.mtu == 1300 && paths.1.mtu == 1442)
        table.set(.init(address: one, mtu: 8000, isFound: false))
        table.setUsualMTU(1342)
        #expect(paths.0.mtu == 1400 && paths.1.mtu == 1342)
    }

    @Test func `A probe of a host that shares a datapath is answered, small and at once; of nobody else`() throws {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.underlay.state.echoes = true
        var probe = [UInt8](repeating: 0, count: 1472)
        var span = probe.mutableSpan
        TunnelProbe(isEcho: false, nonce: 99, payloadByteCount: 1472).write(to: &span)
        let (asking, asked) = (net.hosts[0].address, net.hosts[1].address)
        func ask(_ datagram: [UInt8], from source: IPAddress) -> [[UInt8]] {
            net.underlay.state.queues[asked] = [(source, datagram)]
            net.settleUnderlay(only: 1)
            return (net.underlay.state.queues.removeValue(forKey: asking) ?? []).map(\.datagram)
        }
        let answers = ask(probe, from: asking)
        #expect(answers.map(\.count) == [TunnelProbe.byteCount])
        let answer = TunnelProbe(isEcho: true, nonce: 99, payloadByteCount: 1472)
        #expect(answers.first.flatMap { TunnelProbe(parsing: $0.span) } == answer)
        #expect(net.drops(.tunnelControlPacket, of: Self.underlay, on: 1) == 0)
        // A stranger, the host itself, an answer, another length, any other control packet.
        #expect(ask(probe, from: .v4(IPv4Address(0x0102_0304))).isEmpty)
        #expect(ask(probe, from: asked).isEmpty)
        #expect(ask(Array(probe[..<1000]), from: asking).isEmpty)
        #expect(ask([0, 0x80, 0x65, 0x58, 0, 0, 0, 0], from: asking).isEmpty)
        probe[TunnelProbe.typeOffset] = TunnelProbe.echoType
        #expect(ask(probe, from: asking).isEmpty)
        #expect(net.drops(.tunnelControlPacket, of: Self.underlay, on: 1) == 5)
        #expect(net.isAccountedFor(on: 1))
    }

    @Test func `No more probes are answered than a second allows`() {
        var budget = EchoBudget()
        let count = (0..<3 * EchoBudget.echoCountPerSecond).count { _ in budget.take(now: .milliseconds(1500)) }
        #expect(count == EchoBudget.echoCountPerSecond)
        let isTaken = budget.take(now: .milliseconds(2000))
        #expect(isTaken)
    }
}
