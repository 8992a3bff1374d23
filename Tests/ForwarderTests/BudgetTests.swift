import Datapath
import Southbound
import TestSupport
import Testing
import Wire

@testable import Forwarder

/// The limits of one port in a second.
@Suite struct BudgetTests {
    private static func send(_ frame: [UInt8], _ count: Int, _ net: MemoryHosts) {
        for start in stride(from: 0, to: count, by: 256) {
            net.send(Array(repeating: frame, count: min(256, count - start)), from: 0)
            net.drainPort(0, on: 0)
        }
    }

    @Test func `Requests for neighbors are answered up to a limit, and dropped and counted beyond`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        let (burst, rate) = (RateLimit.neighborAnswers.burst, RateLimit.neighborAnswers.perSecond)
        let request = MemoryHosts.arpRequest(from: 0, for: 1)
        Self.send(request, burst + 10, net)
        #expect(net.got(0).count == burst)
        #expect(net.drops(.neighborAnswerLimit, of: 0, on: 0) == 10)
        net.now += .seconds(1)
        Self.send(request, rate + 10, net)
        #expect(net.got(0).count == rate)
        #expect(net.drops(.neighborAnswerLimit, of: 0, on: 0) == 20)
        #expect(net.underlay.state.sendCount == 0)
        #expect(net.isAccountedFor(on: 0))
    }

    /// An IPv4 or IPv6 packet of the first port with right lengths.
    private static func packet(_ number: UInt8, isIPv6: Bool, _ payload: [UInt8]) -> [UInt8] {
        let count = UInt8(payload.count + (isIPv6 ? 0 : 20))
        let address = MemoryHosts.octets(MemoryHosts.ip(0))
        let linkLocal: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [9]
        let allRouters: [UInt8] = [0xff, 2] + [UInt8](repeating: 0, count: 13) + [2]
        let packet: [UInt8] =
            isIPv6
            ? [0x86, 0xdd, 0x60, 0, 0, 0, 0, count, number, 255] + linkLocal + allRouters
            : [8, 0, 0x45, 0, 0, count, 0, 0, 0, 0, 64, number, 0, 0] + address + [8, 8, 8, 8]
        let destination: [UInt8] = isIPv6 ? [0x33, 0x33, 0, 0, 0, 2] : MemoryHosts.mac(2).octets
        return destination + MemoryHosts.mac(0).octets + packet + payload
    }

    @Test func `Names are answered up to a limit, and so is what asks for a configuration`() {
        var datapath = MemoryHosts.datapath
        datapath.dnsDomain = "example.org"
        let mac = MemoryHosts.mac(60)
        datapath.routerAdvertisement = RouterAdvertisement(mac: mac, linkLocal: mac.linkLocalAddress)
        let net = MemoryHosts(hostCount: 1, places: [0, 0], datapath: datapath)
        let name: [UInt8] = Array("\u{6}port-1\u{7}example\u{3}org\0".utf8)
        let query: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 1, 0, 1]
        let datagram: [UInt8] = [0x0f, 0xa0, 0, 53, 0, UInt8(8 + query.count), 0, 0] + query
        let solicitation: [UInt8] = [133, 0, 0, 0, 0, 0, 0, 0]
        let cases: [([UInt8], RateLimit, DropReason)] = [
            (Self.packet(17, isIPv6: false, datagram), .nameAnswers, .nameAnswerLimit),
            (Self.packet(58, isIPv6: true, solicitation), .configurationAnswers, .configurationAnswerLimit),
        ]
        for (frame, limit, reason) in cases {
            for start in stride(from: 0, to: limit.burst + 10, by: 50) {
                net.send(Array(repeating: frame, count: min(50, limit.burst + 10 - start)), from: 0)
                net.drainPort(0, on: 0)
            }
            #expect(net.got(0).count == limit.burst, "\(reason)")
            #expect(net.drops(reason, of: 0, on: 0) == 10)
        }
        #expect(net.isAccountedFor(on: 0))
    }

    /// Leaves room for so many copies more.
    private static func exhaust(_ net: MemoryHosts, butFor count: Int) {
        let budget = net.hosts[0].path.budgets[0]
        let isTaken = budget.pointee.takeFloodCopies(RateLimit.floodCopies.burst - count, now: net.now)
        #expect(isTaken)
    }

    @Test func `Frames for many are copied up to a limit, here and for other hosts, and dropped beyond`() {
        let net = MemoryHosts(hostCount: 4, places: [0, 0, 1, 2, 3])
        let frame = MemoryHosts.frame(from: 0, to: .broadcast)
        // The first copy costs nothing but what any frame does.
        Self.exhaust(net, butFor: 3 * 70 + 2)
        Self.send(frame, 73, net)
        #expect(net.count(.sentFrames, of: CounterBlock.underlay, on: 0) == 70 * 3)
        #expect(net.got(1).count == 70)
        #expect(net.drops(.floodLimit, of: 0, on: 0) == 3)
        net.now += .seconds(1)
        Self.send(frame, 1, net)
        #expect(net.count(.sentFrames, of: CounterBlock.underlay, on: 0) == 71 * 3)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `Where they arrive they are copied up to a limit, for each port that sends`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 0, 1, 1, 1])
        let verdictHash = { (key: UInt64) in
            Int(truncatingIfNeeded: ((5 << 16 | key) &* 0x9e37_79b9_7f4a_7c15) >> 33)
        }
        let budget = net.hosts[1].path.distantBudgets[verdictHash(1)]
        let isTaken = budget.pointee.takeFloodCopies(RateLimit.floodCopies.burst - 10, now: .seconds(100))
        #expect(isTaken)
        Self.send(MemoryHosts.frame(from: 0, to: .broadcast), 7, net)
        net.settleUnderlay()
        #expect(net.got(2).count == 5 && net.got(4).count == 5)
        #expect(net.drops(.floodLimit, of: CounterBlock.underlay, on: 1) == 2)
        net.send([MemoryHosts.frame(from: 1, to: .broadcast)], from: 1)
        net.drainPort(1, on: 0)
        net.settleUnderlay()
        #expect(net.got(2).count == 1)
        #expect(net.isAccountedFor(on: 1))
    }

    @Test func `To one other port, whatever the MAC, there is no limit`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        Self.exhaust(net, butFor: 0)
        for destination in [MACAddress.broadcast, MemoryHosts.mac(1)] {
            Self.send(MemoryHosts.frame(from: 0, to: destination), 100, net)
        }
        #expect(net.count(.sentFrames, of: CounterBlock.underlay, on: 0) == 200)
        #expect(net.drops(.floodLimit, of: 0, on: 0) == 0)
    }

    @Test func `A sender hears of a smaller MTU up to a limit, and its frames are dropped for that reason beyond`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1], innerMTU: 1000)
        let frame = Flow(isUDP: true).frame(Flow.payload(1200))
        let burst = RateLimit.tooBigAnswers.burst
        Self.send(frame, burst + 5, net)
        #expect(net.got(0).count == burst)
        #expect(net.drops(.frameTooLong, of: 0, on: 0) == UInt64(burst))
        #expect(net.drops(.tooBigAnswerLimit, of: 0, on: 0) == 5)
        #expect(net.isAccountedFor(on: 0))
    }
}
