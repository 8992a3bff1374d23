import JSON
import NetworkModel
import Southbound
import Testing

/// Trunk ports as users write them and as hosts are told of them.
@Suite struct TrunkTests {
    private func bench() -> (CoreBench, BenchAgent) {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a", "vlan_passthru": true]), .create(switch: ["name": "b"]))
        bench.write(.create(port: ["name": "p"], on: "a"), .create(port: ["name": "q"], on: "b"))
        var agent = BenchAgent("h1", "10.0.0.1")
        agent.features.removeAll { $0 == Feature.trunks }
        agent.plug("p")
        bench.settle(&agent)
        return (bench, agent)
    }

    @Test func `A host that keeps no port to its VLANs gets no trunk port`() {
        var (bench, agent) = bench()
        #expect(bench.line(port: "p") == "p: key 1 at [h1#1] up true chassis h1 reason -")
        bench.write(.patch(port: "p", ["options": ["trunk_vlans": "20-29,10", "native_vlan": "5"]]))
        #expect(bench.binding("p")?.trunk == Trunk(vlans: VLANList("10,20-29") ?? VLANList(), native: 5))
        #expect(bench.line(port: "p") == "p: key 1 at [] up false chassis - reason unsupported-by-chassis")
        agent.features.append(Feature.trunks)
        bench.settle(&agent)
        #expect(bench.line(port: "p") == "p: key 1 at [h1#2] up true chassis h1 reason -")
        #expect(bench.published.translationDifference().isEmpty)
    }

    private static let refused: [(JSONValue, String)] = [
        (["trunk_vlans": ""], "trunk_vlans"), (["trunk_vlans": "10,4095"], "trunk_vlans"),
        (["native_vlan": "0"], "native_vlan"), (["native_vlan": "4095"], "native_vlan"),
        (["trunk_vlans": "0-9", "native_vlan": "5"], "trunk_vlans"),
    ]

    @Test(arguments: refused.indices)
    func `What makes no sense is refused, with its field`(index: Int) {
        let (bench, _) = bench()
        let (options, field) = Self.refused[index]
        let refusal = bench.refusal(bench.write(.patch(port: "p", ["options": options])))
        #expect(refusal?.code == .invalidValue && refusal?.pointer == "/options/\(field)")
    }

    @Test func `A switch that drops tags has no trunk ports, and ports without a device are none`() {
        let (bench, _) = bench()
        let options: JSONValue = ["options": ["native_vlan": "5"]]
        #expect(bench.refusal(bench.write(.patch(port: "q", options)))?.pointer == "/options/native_vlan")
        let joined: JSONValue = ["network_name": "n", "native_vlan": "5"]
        let localnet: JSONValue = ["name": "l", "type": "localnet", "options": joined]
        #expect(bench.refusal(bench.write(.create(port: localnet, on: "a")))?.pointer == "/options/native_vlan")
    }
}
