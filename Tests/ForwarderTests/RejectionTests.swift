import Datapath
import Southbound
import TestSupport
import Testing
import Wire

@testable import Forwarder

/// Frames that ACLs reject: answers on one host and between two, and their limits.
@Suite struct RejectionTests {
    private static func net(_ direction: PacketFilter.Direction, _ match: String = "udp", places: [Int] = [0, 0, 1])
        -> MemoryHosts
    {
        let rule = PacketFilter.Rule(name: "a", direction: direction, tier: 0, match: match, action: .reject)
        return MemoryHosts(hostCount: 2, places: places, filter: PacketFilter(acls: [rule], ports: ["port-0": 1]))
    }

    /// A datagram from the first port.
    private static func datagram(to port: Int) -> [UInt8] {
        var frame = Flow(isUDP: true).frame(Flow.payload(20))
        frame.replaceSubrange(0..<12, with: MemoryHosts.mac(port).octets + MemoryHosts.mac(0).octets)
        return frame
    }

    /// True if a frame is "port unreachable" about another one.
    private static func isRejection(_ answer: [UInt8], of frame: [UInt8]) -> Bool {
        answer.count > 42 && answer[..<6] == frame[6..<12] && answer[6..<12] == frame[..<6] && answer[23] == 1
            && answer[34..<36] == [3, 3] && Array(answer[42...]) == Array(frame[14...].prefix(answer.count - 42))
    }

    @Test(arguments: PacketFilter.Direction.allCases)
    func `The sender is told on its own host, and the frame is counted as dropped`(
        direction: PacketFilter.Direction
    ) {
        let net = Self.net(direction)
        let frame = Self.datagram(to: 1)
        // The second one by a kept decision.
        for _ in 0..<2 {
            net.send([frame], from: 0)
            net.drainPort(0, on: 0)
            let got = net.got(0)
            #expect(got.count == 1 && got.allSatisfy { Self.isRejection($0, of: frame) })
        }
        #expect(net.got(1) == [] && net.drops(.rejected, of: 0, on: 0) == 2)
        let refuser = direction == .fromPort ? 0 : 1
        #expect(net.hosts[0].counters.answers(.rejection, of: refuser) == 2)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `The sender on another host is told through the tunnel`() {
        let net = Self.net(.toPort, "outport != \"port-0\" && udp")
        let frame = Self.datagram(to: 2)
        for _ in 0..<2 {
            net.send([frame], from: 0)
            net.drainPort(0, on: 0)
            net.settleUnderlay(only: 1)
            net.settleUnderlay(only: 0)
            let got = net.got(0)
            #expect(got.count == 1 && got.allSatisfy { Self.isRejection($0, of: frame) })
        }
        #expect(net.got(2) == [] && net.drops(.rejected, of: CounterBlock.underlay, on: 1) == 2)
        #expect(net.hosts[1].counters.answers(.rejection, of: 2) == 2)
        #expect(net.isAccountedFor(on: 0) && net.isAccountedFor(on: 1))
    }

    @Test func `Answers are judged where they arrive, and answered by none`() {
        // Everything is rejected everywhere, answers too.
        for places in [[0, 0, 1], [0, 1, 1]] {
            let net = Self.net(.toPort, "ip", places: places)
            net.send([Self.datagram(to: 1)], from: 0)
            net.drainPort(0, on: 0)
            net.settleUnderlay()
            #expect(net.got(0) == [] && net.got(1) == [])
            #expect(net.underlay.state.sendCount == (places[1] == 0 ? 0 : 2))
        }
    }

    @Test func `A sender is told up to a limit, here and from another host`() {
        let burst = RateLimit.rejections.burst
        for port in 1...2 {
            let net = Self.net(.toPort)
            let frame = Self.datagram(to: port)
            for start in stride(from: 0, to: burst + 5, by: 50) {
                net.send(Array(repeating: frame, count: min(50, burst + 5 - start)), from: 0)
                net.drainPort(0, on: 0)
                net.settleUnderlay(only: 1)
                net.settleUnderlay(only: 0)
            }
            #expect(net.got(0).count == burst)
            let (source, host) = port == 1 ? (0, 0) : (CounterBlock.underlay, 1)
            #expect(net.drops(.rejectionLimit, of: source, on: host) == 5)
            #expect(net.drops(.rejected, of: source, on: host) == UInt64(burst))
        }
    }
}
