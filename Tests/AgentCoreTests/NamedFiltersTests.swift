import JSON
import Southbound
import Testing
import Wire

@testable import AgentCore

/// The words of the log and of the counters of ACLs.
@Suite struct NamedFiltersTests {
    private static let rules = [
        PacketFilter.Rule(name: "in", direction: .toPort, tier: 1, match: "1", action: .allowRelated, log: .alert),
        PacketFilter.Rule(name: "out", direction: .fromPort, tier: 0, match: "ip", action: .drop),
    ]

    private static var names: NamedFilters {
        let id = ObjectID(high: 1, low: 1)
        var datapath = DatapathBinding(id: id, name: "ls1", tunnelKey: 5, vlanPassthru: false)
        datapath.filter = PacketFilter(acls: rules)
        let ports = (1...2).map { number in
            PortBinding(
                id: ObjectID(high: 2, low: UInt64(number)),
                logicalPort: "vm\(number)",
                datapath: id,
                tunnelKey: UInt16(number),
                addresses: []
            )
        }
        let records = [Record.datapathBinding(datapath)] + ports.map { .portBinding($0) }
        return NamedFilters(Share(epoch: 1, revision: 1, records: records))
    }

    @Test func `A line of the log has the form of OVN's, with the ports`() throws {
        let line = try #require(
            Self.names.line(vni: 5, identity: Self.rules[0].identity, ingressKey: 1, egressKey: 2, fields: "tcp")
        )
        let text =
            #"acl_log: name="in", verdict=allow, severity=alert, direction=to-lport, inport="vm1", outport="vm2": tcp"#
        #expect(line.0 == .error && line.1 == text)
        // One that is not logged any more, and one that is gone.
        for (vni, rule) in [(5, Self.rules[1]), (6, Self.rules[0])] as [(UInt32, PacketFilter.Rule)] {
            #expect(Self.names.line(vni: vni, identity: rule.identity, ingressKey: 1, egressKey: 0, fields: "") == nil)
        }
    }

    @Test func `Counters are in the order of switches, directions, tiers and names`() {
        let counters = Self.names.counters(ofSwitch: nil) { vni, identity in
            vni == 5 && identity == Self.rules[0].identity ? 7 : 0
        }
        #expect(counters.map(\.rule.name) == ["out", "in"] && counters.map(\.decisions) == [0, 7])
        #expect(Self.names.counters(ofSwitch: "ls2") { _, _ in 1 } == [])
        #expect(counters[1].json["action"] == "allow-related" && counters[1].json["switch"] == "ls1")
    }
}
