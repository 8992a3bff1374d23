import JSON
import Southbound
import Testing
import Wire

@Suite struct MulticastGroupTests {
    private let datapath = ObjectID(high: 0, low: 1)

    private func database(_ ports: [(isEnabled: Bool, hasUnknown: Bool)]) -> SouthboundDatabase {
        var database = SouthboundDatabase()
        let record = DatapathBinding(id: datapath, name: "ls1", tunnelKey: 1, vlanPassthru: false)
        database.put(.init(record: .datapathBinding(record), revision: 1))
        for (index, port) in ports.enumerated() {
            let binding = PortBinding(
                id: ObjectID(high: 1, low: UInt64(index)),
                logicalPort: "p\(index)",
                datapath: datapath,
                tunnelKey: UInt16(ports.count - index),
                hasUnknown: port.hasUnknown,
                isEnabled: port.isEnabled
            )
            database.put(.init(record: .portBinding(binding), revision: 1))
        }
        return database
    }

    @Test func `the groups of a switch with their ports in order of key`() {
        let groups = database([(true, false), (false, true), (true, true)]).multicastGroups(ofDatapath: datapath)
        #expect(
            groups.map(\.json.text) == [
                #"{"datapath":"ls1","name":"_MC_flood","tunnel_key":32768,"ports":["p2","p0"]}"#,
                #"{"datapath":"ls1","name":"_MC_unknown","tunnel_key":32769,"ports":["p2"]}"#,
                #"{"datapath":"ls1","name":"_MC_flood_l2","tunnel_key":32772,"ports":["p2","p0"]}"#,
            ]
        )
    }

    @Test func `a group without ports is not there`() {
        #expect(database([(false, true)]).multicastGroups(ofDatapath: datapath).isEmpty)
        #expect(database([(true, false)]).multicastGroups(ofDatapath: datapath).map(\.kind) == [.flood, .floodL2])
        #expect(SouthboundDatabase().multicastGroups(ofDatapath: datapath).isEmpty)
    }
}
