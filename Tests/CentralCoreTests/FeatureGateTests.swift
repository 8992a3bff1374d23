import CentralCore
import JSON
import NetworkModel
import Southbound
import Testing

/// A host gets only ports of which it can do everything.
@Suite struct FeatureGateTests {
    private static let guards = [Feature.routerGuard, Feature.dhcpGuard]

    private func bench() -> (CoreBench, BenchAgent) {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]), .create(switch: ["name": "b"]))
        bench.write(.create(.dhcpOptions, .dhcp("dhcp")), .create(.dnsRecords, ["name": "dns"]))
        bench.write(.create(.mirror, ["name": "m", "type": "gre", "filter": "both", "sink": "192.0.2.9"]))
        bench.write(.create(port: ["name": "p"], on: "a"), .create(port: ["name": "q"], on: "b"))
        var old = BenchAgent("h1", "10.0.0.1")
        old.features = Feature.basic
        old.plug("p")
        old.plug("q")
        bench.settle(&old)
        return (bench, old)
    }

    private func waiting(_ bench: CoreBench, _ port: String = "p") -> [String] {
        (bench.port(port)?.status.waiting ?? []).map {
            "\($0.chassis) \($0.reason.rawValue) \($0.lacks.joined(separator: ","))"
        }
    }

    private static let needs: [(JSONValue?, JSONValue?, String)] = [
        (["dhcpv4_options": "dhcp"], nil, Feature.dhcpv4),
        (
            ["port_security": ["VRRPv3 02:00:00:00:00:01"], "ra_guard": false, "dhcp_guard": false], nil,
            Feature.virtualRouters
        ),
        (["port_security": ["02:00:00:00:00:01"]], nil, Feature.portGuards),
        (["ra_guard": true], nil, Feature.portGuards),
        (["mirror_rules": ["m"]], nil, Feature.mirrors),
        (nil, ["dns_records": ["dns"]], Feature.dns),
        (nil, ["dns_domain": "example"], Feature.dns),
        (nil, ["ra_guard": true], Feature.routerGuard),
        (nil, ["dhcp_guard": true], Feature.dhcpGuard),
        (
            nil, ["ipv6_ra_configs": ["gateway_mac": "02:00:00:00:00:fe", "address_mode": "slaac"]],
            Feature.routerAdvertisement
        ),
    ]

    @Test(arguments: needs.indices)
    func `A bound port whose needs grow beyond its host leaves it, and comes back when the agent is upgraded`(
        index: Int
    ) throws {
        var (bench, agent) = bench()
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up true chassis h1 reason -")
        let (port, home, feature) = Self.needs[index]
        if let port { bench.write(.patch(port: "p", port)) }
        if let home { bench.write(.patch(switch: "a", home)) }
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason unsupported-by-chassis")
        #expect(waiting(bench) == ["h1 unsupported-by-chassis \(feature)"])
        // A port of another switch stays where it is.
        #expect(bench.line(port: "q") == "q: key 1 at [h1#1] up true chassis h1 reason -")
        bench.settle(&agent)
        try bench.restart()
        bench.settle(&agent)
        #expect(waiting(bench) == ["h1 unsupported-by-chassis \(feature)"])
        agent.features.append(feature)
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up true chassis h1 reason -")
        #expect(waiting(bench) == [])
    }

    @Test func `A port whose switch gets ACLs, of its own or by a group, leaves a host that does not ask them`() throws
    {
        var (bench, agent) = bench()
        let rule: JSONValue = ["direction": "to-lport", "priority": 1, "match": "ip", "action": "drop"]
        bench.write(.create(.portGroup, ["name": "g", "ports": ["q"]]))
        bench.write(.create(.acl, rule.merged(with: ["name": "one", "switch": "a"])))
        #expect(waiting(bench) == ["h1 unsupported-by-chassis \(Feature.filter)"] && waiting(bench, "q") == [])
        bench.write(.create(.acl, rule.merged(with: ["name": "two", "port_group": "g"])))
        #expect(waiting(bench, "q") == ["h1 unsupported-by-chassis \(Feature.filter)"])
        bench.settle(&agent)
        try bench.restart()
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason unsupported-by-chassis")
        bench.write(.delete(.acl, "one"))
        bench.write(.patch(.portGroup, "g", ["ports": []]))
        bench.settle(&agent)
        #expect(waiting(bench) == [] && waiting(bench, "q") == [])
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up true chassis h1 reason -")
        bench.write(.patch(.portGroup, "g", ["ports": ["q", "p"]]))
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason unsupported-by-chassis")
        agent.features.append(Feature.filter)
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#3] up true chassis h1 reason -")
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `A port whose switch gets an ACL that rejects leaves a host that would only drop`() {
        var (bench, agent) = bench()
        agent.features.append(Feature.filter)
        bench.settle(&agent)
        let rule: JSONValue = ["switch": "a", "direction": "to-lport", "priority": 1, "match": "ip", "action": "drop"]
        bench.write(.create(.acl, rule.merged(with: ["name": "one"])))
        #expect(waiting(bench) == [])
        bench.write(.patch(.acl, "one", ["action": "reject"]))
        #expect(waiting(bench) == ["h1 unsupported-by-chassis \(Feature.rejections)"])
    }

    @Test func `A claim is refused for what the host lacks, and goes to one that has it`() {
        var (bench, old) = bench()
        bench.write(.patch(switch: "a", ["ra_guard": true, "dhcp_guard": true]))
        old.plug("p")
        bench.settle(&old)
        #expect(waiting(bench) == ["h1 unsupported-by-chassis \(Self.guards.sorted().joined(separator: ","))"])
        var new = BenchAgent("h2", "10.0.0.2")
        new.features = Feature.basic + Self.guards
        new.plug("p")
        bench.settle(&new)
        #expect(bench.line(port: "p") == "p: key 1 at [h2#2] up true chassis h2 reason -")
        // An agent that goes back to an older version lets the port go.
        new.features = Feature.basic
        bench.settle(&new)
        #expect(bench.port("p")?.status.chassis == nil && waiting(bench).count == 2)
        bench.write(.patch(switch: "a", ["ra_guard": .null, "dhcp_guard": false]))
        #expect(bench.port("p")?.status.chassis != nil)
    }

    @Test func `Options and records reach the hosts whose ports and switches refer to them, and their changes do`() {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]), .create(switch: ["name": "b"]))
        bench.write(.create(.dhcpOptions, .dhcp("dhcp")), .create(.dnsRecords, ["name": "dns"]))
        bench.write(.create(port: ["name": "p", "dhcpv4_options": "dhcp"], on: "a"))
        bench.write(.create(port: ["name": "q"], on: "b"))
        bench.write(.patch(switch: "a", ["dns_records": ["dns"]]))
        var near = BenchAgent("h1", "10.0.0.1")
        var far = BenchAgent("h2", "10.0.0.2")
        for feature in [Feature.dhcpv4, Feature.dns] where !near.features.contains(feature) {
            near.features.append(feature)
        }
        near.plug("p")
        far.plug("q")
        bench.settle(&near)
        bench.settle(&far)
        func kinds(_ agent: BenchAgent) -> Set<String> { Set(agent.share.keys.map(\.kind.rawValue)) }
        #expect(kinds(near).isSuperset(of: ["dhcp_responder", "dns_responder"]))
        #expect(kinds(far).isDisjoint(with: ["dhcp_responder", "dns_responder"]))
        bench.write(.patch(.dhcpOptions, "dhcp", ["options": ["lease_time": "60"]]))
        bench.settle(&near)
        let leases = near.share.values.compactMap { record -> UInt32? in
            if case .dhcpResponder(let responder) = record { responder.leaseTime } else { nil }
        }
        #expect(leases == [60])
        bench.write(.patch(port: "p", ["dhcpv4_options": .null]), .delete(.dhcpOptions, "dhcp"))
        bench.write(.patch(switch: "a", ["dns_records": []]))
        bench.settle(&near)
        #expect(kinds(near).isDisjoint(with: ["dhcp_responder", "dns_responder"]))
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `A change of what many ports need is worked out beside the core`() {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]))
        let ports = (0..<100).map { Operation.create(port: ["name": .string("p\($0)")], on: "a") }
        bench.ask(bench.ticket(), .write(WriteRequest(operations: ports, author: "t", requestID: "r")))
        bench.plansAtOnce = false
        let labels = bench.write(.patch(switch: "a", ["labels": ["x": "y"]]))
        #expect(bench.revision(labels) != nil)
        let guards = bench.write(.patch(switch: "a", ["ra_guard": true]))
        #expect(bench.answers[guards] == nil && bench.plans.count == 1)
        bench.finishPlan()
        #expect(bench.revision(guards) != nil)
    }

    @Test func `What is referred to stays, also when a large write begins to refer to it`() throws {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]), .create(.dhcpOptions, .dhcp("dhcp")))
        bench.plansAtOnce = false
        let ports = (0..<100).map {
            Operation.create(port: ["name": .string("p\($0)"), "dhcpv4_options": "dhcp"], on: "a")
        }
        let request = WriteRequest(operations: ports, author: "test", requestID: "r", isTransaction: true)
        bench.ask(bench.ticket(), .write(request))
        let removal = bench.write(.delete(.dhcpOptions, "dhcp"))
        #expect(bench.answers[removal] == nil)
        bench.finishPlan()
        let refusal = try #require(bench.refusal(removal))
        #expect(refusal.code == .objectInUse && refusal.conflictsWith?.hasPrefix("/v1/ports/p") == true)
        #expect(refusal.detail.contains("and 99 more"))
        try bench.restart()
        #expect(bench.refusal(bench.write(.delete(.dhcpOptions, "dhcp")))?.code == .objectInUse)
        bench.plansAtOnce = true
        bench.write(.delete(switch: "a"))
        #expect(bench.refusal(bench.write(.delete(.dhcpOptions, "dhcp"))) == nil)
    }
}
