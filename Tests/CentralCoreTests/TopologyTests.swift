import JSON
import NetworkModel
import Persistent
import TestSupport
import Testing

@testable import CentralCore

/// Topologies against everything else that changes the network.
@Suite struct TopologyTests {
    private func apply(
        _ owner: String,
        _ switches: [JSONValue],
        _ ports: [JSONValue],
        on bench: CoreBench,
        prunes: Bool = true
    ) -> Answer? {
        let ticket = bench.ticket()
        var request = WriteRequest(operations: [], author: "test", requestID: "r\(ticket)")
        var topology = TopologyRequest(owner: owner, bodies: [.logicalSwitch: switches, .logicalSwitchPort: ports])
        topology.prunes = prunes
        topology.adoption = .any
        request.topology = topology
        bench.ask(ticket, .write(request))
        return bench.answers[ticket]
    }

    /// Objects, indices, translation and log tell the same after any edits.
    @Test(arguments: 0..<6)
    func `random topologies and edits keep indices, translation and log in step`(seed: UInt64) throws {
        let bench = CoreBench(seed: seed)
        var generator = SeededGenerator(seed: seed &+ 100)
        func number(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }
        for round in 0..<60 {
            let owner = "o\(number(2))"
            let switches = (0..<3).filter { _ in number(3) > 0 }.map { index -> JSONValue in
                ["name": .string("s\(index)"), "vlan_passthru": .bool(number(2) == 0)]
            }
            let ports = (0..<6).filter { _ in number(2) > 0 }.map { index -> JSONValue in
                [
                    "name": .string("p\(index)"), "switch": .string("s\(number(3))"),
                    "addresses": [.string("02:00:00:00:00:0\(number(6))")],
                ]
            }
            switch number(4) {
            case 0: bench.write(.delete(switch: "s\(number(3))"))
            case 1: bench.write(.patch(port: "p\(number(6))", ["enabled": .bool(number(2) == 0)]))
            default: _ = apply(owner, switches, ports, on: bench, prunes: number(3) > 0)
            }
            let network = bench.published
            #expect(network.translationDifference().isEmpty)
            var owners: [String: Int] = [:]
            let owned = network.northbound.switches.values.map(\.owner) + network.northbound.ports.values.map(\.owner)
            for owner in owned.compactMap({ $0 }) { owners[owner, default: 0] += 1 }
            let indexed = network.northbound.topologies.map { ($0.key, $0.value.objectCount) }
            #expect(Dictionary(uniqueKeysWithValues: indexed) == owners)
            guard round % 10 == 9 else { continue }
            let before = network.northbound.topologies.map { "\($0.key) \($0.value.revision)" }
            try bench.restart(history: number(bench.log.count + 1))
            #expect(bench.published.northbound.topologies.map { "\($0.key) \($0.value.revision)" } == before)
            for (id, port) in bench.published.northbound.ports {
                let before = network.northbound.ports[id]
                #expect(port.bytes == before?.bytes && port.owner == before?.owner)
            }
        }
        #expect(bench.log.count > 10)
    }
}
