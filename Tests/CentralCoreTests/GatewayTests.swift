import JSON
import Southbound
import Testing

@testable import NetworkModel

/// Ports of the type l2gateway, which join a switch to a physical network on one host.
@Suite struct GatewayTests {
    private static let gateway: JSONValue = [
        "name": "gw", "type": "l2gateway", "options": ["network_name": "net1", "l2gateway-chassis": "h1"],
        "tag_request": 7,
    ]

    private func bench(_ networks: [String] = ["net1"]) -> (CoreBench, BenchAgent) {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]), .create(switch: ["name": "b"]))
        var agent = BenchAgent("h1", "10.0.0.1")
        agent.physicalNetworks = networks
        bench.settle(&agent)
        return (bench, agent)
    }

    private func waiting(_ bench: CoreBench) -> [String] {
        (bench.port("gw")?.status.waiting ?? []).map { "\($0.chassis) \($0.reason.rawValue) \($0.lacks)" }
    }

    @Test func `It is bound to its chassis, and up when that says so`() throws {
        var (bench, agent) = bench()
        bench.write(.create(port: Self.gateway, on: "a"))
        #expect(bench.line(port: "gw") == "gw: key 1 at [h1#1] up false chassis h1 reason not-programmed")
        let binding = bench.binding("gw")
        #expect(binding?.gatewayNetwork == "net1" && binding?.tag == 7)
        #expect(binding?.physicalNetwork == nil && binding?.hasUnknown == false)
        bench.settle(&agent)
        #expect(agent.share.values.contains { $0 == binding.map { .portBinding($0) } })
        agent.plug("gw")
        bench.settle(&agent)
        #expect(bench.line(port: "gw") == "gw: key 1 at [h1#1] up true chassis h1 reason -")
        try bench.restart()
        #expect(bench.line(port: "gw") == "gw: key 1 at [h1#1] up true chassis h1 reason -")
        bench.settle(&agent)
        #expect(bench.line(port: "gw") == "gw: key 1 at [h1#1] up true chassis h1 reason -")
        bench.write(.patch(port: "gw", ["enabled": false]))
        #expect(bench.line(port: "gw") == "gw: key 1 at [h1#1] up false chassis h1 reason disabled")
        bench.write(.patch(port: "gw", ["enabled": true]))
        // A guest's port elsewhere needs no network, and no feature.
        var other = BenchAgent("h2", "10.0.0.2")
        other.features.removeAll { $0 == Feature.l2Gateways }
        other.plug("p")
        bench.write(.create(port: ["name": "p"], on: "a"))
        bench.settle(&other)
        #expect(bench.line(port: "p") == "p: key 2 at [h2#1] up true chassis h2 reason -")
        bench.write(.patch(port: "gw", ["options": ["l2gateway-chassis": "h2"]]))
        #expect(bench.line(port: "gw") == "gw: key 1 at [] up false chassis - reason unsupported-by-chassis")
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `Without its network it is bound nowhere and says why, and is when the network comes`() throws {
        var (bench, agent) = bench([])
        bench.write(.create(port: Self.gateway, on: "a"))
        let unbound = "gw: key 1 at [] up false chassis - reason no-physical-network"
        #expect(bench.line(port: "gw") == unbound)
        #expect(waiting(bench) == ["h1 no-physical-network [\"net1\"]"])
        try bench.restart()
        bench.write(.patch(port: "gw", ["addresses": ["unknown"]]))
        #expect(waiting(bench) == ["h1 no-physical-network [\"net1\"]"])
        agent.physicalNetworks = ["net1"]
        bench.settle(&agent)
        #expect(bench.line(port: "gw") == "gw: key 1 at [h1#1] up false chassis h1 reason not-programmed")
        #expect(waiting(bench).isEmpty && bench.binding("gw")?.hasUnknown == true)
        agent.physicalNetworks = ["net2"]
        bench.settle(&agent)
        #expect(bench.line(port: "gw") == unbound)
        bench.write(.patch(port: "gw", ["options": ["network_name": "net2"]]))
        #expect(bench.line(port: "gw") == "gw: key 1 at [h1#2] up false chassis h1 reason not-programmed")
        bench.write(.patch(port: "gw", ["options": ["l2gateway-chassis": "nobody"]]))
        #expect(bench.line(port: "gw") == "gw: key 1 at [] up false chassis - reason not-plugged")
        var nobody = BenchAgent("nobody", "10.0.0.3")
        nobody.physicalNetworks = ["net2"]
        bench.settle(&nobody)
        #expect(bench.line(port: "gw") == "gw: key 1 at [nobody#3] up false chassis nobody reason not-programmed")
        bench.write(.patch(port: "gw", ["options": ["l2gateway-chassis": .null]]))
        #expect(bench.line(port: "gw") == unbound)
        #expect(waiting(bench).isEmpty)
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `Nobody takes it by plugging it, and it can become a guest's port`() {
        var (bench, agent) = bench()
        bench.write(.create(port: Self.gateway, on: "a"))
        var other = BenchAgent("h2", "10.0.0.2")
        other.plug("gw")
        bench.settle(&agent)
        bench.settle(&other)
        #expect(bench.line(port: "gw") == "gw: key 1 at [h1#1] up false chassis h1 reason not-programmed")
        let none: JSONValue = ["network_name": .null, "l2gateway-chassis": .null]
        bench.write(.patch(port: "gw", ["type": "", "options": none, "tag_request": .null]))
        bench.settle(&other)
        #expect(bench.line(port: "gw") == "gw: key 1 at [h2#2] up true chassis h2 reason -")
        #expect(bench.published.translationDifference().isEmpty)
    }

    private static let refused: [(JSONValue, String)] = [
        (["options": ["l2gateway-chassis": "h1"]], "/options/l2gateway-chassis"),
        (["type": "localnet", "options": ["l2gateway-chassis": "h1"]], "/options/l2gateway-chassis"),
        (["type": "l2gateway", "options": ["l2gateway-chassis": "a b"]], "/options/l2gateway-chassis"),
        (["type": "l2gateway", "options": ["localnet_learn_fdb": "true"]], "/options/localnet_learn_fdb"),
        (["type": "localnet", "options": ["localnet_learn_fdb": "yes"]], "/options/localnet_learn_fdb"),
        (["type": "l2gateway", "tag_request": 4095], "/tag_request"),
        (["type": "l2gateway", "requested_chassis": ["h1"]], "/requested_chassis"),
    ]

    @Test(arguments: refused.indices)
    func `What makes no sense is refused, with its field`(index: Int) {
        let (bench, _) = bench()
        let (body, pointer) = Self.refused[index]
        let ticket = bench.write(.create(port: body.merged(with: ["name": "gw"]), on: "a"))
        #expect(bench.refusal(ticket)?.pointer == pointer)
    }

    @Test func `A switch is joined to a VLAN once, and in one way`() {
        let (bench, _) = bench()
        func join(_ name: String, on home: String, _ changes: JSONValue) -> Refusal? {
            let body = Self.gateway.merged(with: changes).merged(with: ["name": .string(name)])
            return bench.refusal(bench.write(.create(port: body, on: home)))
        }
        #expect(join("gw", on: "a", [:]) == nil)
        let other: JSONValue = ["network_name": "net1", "l2gateway-chassis": "h2"]
        let same = join("g2", on: "a", ["options": other])
        #expect(same?.code == .tagConflict && same?.conflictsWith == "/v1/ports/gw")
        #expect(join("g2", on: "a", ["options": other, "tag_request": 8]) == nil)
        #expect(join("g3", on: "b", [:]) == nil)
        let localnet: JSONValue = ["name": "ln", "type": "localnet", "options": ["network_name": "net2"]]
        let unlike = bench.refusal(bench.write(.create(port: localnet, on: "a")))
        #expect(unlike?.pointer == "/type" && unlike?.conflictsWith == "/v1/ports/gw")
    }
}
