import JSON
import Testing
import Wire

@testable import Southbound

@Suite struct PacketFilterTests {
    @Test func `The ACLs of a datapath come back from its JSON`() throws {
        var filter = PacketFilter(acls: [
            PacketFilter.Rule(
                name: "a",
                direction: .toPort,
                tier: 3,
                match: "outport == @web",
                action: .allowStateless
            ),
            PacketFilter.Rule(name: "b", direction: .fromPort, tier: 0, match: "ip4.src == $s", action: .pass),
        ])
        var datapath = DatapathBinding(id: ObjectID(high: 1, low: 2), name: "ls1", tunnelKey: 5, vlanPassthru: false)
        let plain = Record.datapathBinding(datapath)
        #expect(plain.json["filter"] == nil)
        datapath.filter = filter
        #expect(try Record(.datapathBinding, json: Record.datapathBinding(datapath).json) == .datapathBinding(datapath))
        filter.ports = ["p": 1]
        filter.portGroups = ["web": [1, 7], "empty": []]
        filter.addressSets = ["s": [IPPrefix("10.0.0.0/8"), IPPrefix("2001:db8::1")].compactMap { $0 }]
        datapath.filter = filter
        let record = Record.datapathBinding(datapath)
        #expect(try Record(.datapathBinding, json: record.json) == record)
        #expect(
            record.json["filter"]?["acls"]?.arrayValue?.last?.text
                == #"{"name":"b","direction":"from-lport","match":"ip4.src == $s","action":"pass"}"#
        )
        #expect(throws: RecordError.self) {
            var json = record.json
            json = json.merged(with: ["filter": ["acls": [["name": "x"]]]])
            _ = try Record(.datapathBinding, json: json)
        }
    }
}
