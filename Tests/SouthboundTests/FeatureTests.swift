import Southbound
import Testing
import Wire

@Suite struct FeatureTests {
    @Test func `A port needs the features of what it and its switch say, and by default none`() {
        let id = ObjectID(high: 0, low: 1)
        var port = PortBinding(id: id, logicalPort: "p1", datapath: id, tunnelKey: 1)
        var datapath = DatapathBinding(id: id, name: "ls1", tunnelKey: 1, vlanPassthru: false)
        let plain = ["chassis", "datapath_binding", "port_binding"]
        #expect(Feature.needed(by: port, on: datapath) == plain)
        #expect(Feature.needed(by: port, on: nil) == plain)
        func added(_ change: () -> Void) -> [String] {
            (port, datapath) = (
                PortBinding(id: id, logicalPort: "p1", datapath: id, tunnelKey: 1),
                DatapathBinding(id: id, name: "ls1", tunnelKey: 1, vlanPassthru: false)
            )
            change()
            return Feature.needed(by: port, on: datapath).filter { !plain.contains($0) }
        }
        #expect(added { port.dhcpv4Options = id } == ["dhcp_responder", Feature.dhcpv4])
        #expect(added { port.dhcpv6Options = id } == ["dhcp_responder", Feature.dhcpv6])
        #expect(added { datapath.dnsRecords = [id] } == [Feature.dns, "dns_responder"])
        #expect(added { datapath.dnsDomain = "example" } == [Feature.dns])
        #expect(added { datapath.guardsRouters = true } == [Feature.routerGuard])
        #expect(added { datapath.guardsDHCP = true } == [Feature.dhcpGuard])
        #expect(
            added { datapath.routerAdvertisement = RouterAdvertisement(mac: .zero, linkLocal: .any) }
                == [Feature.routerAdvertisement]
        )
    }

    @Test func `An agent of this version applies all that any port needs`() {
        let port = PortBinding(
            id: ObjectID(high: 0, low: 1),
            logicalPort: "p1",
            datapath: ObjectID(high: 0, low: 1),
            tunnelKey: 1,
            addresses: [],
            locations: []
        )
        #expect(Set(Feature.all).isSuperset(of: Feature.needed(by: port, on: nil)))
        #expect(Set(Feature.all).count == Feature.all.count)
        #expect(Feature.all.count <= SyncRequest.featureCountMaximum)
    }
}
