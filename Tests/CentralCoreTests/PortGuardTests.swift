import CentralCore
import JSON
import NetworkModel
import Southbound
import Testing

/// Guards are on for ports that get port security, unless port or switch says otherwise.
@Suite struct PortGuardTests {
    private static let rule: JSONValue = ["port_security": ["02:00:00:00:00:01"]]

    private func bench() -> CoreBench {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "s"]))
        bench.write(.create(port: ["name": "p"], on: "s"))
        return bench
    }

    private func isGuarded(_ bench: CoreBench) -> Bool {
        let port = bench.port("p")
        #expect(bench.binding("p")?.isGuarded == port?.status.isGuarded)
        return port?.status.isGuarded ?? false
    }

    @Test func `The default comes with port security and goes with it`() throws {
        let bench = bench()
        #expect(!isGuarded(bench))
        bench.write(.patch(port: "p", Self.rule))
        #expect(isGuarded(bench))
        bench.write(.put(port: "p", ["switch": "s", "port_security": ["02:00:00:00:00:02"]]))
        try bench.restart()
        #expect(isGuarded(bench))
        bench.write(.patch(port: "p", ["port_security": []]))
        #expect(!isGuarded(bench))
        bench.write(.create(port: ["name": "q", "port_security": ["02:00:00:00:00:03"]], on: "s"))
        #expect(bench.port("q")?.status.isGuarded == true)
    }

    @Test func `A port that has had port security since before stays as it was`() {
        let bench = bench()
        bench.write(.patch(port: "p", Self.rule))
        // As the log of an older version has it.
        var network = bench.published
        guard var old = network.northbound.port(.name("p")) else { return }
        old.value.status.isGuarded = false
        network.northbound.put(old)
        let later = CoreBench(base: network)
        later.write(.patch(port: "p", ["port_security": ["02:00:00:00:00:02"]]))
        later.write(.patch(port: "p", ["labels": ["a": "b"]]))
        #expect(later.port("p")?.status.isGuarded == false)
    }

    @Test func `A port on a host of an older version waits for its guards, or does without them if a user says so`() {
        let bench = bench()
        var old = BenchAgent("h1", "10.0.0.1")
        old.features.removeAll { $0 == Feature.portGuards }
        old.plug("p")
        bench.settle(&old)
        #expect(bench.port("p")?.status.chassis == "h1")
        bench.write(.patch(port: "p", Self.rule))
        #expect(bench.port("p")?.status.reason == .unsupportedByChassis)
        bench.write(.patch(switch: "s", ["ra_guard": false]))
        #expect(bench.port("p")?.status.chassis == nil)
        bench.write(.patch(switch: "s", ["dhcp_guard": false]))
        #expect(bench.port("p")?.status.chassis == "h1")
        bench.write(.patch(switch: "s", ["ra_guard": .null]))
        #expect(bench.port("p")?.status.chassis == nil)
        bench.write(.patch(port: "p", ["ra_guard": false]))
        #expect(bench.port("p")?.status.chassis == "h1")
        // It cannot leave out for one port what it does for the whole switch.
        bench.write(.patch(switch: "s", ["ra_guard": true]))
        #expect(bench.port("p")?.status.reason == .unsupportedByChassis)
    }
}
