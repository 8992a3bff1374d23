import CentralCore
import JSON
import NetworkModel
import Southbound
import TestSupport
import Testing

@Suite struct RowsTests {
    /// A network with rows of every kind.
    private func network() -> Network {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        var request = WriteRequest(operations: [.put(switch: "s", [:])], author: "a", requestID: "r")
        request.idempotency = Idempotency(key: "k", fingerprint: "f")
        bench.ask(bench.ticket(), .write(request))
        bench.write(.create(.dhcpOptions, .dhcp("dhcp")), .create(.dnsRecords, ["name": "dns"]))
        bench.write(.patch(switch: "s", ["dns_records": ["dns"]]))
        bench.write(.create(.mirror, ["name": "m", "type": "gre", "filter": "both", "sink": "192.0.2.9"]))
        for index in 0..<20 {
            let body: JSONValue = [
                "switch": "s", "addresses": [.string("02:00:00:00:00:\(10 + index)")], "dhcpv4_options": "dhcp",
                "mirror_rules": ["m"],
            ]
            bench.write(.put(port: "p\(index)", body))
        }
        bench.write(.create(.portGroup, ["name": "pg", "ports": ["p1", "p2"]]))
        bench.write(Operation(.object(.addressSet), .create(body: ["name": "as"], switch: nil)))
        let acl: JSONValue = [
            "name": "acl", "switch": "s", "direction": "to-lport", "priority": 1, "match": "outport == @pg",
            "action": "drop",
        ]
        bench.write(.create(.acl, acl))
        let rule: JSONValue = [
            "name": "qos", "switch": "s", "direction": "from-lport", "priority": 1, "match": "ip", "dscp": 46,
        ]
        bench.write(Operation(.object(.qosRule), .create(body: rule, switch: nil)))
        var topology = WriteRequest(operations: [], author: "a", requestID: "r")
        topology.topology = TopologyRequest(
            owner: "o",
            bodies: [.logicalSwitch: [["name": "t"]], .logicalSwitchPort: [["name": "q", "switch": "t"]]]
        )
        bench.ask(bench.ticket(), .write(topology))
        agent.plug("p3")
        bench.settle(&agent)
        let changes: [AccessRequest.Change] = [
            .create(.role(.viewer), id: "t", hash: "aa", lifetime: 10),
            .create(.join(chassis: "h1"), id: "j", hash: "bb", lifetime: 10),
            .enrol(chassis: "h1", token: "j", hash: "bb", enrolment: "e"),
        ]
        for change in changes {
            bench.ask(bench.ticket(), .access(AccessRequest(change, author: "test", requestID: "")))
        }
        return bench.published
    }

    private func rows(_ network: Network, pieces: Int) -> [StoredRow] {
        var walk = network.rows
        var rows: [StoredRow] = []
        while true {
            let piece = walk.piece(of: pieces)
            #expect(piece.count <= pieces)
            guard !piece.isEmpty else { return rows }
            rows += piece
        }
    }

    @Test func `A network is its rows, in pieces of any size`() throws {
        let network = network()
        let rows = rows(network, pieces: 7)
        #expect(self.rows(network, pieces: 1) == rows && self.rows(network, pieces: 1000) == rows)
        let missing = Set(CommitChange.Kind.allCases).subtracting(rows.map(\.kind))
        #expect(missing.isEmpty, "\(missing)")
        let again = try Network(epoch: network.epoch, revision: network.revision, rows: rows.reversed())
        #expect(self.rows(again, pieces: 50) == rows)
        #expect(again.translationDifference().isEmpty)
        #expect(again.northbound.ports.byName.map(\.value.bytes) == network.northbound.ports.byName.map(\.value.bytes))
        let datapaths = [again, network].map { Span(of: "h1", in: $0.southbound).datapathIDs }
        #expect(datapaths[0] == datapaths[1])
    }
}
