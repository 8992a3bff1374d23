import Datapath
import Southbound
import Testing
import Wire

/// ACLs: their order, what is strict, changes under traffic, and what they cost.
@Suite struct FilterTests {
    /// `vm1` and `vm2` here.
    private func host(_ acls: [PacketFilter.Rule], _ change: (inout PacketFilter) -> Void = { _ in }) -> TestHost {
        var filter = PacketFilter(acls: acls)
        change(&filter)
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1")])
        host.update(at: .zero) { $0.datapaths[0].filter = filter }
        return host
    }

    private func rule(
        _ match: String,
        _ action: PacketFilter.Action,
        _ direction: PacketFilter.Direction = .toPort,
        tier: UInt8 = 0
    ) -> PacketFilter.Rule {
        PacketFilter.Rule(name: match, direction: direction, tier: tier, match: match, action: action)
    }

    private func trace(_ frame: [UInt8], _ host: TestHost) -> Trace {
        withExtendedLifetime(host.tables) { host.tables.view.trace(frame, from: 0) }
    }

    private func passes(_ frame: [UInt8], _ host: TestHost) -> Bool {
        trace(frame, host).outputs.contains { if case .local = $0 { true } else { false } }
    }

    @Test func `The first that is true decides, pass goes to the next tier, and without one the frame passes`() {
        let frame = TestHost.udp(1, 2)
        #expect(passes(frame, host([rule("ip6", .drop)])))
        #expect(!passes(frame, host([rule("ip4", .drop), rule("1", .allow)])))
        #expect(passes(frame, host([rule("1", .allow), rule("ip4", .drop)])))
        let passing = [rule("ip4", .pass), rule("ip4", .drop), rule("udp", .drop, tier: 1)]
        #expect(!passes(frame, host(passing)) && passes(frame, host([passing[0], passing[1]])))
        let way = trace(frame, host(passing))
        #expect(way.steps.compactMap(\.acl) == [2] && way.outputs == [.dropped(.acl, slot: 1)])
        #expect(trace(frame, host([rule("ip4", .drop, .fromPort)])).dropReason == .acl)
    }

    @Test func `What cannot be read is true, and drops`() {
        #expect(!passes(TestHost.udp(1, 2), host([rule("a later word", .allow)])))
    }

    @Test func `Ports and groups mean keys, and what is not there means nobody`() {
        let acls = [rule("outport == @web || inport == \"vm1\"", .drop)]
        #expect(passes(TestHost.udp(1, 2), host(acls)))
        #expect(!passes(TestHost.udp(1, 2), host(acls) { $0.portGroups = ["web": [2]] }))
        #expect(!passes(TestHost.udp(1, 2), host(acls) { $0.ports = ["vm1": 1] }))
        // A port may be called as a group is written.
        let twins = [rule("outport == \"@web\"", .drop)]
        #expect(!passes(TestHost.udp(1, 2), host(twins) { ($0.ports, $0.portGroups) = (["@web": 2], ["web": [1]]) }))
    }

