import JSON
import NetworkModel
import Persistent
import TestSupport
import Testing
import Wire

@testable import CentralCore

/// Dynamic addresses in topologies, trials and restarts.
@Suite struct AllocationTests {
    private func bench() -> CoreBench {
        var configuration = Configuration()
        configuration.macPrefix = MACPrefix("0a:00:00")
        return CoreBench(configuration: configuration)
    }

    private func port(_ name: String, _ addresses: String...) -> JSONValue {
        ["name": .string(name), "switch": "ls1", "addresses": .array(addresses.map { .string($0) })]
    }

    private func apply(
        _ ports: [JSONValue],
        on bench: CoreBench,
        switch logicalSwitch: JSONValue = ["name": "ls1", "subnet": "10.0.0.0/28"],
        isDryRun: Bool = false
    ) -> Answer? {
        let ticket = bench.ticket()
        var request = WriteRequest(operations: [], author: "test", requestID: "r\(ticket)")
        var topology = TopologyRequest(
            owner: "o",
            bodies: [.logicalSwitch: [logicalSwitch], .logicalSwitchPort: ports]
        )
        topology.prunes = true
        request.topology = topology
        request.isDryRun = isDryRun
        bench.ask(ticket, .write(request))
        return bench.answers[ticket]
    }

    private func given(_ bench: CoreBench) -> [String: String] {
        let ports = bench.published.northbound.ports.values.map { port in
            (port.value.name, port.value.status.dynamicAddresses?.description ?? "")
        }
        return Dictionary(uniqueKeysWithValues: ports)
    }

    private func plan(_ answer: Answer?) -> [String] {
        guard case .applied(_, _, _, let plan)? = answer else { return ["\(String(describing: answer))"] }
        return plan.steps.map { "\($0.change) \($0.name)" }
    }

    @Test func `a topology that says dynamic again changes nothing`() throws {
        let bench = bench()
        let ports = [port("a", "dynamic"), port("b", "dynamic", "unknown")]
        #expect(plan(apply(ports, on: bench)) == ["create ls1", "create a", "create b"])
        let first = given(bench)
        #expect(first == ["a": "0a:00:00:00:00:03 10.0.0.2", "b": "0a:00:00:00:00:04 10.0.0.3"])
        #expect(plan(apply(ports.reversed(), on: bench)) == [])
        try bench.restart()
        #expect(given(bench) == first)
        #expect(plan(apply(ports, on: bench)) == [])
        #expect(plan(apply([ports[1]], on: bench)) == ["delete a"])
        #expect(plan(apply(ports, on: bench)) == ["create a"])
        #expect(given(bench) == first)
    }

    @Test func `in a topology no choice takes what another port says or keeps, in any order`() throws {
        let bench = bench()
        let before = [port("x", "dynamic"), port("y", "dynamic"), port("z", "02:00:00:00:00:01 10.0.0.9")]
        _ = apply(before, on: bench)
        #expect(given(bench)["x"] == "0a:00:00:00:00:03 10.0.0.2")
        // The new port comes first, the one that is asked for by another MAC address keeps its IP address, and the one
        // that becomes static gives its own to nobody but who says it.
        let after = [
            port("a", "dynamic"), port("x", "02:00:00:00:00:02 dynamic"), port("y", "02:00:00:00:00:03 10.0.0.4"),
            port("z", "02:00:00:00:00:01 10.0.0.3"),
        ]
        let isTried = plan(apply(after, on: bench, isDryRun: true))
        #expect(isTried == plan(apply(after, on: bench)))
        #expect(isTried == ["update z", "update x", "update y", "create a"])
        #expect(given(bench)["x"] == "02:00:00:00:00:02 10.0.0.2")
        #expect(given(bench)["a"] == "0a:00:00:00:00:06 10.0.0.5")
        // A port that changes otherwise keeps its address, or is told why not.
        let taken = [
            port("x", "dynamic"), port("y", "02:00:00:00:00:03 10.0.0.2"), port("z", "02:00:00:00:00:01 10.0.0.3"),
        ]
        guard case .refused(let lost, _)? = apply(taken, on: bench) else { throw CommitError("not refused") }
        #expect(lost.code == .ipConflict && lost.conflictsWith == "/v1/ports/y")
        // A static address that a port keeps by "dynamic" is refused, with the port's name.
        let clash = apply(after + [port("b", "02:00:00:00:00:09 10.0.0.5")], on: bench)
        guard case .refused(let refusal, _)? = clash else { throw CommitError("not refused") }
        #expect(refusal.code == .ipConflict && refusal.conflictsWith == "/v1/ports/a")
        #expect(refusal.pointer == "/ports/4/addresses/0")
    }

    @Test func `a topology that would take addresses from ports is refused, one that gives more gives it`() throws {
        let bench = bench()
        let ports = [port("a", "dynamic"), port("b", "dynamic")]
        _ = apply(ports, on: bench)
        let narrow: JSONValue = ["name": "ls1", "subnet": "10.0.1.0/28"]
        guard case .refused(let refusal, _)? = apply(ports, on: bench, switch: narrow) else {
            throw CommitError("not refused")
        }
        #expect(refusal.code == .addressesInUse && refusal.pointer == "/switches/0/subnet")
        let wide: JSONValue = ["name": "ls1", "subnet": "10.0.0.0/28", "ipv6_prefix": "2001:db8::"]
        #expect(plan(apply(ports, on: bench, switch: wide)) == ["update ls1", "update a", "update b"])
        #expect(given(bench)["a"] == "0a:00:00:00:00:03 10.0.0.2 2001:db8::800:ff:fe00:3")
    }

    @Test func `a large topology is given what the same in small parts is given`() throws {
        let whole = bench()
        let parts = bench()
        let wide: JSONValue = ["name": "ls1", "subnet": "10.0.0.0/22"]
        let ports = (0..<300).map { port("p\($0)", "dynamic") }
        _ = apply(ports, on: whole, switch: wide)
        for count in stride(from: 50, through: 300, by: 50) {
            _ = apply(Array(ports[..<count]), on: parts, switch: wide)
        }
        #expect(given(whole).count == 300)
        #expect(given(whole) == given(parts))
        try whole.restart()
        #expect(given(whole) == given(parts))
    }
}
