import Datapath
import ForwarderProtocol
import Southbound
import TestSupport
import Testing
import Wire

@testable import Forwarder

/// A port sends so many frames for many in a second, and what is beyond is dropped.
@Suite struct StormTests {
    private static let strange = MACAddress(truncating: 0x0200_0000_0999)
    private static let group = MACAddress(truncating: 0x0100_5e00_0001)

    /// Ports 0 and 1 are on one host, 2 on another; the last takes frames to unknown MACs.
    private static func hosts(_ limits: StormLimits, _ rate: SendingRate) -> MemoryHosts {
        let net = MemoryHosts(hostCount: 2, places: [0, 0, 1]) { binding, number in
            if number == 0 { binding.sendingRate = rate }
            if number == 2 { binding.hasUnknown = true }
        }
        net.capture([:], storms: [(0, limits)], on: 0)
        return net
    }

    private static func unlimited() -> SendingRate { SendingRate() }

    private static func limitedUnknowns() -> SendingRate {
        var rate = SendingRate()
        rate.unknownsPerSecond = 10
        return rate
    }

    /// A frame of IPv4, so that its flow is kept.
    private static func frame(to destination: MACAddress) -> [UInt8] {
        destination.octets + MemoryHosts.mac(0).octets + Flow(isUDP: true).frame(Flow.payload(50))[12...]
    }

    /// The number of frames of port 0 that come to port 2, whether merged or not.
    private static func arrived(of frames: [[UInt8]], _ net: MemoryHosts) -> UInt64 {
        let before = net.count(.sentFrames, of: 2, on: 1)
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        net.settleUnderlay()
        return net.count(.sentFrames, of: 2, on: 1) - before
    }

    private static let kinds: [(MACAddress, StormLimits, SendingRate)] = [
        (.broadcast, StormLimits(broadcasts: 10, multicasts: 0, unknowns: 0), unlimited()),
        (group, StormLimits(broadcasts: 0, multicasts: 10, unknowns: 0), unlimited()),
        (strange, StormLimits(broadcasts: 0, multicasts: 0, unknowns: 10), limitedUnknowns()),
    ]

    @Test(arguments: kinds.indices)
    func `Each kind has a limit of its own, and others are not counted`(index: Int) {
        let (mac, limits, rate) = Self.kinds[index]
        let net = Self.hosts(limits, rate)
        let others = Self.kinds.indices.filter { $0 != index }.map { Self.kinds[$0].0 } + [MemoryHosts.mac(2)]
        for round in 1...3 {
            #expect(Self.arrived(of: (0..<30).map { _ in Self.frame(to: mac) }, net) == 10)
            #expect(net.drops(.stormLimit, of: 0, on: 0) == UInt64(20 * round))
            for other in others {
                #expect(Self.arrived(of: (0..<30).map { _ in Self.frame(to: other) }, net) == 30)
            }
            net.now += .seconds(1)
        }
        #expect((0...1).allSatisfy { net.isAccountedFor(on: $0) })
    }

    @Test func `Requests that the host answers are not counted`() {
        let net = Self.hosts(StormLimits(broadcasts: 1, multicasts: 0, unknowns: 0), Self.unlimited())
        net.send((0..<30).map { _ in MemoryHosts.arpRequest(from: 0, for: 1) }, from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(0).count == 30)
        #expect(net.drops(.stormLimit, of: 0, on: 0) == 0)
    }

    @Test func `The segments of a superpacket are counted`() {
        let net = Self.hosts(StormLimits(broadcasts: 10, multicasts: 0, unknowns: 0), Self.unlimited())
        let (frame, header) = Flow(isUDP: true).superpacket(Flow.payload(5000), segmentByteCount: 1000)
        net.ports.state.vnetHeader = header
        let broadcast = MACAddress.broadcast.octets + MemoryHosts.mac(0).octets + frame[12...]
        net.send([broadcast, broadcast, broadcast], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1).count == 2)
        #expect(net.drops(.stormLimit, of: 0, on: 0) == 5)
    }

    @Test(arguments: [0, 1, 999_999_999, 1_000_000_000, UInt64.max])
    func `No rate is too large or too small`(rate: UInt64) {
        var budget = PortBudget()
        let limits = StormLimits(broadcasts: rate, multicasts: rate, unknowns: rate)
        #expect(limits.isNothing == (rate == 0))
        let isTaken = budget.takeStorm(1, of: .broadcast, limits, now: .seconds(100))
        #expect(isTaken)
    }
}