    @Test func `Fragments hide no header that an ACL reads`() {
        func fragment(_ word: UInt16, _ payload: [UInt8], _ transport: UInt8 = IPProtocol.udp) -> [UInt8] {
            var frame = FrameBuilder.ethernet(
                TestHost.mac(1),
                TestHost.mac(2),
                EtherType.ipv4,
                payload: FrameBuilder.ipv4(
                    TestHost.ipv4(1),
                    TestHost.ipv4(2),
                    protocolNumber: transport,
                    payload: payload
                )
            )
            frame[20] = UInt8(word >> 8)
            frame[21] = UInt8(word & 255)
            return frame
        }
        let open = host([rule("ip4.dst == 10.0.0.1", .drop)])
        let filtered = host([rule("udp.dst == 53", .drop)])
        let whole = FrameBuilder.udp(1000, 2000, count: 40)
        let first = fragment(0x2000, whole)
        let (cut, later, early) = (
            fragment(0x2000, Array(whole.prefix(4))), fragment(6, whole), fragment(1, Array(whole.prefix(8)))
        )
        for frame in [first, cut, later, early] { #expect(passes(frame, open)) }
        #expect(passes(first, filtered) && passes(later, filtered))
        #expect(!passes(cut, filtered) && !passes(early, filtered))
        // Of ICMP only where types are read.
        let short = fragment(0x2000, [8, 0, 0, 0], IPProtocol.icmpv4)
        #expect(passes(short, filtered) && !passes(short, host([rule("icmp4.type == 13", .drop)])))
    }

    @Test func `Neighbors are found in any case`() {
        let strict = host([rule("1", .drop, .fromPort), rule("1", .drop)])
        let solicitation = NeighborMessage(kind: .solicitation, target: TestHost.ipv6(9), sourceMAC: TestHost.mac(1))
        #expect(passes(TestHost.neighbor(1, solicitation, to: IPv6Address(high: 0xff02 << 48, low: 1)), strict))
        #expect(!passes(TestHost.arpRequest(1, 9), strict) && !passes(TestHost.udp6(1, 2), strict))
    }

    @Test func `A change holds for the next frame of a kept flow`() {
        var host = host([rule("udp.dst == 53", .drop)])
        let cache = FlowCache(entryCount: FlowCache.usualEntryCount)
        let arrival = Arrival.device(slot: 0, bytes: TestHost.udp(1, 2))
        #expect(host.tables.keptOutcomes(of: arrival, host.input, cache) == [.local(slot: 1)])
        #expect(host.tables.keptOutcomes(of: arrival, host.input, cache) == [.local(slot: 1)])
        host.update(at: .zero) { $0.datapaths[0].filter?.acls[0].match = "udp.dst == 2000" }
        #expect(host.tables.keptOutcomes(of: arrival, host.input, cache) == [.copyDropped(.acl, slot: 1)])
        host.update(at: .zero) { $0.datapaths[0].filter = nil }
        #expect(host.tables.keptOutcomes(of: arrival, host.input, cache) == [.local(slot: 1)])
    }

    @Test func `Sets that gain, lose, become empty and are not any more hold for the next frame`() {
        var host = host([rule("ip4.src == $a && ip4.dst == {$b, 1.2.3.4}", .drop)]) {
            $0.addressSets = ["a": [], "b": [IPPrefix(host: .v4(TestHost.ipv4(2)))]]
        }
        let (one, other) = (IPPrefix(host: .v4(TestHost.ipv4(1))), IPPrefix(host: .v4(TestHost.ipv4(7))))
        for set in [[], [one], [one, other], [other], [other, one], [], [one]] {
            host.update(at: .zero) { $0.datapaths[0].filter?.addressSets["a"] = set }
            #expect(passes(TestHost.udp(1, 2), host) == !set.contains(one))
        }
        host.update(at: .zero) { $0.datapaths[0].filter?.addressSets["b"] = [other] }
        #expect(passes(TestHost.udp(1, 2), host))
    }

    @Test func `Many ACLs of many groups lie in little memory, and sets that all name but once`() {
        let acls = (0..<10_000).map { rule("outport == @g\($0 / 100) && ip4.src == $all && tcp.dst == \($0)", .drop) }
        let host = host(acls) { filter in
            for number in 0..<100 { filter.portGroups["g\(number)"] = [UInt16(number + 1)] }
            filter.addressSets = ["all": (0..<4096).map { IPPrefix(host: .v4(IPv4Address($0 * 2))) }]
        }
        #expect(host.tables.byteCount < 20 << 20, "\(host.tables.byteCount)")
        #expect(passes(TestHost.udp(1, 2), host))
    }

    @Test func `Ports that each have rules of their own, beside many for all, are asked all of them`() {
        let own = (1...1000).map { rule("outport == \"p\($0)\" && ip4", .drop) }
        let acls = own + (0..<1000).map { rule("ip4.dst == 10.0.0.\($0 % 256)", .allow) }
        let host = host(acls) { filter in for number in 1...1000 { filter.ports["p\(number)"] = UInt16(number) } }
        #expect(host.tables.byteCount < 4 << 20, "\(host.tables.byteCount)")
        #expect(!passes(TestHost.udp(1, 2), host))
    }
}
