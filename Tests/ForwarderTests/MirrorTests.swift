import Datapath
import ForwarderProtocol
import Glibc
import Match
import Southbound
import Testing
import Wire

@testable import Forwarder

@Suite struct MirrorTests {
    private static let collector = IPAddress.v4(IPv4Address(0xc000_0209))

    /// Port 0 of the first host with a mirror; ports 0, 1 and 2 are there, port 3 is elsewhere.
    private static func net(
        _ sinks: [(MirrorOrder.Sink, sent: Bool, received: Bool)],
        of ports: [Int] = [0],
        _ filter: MatchProgram = .always,
        _ change: (inout PortBinding, Int) -> Void = { _, _ in }
    ) -> MemoryHosts {
        let net = MemoryHosts(hostCount: 2, places: [0, 0, 0, 1], change)
        let socket = net.underlay.socket(net.hosts[0].address)
        let orders = sinks.map {
            MirrorOrder(
                ports: ports.map { "port-\($0)" },
                copiesSent: $0.sent,
                copiesReceived: $0.received,
                sink: $0.0,
                filter: filter
            )
        }
        let mirrors = OwnedMirrors(orders, ipv4: socket, ipv6: nil) { Int($0.dropFirst(5)) }
        net.capture([:], mirrors: mirrors, on: 0)
        return net
    }

    private func collected(_ net: MemoryHosts) -> [[UInt8]] {
        net.underlay.state.queues.removeValue(forKey: Self.collector)?.map(\.datagram) ?? []
    }

    @Test(arguments: [(true, false), (false, true), (true, true)])
    func `A port of the host gets copies of what a guest sends and gets, as the filter says`(
        sent: Bool,
        received: Bool
    ) {
        let net = Self.net([(.port("port-2"), sent, received)])
        let out = [1, 3].map { MemoryHosts.frame(from: 0, to: MemoryHosts.mac($0), mark: UInt8($0)) }
        net.send(out, from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(2) == (sent ? out : []))
        #expect(net.got(1) == [out[0]])
        let back = [1, 3].map { MemoryHosts.frame(from: $0, to: MemoryHosts.mac(0), mark: UInt8($0)) }
        net.send([back[0]], from: 1)
        net.drainPort(1, on: 0)
        net.send([back[1]], from: 3)
        net.drainPort(3, on: 1)
        net.settleUnderlay()
        #expect(net.got(2) == (received ? back : []))
        #expect(net.got(0) == back)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A mirror's copy is not copied again, also not between ports that mirror each other`() {
        let net = Self.net([(.port("port-2"), true, true), (.port("port-0"), true, true)], of: [0, 2])
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(2) == [frame])
        #expect(net.got(0) == [])
        // A frame for the mirror's port itself comes once for itself and once as a copy.
        let direct = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(2))
        net.send([direct], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(2) == [direct, direct])
        #expect(net.got(0) == [direct])
    }

    @Test func `All that a port sends is copied, also what it may not send, but of what it gets only what comes`() {
        let net = Self.net([(.port("port-2"), true, true)]) { binding, number in
            guard number == 0 else { return }
            binding.portSecurity = [PortSecurityEntry(mac: MemoryHosts.mac(0))]
        }
        let spoofed = MemoryHosts.frame(from: 9, to: MemoryHosts.mac(1))
        let stray = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(9))
        net.send([spoofed, stray], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(2) == [spoofed, stray])
        #expect(net.drops(.ingressPortSecurity, of: 0, on: 0) == 1)
        #expect(net.drops(.unknownDestination, of: 0, on: 0) == 1)
        net.ports.state.writeErrno[0] = EAGAIN
        net.send([MemoryHosts.frame(from: 1, to: MemoryHosts.mac(0))], from: 1)
        net.drainPort(1, on: 0)
        #expect(net.got(2) == [])
    }

    @Test func `A mirror's rules decide which frames are copied, to ports and to collectors`() throws {
        let skipped = try MatchExpression("eth.dst == \(MemoryHosts.mac(1))")
        let filter = MatchProgram([(skipped, false)], otherwise: true)
        let net = Self.net(
            [(.port("port-2"), true, false), (.gre(Self.collector, key: 7), true, false)],
            filter
        )
        let frames = [1, 3].map { MemoryHosts.frame(from: 0, to: MemoryHosts.mac($0)) }
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(2) == [frames[1]])
        #expect(collected(net).map { Array($0[8...]) } == [frames[1]])
        #expect(net.got(1) == [frames[0]])
        let none = Self.net([(.port("port-2"), true, false)], MatchProgram([], otherwise: false))
        none.send(frames, from: 0)
        none.drainPort(0, on: 0)
        #expect(none.got(2) == [])
    }

    @Test func `A collector gets frames in GRE and in ERSPAN`() {
        let net = Self.net([
            (.gre(Self.collector, key: 7), true, false), (.erspan(Self.collector, index: 5), true, false),
        ])
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(3), mark: 3)
        net.send([frame, frame], from: 0)
        net.drainPort(0, on: 0)
        let all = collected(net)
        #expect(all.map(\.count) == [68, 76, 68, 76])
        #expect(all[0] == [0x20, 0, 0x65, 0x58, 0, 0, 0, 7] + frame)
        #expect(all[1].prefix(4) == [0x10, 0, 0x88, 0xbe] && all[1][8...] == [0x10, 0, 0, 5, 0, 0, 0, 5] + frame)
        // The sequence rises.
        #expect(all[3][4..<8].reduce(0) { $0 << 8 | Int($1) } > all[1][4..<8].reduce(0) { $0 << 8 | Int($1) })
        net.settleUnderlay()
        #expect(net.got(3) == [frame, frame])
    }

    @Test func `More frames than a mirror takes are counted, and they themselves go on`() {
        let net = Self.net([(.port("port-2"), sent: true, received: false)])
        let burst = RateLimit.mirrorCopies.burst
        let isTaken = net.hosts[0].path.budgets[0].pointee.takeMirrorCopies(burst - 1, now: net.now)
        #expect(isTaken)
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))
        net.send([frame, frame, frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1).count == 3)
        #expect(net.got(2).count == 1)
        #expect(net.hosts[0].counters.partlyDropped(.mirrorLimit, of: 0) == 2)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A mirror that does not take a copy costs the copy alone`() {
        let net = Self.net([(.port("port-2"), sent: true, received: false)])
        net.ports.state.writeErrno[2] = EAGAIN
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1).count == 1)
        #expect(net.hosts[0].counters.partlyDropped(.noRoom, of: 0) == 1)
        #expect(net.count(.unsentFrames, of: 2, on: 0) == 1)
    }
}
