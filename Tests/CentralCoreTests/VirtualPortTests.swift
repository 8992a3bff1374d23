import CentralCore
import JSON
import NetworkModel
import Southbound
import Testing
import Wire

/// A virtual port is bound where a parent has announced its address last.
@Suite struct VirtualPortTests {
    private static let virtual: JSONValue = [
        "name": "vip", "type": "virtual", "virtual_ip": "10.0.0.10", "virtual_parents": ["a", "b"],
        "addresses": ["00:00:5e:00:01:0a"],
    ]

    /// `a` is on `h1`, `b` and `c` on `h2`; `vip` has the parents `a` and `b`.
    private func bench() -> (CoreBench, BenchAgent, BenchAgent) {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "s"]), .create(switch: ["name": "t"]))
        for name in ["a", "b", "c"] { bench.write(.create(port: ["name": .string(name)], on: "s")) }
        bench.write(.create(port: Self.virtual, on: "s"))
        var first = BenchAgent("h1", "10.0.0.1")
        var second = BenchAgent("h2", "10.0.0.2")
        first.plug("a")
        second.plug("b")
        second.plug("c")
        bench.settle(&first)
        bench.settle(&second)
        return (bench, first, second)
    }

    private func place(_ bench: CoreBench) -> String {
        let status = bench.port("vip")?.status
        return "\(status?.chassis ?? "-") \(status?.virtualParent ?? "-") \(status?.isUp ?? false)"
    }

    @Test func `The port is where a parent has announced its address last`() throws {
        var (bench, first, second) = bench()
        #expect(place(bench) == "- - false")
        first.claim("vip", by: "a")
        bench.settle(&first)
        #expect(place(bench) == "h1 a true")
        #expect(bench.binding("vip")?.answersNeighbors == false)
        second.claim("vip", by: "b")
        bench.settle(&second)
        #expect(place(bench) == "h2 b true")
        // A claim that was seen before moves nothing, also after a restart.
        bench.settle(&first)
        try bench.restart()
        bench.settle(&first)
        bench.settle(&second)
        #expect(place(bench) == "h2 b true")
        first.unplug("vip")
        bench.settle(&first)
        second.unplug("vip")
        bench.settle(&second)
        #expect(place(bench) == "- - false")
    }

    @Test func `Only a parent that its host holds on the switch gets the port`() {
        var (bench, first, second) = bench()
        second.claim("vip", by: "c")
        bench.settle(&second)
        #expect(place(bench) == "- - false")
        // The parent is another host's.
        second.claim("vip", by: "a")
        bench.settle(&second)
        #expect(place(bench) == "- - false")
        // Nobody plugs a virtual port.
        second.plug("vip")
        bench.settle(&second)
        #expect(place(bench) == "- - false")
        // Nobody claims what is no virtual port.
        first.claim("c", by: "a")
        bench.settle(&first)
        #expect(bench.port("c")?.status.chassis == "h2")
        bench.write(.create(port: ["name": "far"], on: "t"))
        bench.write(.patch(port: "vip", ["virtual_parents": ["far"]]))
        first.plug("far")
        first.claim("vip", by: "far")
        bench.settle(&first)
        #expect(place(bench) == "- - false")
    }

    @Test func `A parent that is one no more loses the port, and one that moves on the same host tells`() {
        var (bench, _, second) = bench()
        bench.write(.patch(port: "vip", ["virtual_parents": ["b", "c"]]))
        second.claim("vip", by: "b")
        bench.settle(&second)
        second.claim("vip", by: "c")
        bench.settle(&second)
        #expect(place(bench) == "h2 c true")
        bench.write(.patch(port: "vip", ["virtual_parents": ["b"]]))
        #expect(place(bench) == "- - false")
        bench.write(.patch(port: "vip", ["virtual_parents": ["b", "c"]]))
        second.claim("vip", by: "c")
        bench.settle(&second)
        #expect(place(bench) == "h2 c true")
        let type: JSONValue = ["type": "", "virtual_ip": .null, "virtual_parents": .null]
        bench.write(.patch(port: "vip", type))
        #expect(place(bench) == "- - false")
    }

    @Test func `A list of hosts keeps others out and does not hold the address where it was`() {
        var (bench, first, second) = bench()
        bench.write(.patch(port: "vip", ["requested_chassis": ["h1", "h2"]]))
        first.claim("vip", by: "a")
        bench.settle(&first)
        second.claim("vip", by: "b")
        bench.settle(&second)
        #expect(place(bench) == "h2 b true")
        bench.write(.patch(port: "vip", ["requested_chassis": ["h1"]]))
        #expect(bench.port("vip")?.status.chassis == "h1")
    }

    @Test func `A host of an older version does not get the port`() {
        var (bench, first, _) = bench()
        first.features.removeAll { $0 == Feature.virtualPorts }
        first.claim("vip", by: "a")
        bench.settle(&first)
        #expect(place(bench) == "- - false")
        #expect(bench.port("vip")?.status.waiting.first?.lacks == [Feature.virtualPorts])
        #expect(bench.port("a")?.status.chassis == "h1")
    }

    private static let refused: [(JSONValue, Refusal.Code, String)] = [
        (["type": "router"], .unsupported, "/type"),
        (["virtual_ip": .null], .missingField, "/virtual_ip"),
        (["virtual_parents": .null], .missingField, "/virtual_parents"),
        (["type": ""], .invalidValue, "/virtual_ip"),
        (["virtual_ip": "x"], .invalidValue, "/virtual_ip"),
        (["virtual_ip": "224.0.0.1"], .invalidValue, "/virtual_ip"),
        (["virtual_ip": "10.0.0.20"], .ipConflict, "/virtual_ip"),
        (["virtual_parents": ["a", "a"]], .invalidValue, "/virtual_parents/1"),
        (["virtual_parents": ["vip"]], .invalidValue, "/virtual_parents/0"),
        (["virtual_parents": ["a b"]], .invalidValue, "/virtual_parents/0"),
        (["addresses": ["unknown"]], .invalidValue, "/addresses/0"),
    ]

    @Test(arguments: refused.indices)
    func `What cannot be a virtual port is refused`(index: Int) {
        let (bench, _, _) = bench()
        bench.write(.patch(port: "c", ["addresses": ["02:00:00:00:00:01 10.0.0.20"]]))
        let (patch, code, pointer) = Self.refused[index]
        let refusal = bench.refusal(bench.write(.patch(port: "vip", patch)))
        #expect(refusal?.code == code && refusal?.pointer == pointer, "\(String(describing: refusal))")
    }

    @Test func `The virtual address is nobody else's`() {
        let (bench, _, _) = bench()
        let refusal = bench.refusal(
            bench.write(.patch(port: "c", ["addresses": ["02:00:00:00:00:01 10.0.0.10"]]))
        )
        #expect(refusal?.code == .ipConflict)
    }
}
