import JSON
import Southbound
import Testing

@testable import NetworkModel

/// Switches that are joined to physical networks, and the hosts that have devices of those.
@Suite struct LocalnetTests {
    private static let wire: JSONValue = [
        "name": "ln", "type": "localnet", "options": ["network_name": "net1"], "tag_request": 7,
    ]

    private func bench(_ networks: [String]) -> (CoreBench, BenchAgent) {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]), .create(switch: ["name": "b"]))
        bench.write(.create(port: ["name": "p"], on: "a"), .create(port: ["name": "q"], on: "b"))
        var agent = BenchAgent("h1", "10.0.0.1")
        agent.physicalNetworks = networks
        agent.plug("p")
        agent.plug("q")
        bench.settle(&agent)
        return (bench, agent)
    }

    private func waiting(_ bench: CoreBench) -> [String] {
        (bench.port("p")?.status.waiting ?? []).map { "\($0.chassis) \($0.reason.rawValue) \($0.lacks)" }
    }

    private let bound = "p: key 1 at [h1#1] up true chassis h1 reason -"

    @Test func `A host keeps the ports of a switch that is joined to a network which it has`() {
        var (bench, agent) = bench(["net0", "net1"])
        bench.write(.create(port: Self.wire, on: "a"))
        bench.settle(&agent)
        #expect(bench.line(port: "p") == bound)
        #expect(bench.line(port: "ln") == "ln: key 2 at [] up true chassis - reason -")
        let binding = bench.binding("ln")
        #expect(binding?.physicalNetwork == "net1" && binding?.tag == 7 && binding?.hasUnknown == true)
        #expect(agent.share.values.contains { $0 == binding.map { .portBinding($0) } })
        #expect(bench.published.southbound.chassis(named: "h1")?.physicalNetworks == ["net0", "net1"])
        bench.write(.patch(port: "ln", ["enabled": false]))
        #expect(bench.line(port: "ln") == "ln: key 2 at [] up false chassis - reason disabled")
    }

    @Test func `A host without the network lets its ports go and says why, and gets them back`() throws {
        var (bench, agent) = bench([])
        bench.write(.create(port: Self.wire, on: "a"))
        let unbound = "p: key 1 at [] up false chassis - reason no-physical-network"
        #expect(bench.line(port: "p") == unbound)
        #expect(waiting(bench) == ["h1 no-physical-network [\"net1\"]"])
        #expect(bench.line(port: "q") == "q: key 1 at [h1#1] up true chassis h1 reason -")
        bench.settle(&agent)
        try bench.restart()
        #expect(waiting(bench) == ["h1 no-physical-network [\"net1\"]"])
        agent.physicalNetworks = ["net0"]
        bench.settle(&agent)
        #expect(bench.line(port: "p") == unbound)
        // Hosts in several places have one of the switch's networks each.
        bench.write(.create(port: ["name": "l2", "type": "localnet", "options": ["network_name": "net0"]], on: "a"))
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up true chassis h1 reason -")
        bench.write(.delete(port: "l2"))
        #expect(bench.line(port: "p") == unbound)
        agent.physicalNetworks = ["net1"]
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#3] up true chassis h1 reason -")
        agent.physicalNetworks = []
        bench.settle(&agent)
        #expect(bench.line(port: "p") == unbound)
        bench.write(.delete(port: "ln"))
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#4] up true chassis h1 reason -")
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `A localnet port joins nothing before it names a network, and nobody can plug it`() {
        var (bench, agent) = bench([])
        bench.write(.create(port: ["name": "ln", "type": "localnet"], on: "a"))
        agent.plug("ln")
        bench.settle(&agent)
        #expect(bench.line(port: "p") == bound)
        #expect(bench.line(port: "ln") == "ln: key 2 at [] up false chassis - reason no-physical-network")
        bench.write(.patch(port: "ln", ["options": ["network_name": "net1"]]))
        #expect(waiting(bench) == ["h1 no-physical-network [\"net1\"]"])
        bench.write(.patch(port: "ln", ["type": "", "options": ["network_name": .null]]))
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up true chassis h1 reason -")
        #expect(bench.line(port: "ln") == "ln: key 2 at [h1#1] up true chassis h1 reason -")
    }

    private static let refused: [(JSONValue, String)] = [
        (["tag_request": 7], "/tag_request"), (["options": ["network_name": "n"]], "/options/network_name"),
        (["type": "localnet", "tag_request": 0], "/tag_request"),
        (["type": "localnet", "tag_request": 4095], "/tag_request"),
        (["type": "localnet", "options": ["network_name": ""]], "/options/network_name"),
        (["type": "localnet", "addresses": ["02:00:00:00:00:01"]], "/addresses/0"),
        (["type": "localnet", "addresses": ["unknown", "dynamic"]], "/addresses/1"),
        (["type": "localnet", "port_security": ["02:00:00:00:00:01"]], "/port_security"),
        (["type": "localnet", "requested_chassis": ["h1"]], "/requested_chassis"),
    ]

    @Test(arguments: refused.indices)
    func `What makes no sense is refused, with its field`(index: Int) {
        let (bench, _) = bench([])
        let (body, pointer) = Self.refused[index]
        let ticket = bench.write(.create(port: body.merged(with: ["name": "ln"]), on: "a"))
        #expect(bench.refusal(ticket)?.pointer == pointer)
    }

    @Test func `A switch joins a VLAN of a network once, and as many as it may`() {
        let (bench, _) = bench([])
        func join(_ name: String, on home: String, _ changes: JSONValue) -> Refusal? {
            let body = Self.wire.merged(with: changes).merged(with: ["name": .string(name)])
            return bench.refusal(bench.write(.create(port: body, on: home)))
        }
        #expect(join("ln", on: "a", [:]) == nil)
        let same = join("l2", on: "a", [:])
        #expect(same?.code == .tagConflict && same?.pointer == "/tag_request" && same?.conflictsWith == "/v1/ports/ln")
        #expect(join("l2", on: "a", ["tag_request": .null]) == nil)
        #expect(join("l3", on: "a", ["tag_request": .null])?.code == .tagConflict)
        #expect(join("l3", on: "b", [:]) == nil)
        #expect(join("l4", on: "a", ["options": ["network_name": "net2"]]) == nil)
        let ticket = bench.write(.patch(port: "l4", ["options": ["network_name": "net1"]]))
        #expect(bench.refusal(ticket)?.code == .tagConflict)
        for tag in 100..<(97 + LogicalSwitchPort.localnetCountMaximum) {
            #expect(join("t\(tag)", on: "a", ["tag_request": .integer(Int64(tag))]) == nil)
        }
        #expect(join("more", on: "a", ["tag_request": 99])?.code == .limitExceeded)
        #expect(bench.refusal(bench.write(.patch(port: "ln", ["tag_request": 99]))) == nil)
    }
}
