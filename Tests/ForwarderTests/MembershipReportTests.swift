import Datapath
import Southbound
import Testing
import Wire

@testable import Forwarder

/// Reports about multicast groups on their way to the control thread.
@Suite struct MembershipReportTests {
    /// The report of the first port that it is a member of 239.1.1.1 (RFC 2236).
    private static let report: [UInt8] =
        [1, 0, 0x5e, 1, 1, 1] + MemoryHosts.mac(0).octets + [8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 1, 2, 0, 0]
        + MemoryHosts.octets(MemoryHosts.ip(0)) + [239, 1, 1, 1, 0x16, 0, 0xf9, 0xfc, 239, 1, 1, 1]

    /// Two hosts, of which one has no room for what reports say.
    private static func net(fullOn number: Int, _ facts: FactRings) -> MemoryHosts {
        var datapath = MemoryHosts.datapath
        datapath.snooping = MulticastSnooping()
        let net = MemoryHosts(hostCount: 2, places: [0, 1], datapath: datapath)
        let counters = net.hosts[number].counters
        net.hosts[number].path = FrameSwitch(
            ports: net.ports,
            underlay: net.underlay,
            counters: counters,
            facts: facts
        )
        for _ in 0..<FactRings.membershipCountMaximum { _ = facts.members.put(0, 0, 0) }
        return net
    }

    @Test func `One for which there is no room is dropped and counted, and the next is told`() {
        let facts = FactRings()
        defer { facts.deallocate() }
        let net = Self.net(fullOn: 0, facts)
        net.send([Self.report], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.drops(.multicastReportLimit, of: 0, on: 0) == 1)
        while facts.members.take() != nil {}
        net.send([Self.report], from: 0)
        net.drainPort(0, on: 0)
        #expect(facts.members.take()?.third == 0xef01_0101)
        #expect(net.drops(.multicastReportLimit, of: 0, on: 0) == 1)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `So is one from another host`() {
        let facts = FactRings()
        defer { facts.deallocate() }
        let net = Self.net(fullOn: 1, facts)
        for isFull in [true, false] {
            if !isFull { while facts.members.take() != nil {} }
            net.send([Self.report], from: 0)
            net.drainPort(0, on: 0)
            net.settleUnderlay()
            #expect((facts.members.take()?.third == 0xef01_0101) == !isFull)
            #expect(net.drops(.multicastReportLimit, of: CounterBlock.underlay, on: 1) == 1)
        }
        #expect(net.isAccountedFor(on: 1))
    }
}
