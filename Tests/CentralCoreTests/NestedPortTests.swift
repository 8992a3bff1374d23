import CentralCore
import JSON
import NetworkModel
import Southbound
import Testing
import Wire

/// A nested port is where its parent is, with a tag that no other port nested there has.
@Suite struct NestedPortTests {
    /// `vm` is on `h1`, `other` on `h2`; `c1` and `c2` are nested in `vm`, on another switch.
    private func bench() -> (CoreBench, BenchAgent, BenchAgent) {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "s"]), .create(switch: ["name": "t"]))
        for name in ["vm", "other"] { bench.write(.create(port: ["name": .string(name)], on: "s")) }
        bench.write(.create(port: ["name": "c1", "parent_name": "vm", "tag_request": 42], on: "t"))
        bench.write(.create(port: ["name": "c2", "parent_name": "vm", "tag_request": 0], on: "t"))
        var first = BenchAgent("h1", "10.0.0.1")
        var second = BenchAgent("h2", "10.0.0.2")
        first.plug("vm")
        second.plug("other")
        bench.settle(&first)
        bench.settle(&second)
        return (bench, first, second)
    }

    private func place(_ bench: CoreBench, _ name: String) -> String {
        let status = bench.port(name)?.status
        return "\(status?.chassis ?? "-") \(status?.isUp ?? false) \(status?.reason?.rawValue ?? "-")"
    }

    @Test func `A nested port goes with its parent, and says why it is nowhere`() throws {
        var (bench, first, second) = bench()
        #expect(place(bench, "c1") == "h1 true -")
        #expect(bench.binding("c1")?.parentPort == "vm")
        #expect(bench.binding("c1")?.tag == 42)
        // The parent moves.
        second.plug("vm")
        bench.settle(&second)
        bench.settle(&first)
        #expect(place(bench, "vm") == "h2 true -")
        #expect(place(bench, "c1") == "h2 true -")
        #expect(place(bench, "c2") == "h2 true -")
        try bench.restart()
        bench.settle(&first)
        bench.settle(&second)
        #expect(place(bench, "c1") == "h2 true -")
        // It is unplugged.
        first.unplug("vm")
        bench.settle(&first)
        second.unplug("vm")
        bench.settle(&second)
        #expect(place(bench, "vm") == "- false not-plugged")
        #expect(place(bench, "c1") == "- false parent-not-bound")
        second.plug("vm")
        bench.settle(&second)
        #expect(place(bench, "c1") == "h2 true -")
        // One that is made later is bound at once.
        bench.write(.create(port: ["name": "c3", "parent_name": "vm", "tag_request": 0], on: "s"))
        bench.settle(&second)
        #expect(place(bench, "c3") == "h2 true -")
        bench.write(.delete(port: "vm"))
        #expect(place(bench, "c1") == "- false parent-missing")
        #expect(bench.binding("c1")?.locations.isEmpty == true)
        // Another port of that name is a parent as well.
        bench.write(.create(port: ["name": "vm"], on: "s"))
        bench.settle(&second)
        #expect(place(bench, "c1") == "h2 true -")
        bench.write(.patch(port: "c1", ["parent_name": "other"]))
        bench.settle(&second)
        #expect(place(bench, "c1") == "h2 true -")
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `While a guest moves, what is nested stays with it`() {
        var (bench, first, second) = bench()
        bench.write(.patch(port: "vm", ["requested_chassis": ["h1", "h2"], "activation_strategy": ["rarp"]]))
        second.plug("vm")
        bench.settle(&second)
        bench.settle(&first)
        #expect(bench.port("vm")?.status.standby?.chassis == "h2")
        #expect(place(bench, "c1") == "h1 true -")
        let fence = bench.binding("vm")?.standby?.bindSeq ?? 0
        for index in second.ports.indices where second.ports[index].logicalPort == "vm" {
            second.ports[index].activated = fence
        }
        bench.settle(&second)
        bench.settle(&first)
        #expect(place(bench, "vm") == "h2 true -")
        #expect(place(bench, "c1") == "h2 true -")
    }

    @Test func `A host whose agent knows no nested ports gets none`() {
        var (bench, first, _) = bench()
        first.features.removeAll { $0 == Feature.nestedPorts }
        bench.settle(&first)
        #expect(place(bench, "vm") == "h1 true -")
        #expect(place(bench, "c1") == "- false unsupported-by-chassis")
        #expect(bench.port("c1")?.status.waiting.first?.lacks == [Feature.nestedPorts])
        first.features.append(Feature.nestedPorts)
        bench.settle(&first)
        #expect(place(bench, "c1") == "h1 true -")
    }

    @Test func `Central chooses the lowest free tag, and it stays`() {
        let (bench, _, _) = bench()
        #expect(bench.port("c2")?.status.tag == 1)
        bench.write(.create(port: ["name": "c3", "parent_name": "vm", "tag_request": 2], on: "t"))
        bench.write(.create(port: ["name": "c4", "parent_name": "vm", "tag_request": 0], on: "t"))
        #expect(bench.port("c4")?.status.tag == 3)
        bench.write(.delete(port: "c2"))
        bench.write(.patch(port: "c4", ["enabled": false]))
        #expect(bench.port("c4")?.status.tag == 3)
        bench.write(.patch(port: "c3", ["tag_request": 1]))
        #expect(bench.port("c3")?.status.tag == 1)
        bench.write(.patch(port: "c3", ["parent_name": .null, "tag_request": .null]))
        #expect(bench.port("c3")?.status.tag == nil)
        #expect(bench.published.translationDifference().isEmpty)
    }

    private static let refused: [(JSONValue, Refusal.Code, String)] = [
        (["parent_name": "vm"], .missingField, "/tag_request"),
        (["tag_request": 7], .invalidValue, "/tag_request"),
        (["parent_name": "vm", "tag_request": 42], .tagConflict, "/tag_request"),
        (["parent_name": "vm", "tag_request": 1], .tagConflict, "/tag_request"),
        (["parent_name": "vm", "tag_request": 4096], .invalidValue, "/tag_request"),
        (["parent_name": "vm", "tag_request": "7"], .invalidValue, "/tag_request"),
        (["parent_name": "a b", "tag_request": 7], .invalidValue, "/parent_name"),
        (["parent_name": "p", "tag_request": 7], .invalidValue, "/parent_name"),
        (["parent_name": "c1", "tag_request": 7], .invalidValue, "/parent_name"),
        (["parent_name": "vm", "tag_request": 7, "requested_chassis": ["h1"]], .invalidValue, "/requested_chassis"),
        (
            ["parent_name": "vm", "tag_request": 7, "activation_strategy": ["na"]], .invalidValue,
            "/activation_strategy"
        ),
        (["parent_name": "vm", "tag_request": 7, "options": ["qos_max_rate": "1000000"]], .invalidValue, "/options"),
        (
            [
                "parent_name": "vm", "tag_request": 7, "type": "virtual", "virtual_ip": "10.0.0.9",
                "virtual_parents": ["other"],
            ], .invalidValue, "/type"
        ),
    ]

    @Test(arguments: refused.indices)
    func `What cannot be nested is refused`(index: Int) {
        let (bench, _, _) = bench()
        bench.write(.create(port: ["name": "p"], on: "t"))
        let (patch, code, pointer) = Self.refused[index]
        let refusal = bench.refusal(bench.write(.patch(port: "p", patch)))
        #expect(refusal?.code == code && refusal?.pointer == pointer, "\(String(describing: refusal))")
    }

    @Test func `A parent is not nested itself`() {
        let (bench, _, _) = bench()
        let nested = bench.refusal(bench.write(.patch(port: "vm", ["parent_name": "other", "tag_request": 1])))
        #expect(nested?.pointer == "/parent_name")
        let type: JSONValue = ["type": "virtual", "virtual_ip": "10.0.0.9", "virtual_parents": ["other"]]
        #expect(bench.refusal(bench.write(.patch(port: "vm", type)))?.pointer == "/type")
    }

    @Test func `A parent has so many nested ports and no more`() {
        let (bench, _, _) = bench()
        let count = LogicalSwitchPort.nestedPortCountMaximum - 2
        for number in 0..<count {
            let body: JSONValue = ["name": .string("n\(number)"), "parent_name": "vm", "tag_request": 0]
            #expect(bench.refusal(bench.write(.create(port: body, on: "t"))) == nil)
        }
        let more: JSONValue = ["name": "more", "parent_name": "vm", "tag_request": 0]
        #expect(bench.refusal(bench.write(.create(port: more, on: "t")))?.code == .limitExceeded)
    }
}
