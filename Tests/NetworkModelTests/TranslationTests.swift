import JSON
import Persistent
import Southbound
import TestSupport
import Testing
import Wire

@testable import NetworkModel

@Suite struct TranslationTests {
    private let switchID = ObjectID(high: 1, low: 1)

    private func stored(_ port: LogicalSwitchPort) -> Stored<LogicalSwitchPort> {
        Stored(
            id: ObjectID(high: 2, low: UInt64(port.status.tunnelKey)),
            value: port,
            revision: 1,
            configRevision: 1,
            createdAt: 0,
            updatedAt: 0,
            bytes: []
        )
    }

    private func network() -> Network {
        var network = Network(epoch: 1)
        for (index, passthru) in [false, true].enumerated() {
            network.northbound.put(
                Stored(
                    id: ObjectID(high: 1, low: UInt64(index + 1)),
                    value: LogicalSwitch(
                        name: "ls\(index + 1)",
                        vlanPassthru: passthru,
                        status: .init(tunnelKey: UInt32(index + 1))
                    ),
                    revision: 1,
                    configRevision: 1,
                    createdAt: 0,
                    updatedAt: 0,
                    bytes: []
                )
            )
        }
        let ports: [([String], [String], [String: String], Bool, [String])] = [
            (["02:00:00:00:00:01 10.0.0.1 2001:db8::1", "02:00:00:00:00:02"], [], [:], true, []),
            (["02:00:00:00:00:03 10.0.0.3", "unknown"], ["02:00:00:00:00:03 10.0.0.3/24 10.1.0.0/16"], [:], true, []),
            (["02:00:00:00:00:04 10.0.0.4"], [], ["disable_arp_nd_rsp": "true"], true, ["hv1", "hv2"]),
            (["02:00:00:00:00:05 10.0.0.5"], [], ["disable_arp_nd_rsp": "false"], false, []),
            ([], ["02:00:00:00:00:06"], [:], true, []),
        ]
        for (index, port) in ports.enumerated() {
            network.northbound.put(
                stored(
                    LogicalSwitchPort(
                        name: "p\(index + 1)",
                        switchID: switchID,
                        addresses: port.0,
                        portSecurity: port.1,
                        isEnabled: port.3,
                        requestedChassis: port.4,
                        options: port.2,
                        status: .init(isUp: false, chassis: nil, tunnelKey: UInt16(index + 1), reason: .notPlugged)
                    )
                )
            )
        }
        return network
    }

    @Test func `each northbound object has its record`() {
        let text = network().translationDifference().map { change in
            if case .put(let record) = change { "\(record.key.kind) \(record.json.text)\n" } else { "\(change)" }
        }.joined()
        let mismatch = goldenMismatch(text, named: "translation")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }

    @Test func `the difference is what a database lacks, has wrong or has too much`() throws {
        var network = network()
        #expect(network.translationDifference().count == 7)
        for change in network.translationDifference() {
            if case .put(let record) = change { network.southbound.put(.init(record: record, revision: 1)) }
        }
        #expect(network.translationDifference().isEmpty)
        var port = try #require(network.southbound.portBinding(ObjectID(high: 2, low: 3)))
        port.locations = [.init(chassis: "hv1", bindSeq: 4)]
        network.southbound.put(.init(record: .portBinding(port), revision: 2))
        #expect(network.translationDifference().isEmpty)
        port.isEnabled = false
        network.southbound.put(.init(record: .portBinding(port), revision: 2))
        network.northbound.remove(LogicalSwitchPort.self, ObjectID(high: 2, low: 1))
        network.southbound.remove(.datapathBinding(switchID))
        let chassis = Chassis(name: "hv1", chassisID: "x", hostname: "", encaps: [])
        network.southbound.put(.init(record: .chassis(chassis), revision: 2))
        port.isEnabled = true
        #expect(
            network.translationDifference() == [
                .delete(.portBinding(ObjectID(high: 2, low: 1))),
                .put(
                    .datapathBinding(
                        DatapathBinding(id: switchID, name: "ls1", tunnelKey: 1, vlanPassthru: false)
                    )
                ),
                .put(.portBinding(port)),
            ]
        )
    }
}
