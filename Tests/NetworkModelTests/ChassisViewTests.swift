import JSON
import Southbound
import Testing
import Wire

@testable import NetworkModel

@Suite struct ChassisViewTests {
    private func network() -> Network {
        var network = Network(epoch: 1)
        let id = "910A2DEC-8902-4cc1-beeb-8da1658eec67"
        let chassis = Chassis(name: "hv1", chassisID: id, hostname: "h", encaps: [])
        network.southbound.put(.init(record: .chassis(chassis), revision: 3))
        network.ledger.setChassis(.init(isLive: true, revision: 5), named: "hv1")
        return network
    }

    @Test func `a chassis is shown with the revision of its last change, be it of its life`() {
        let view = network().chassisView(named: "hv1")
        #expect(view?.revision == 5)
        #expect(view?.json["status"] == ["live": true])
        #expect(view?.json["revision"] == 5)
        #expect(network().chassisView(named: "hv2") == nil)
    }

    @Test func `a chassis is found by name and by identity`() {
        #expect(network().chassisName(.name("hv1")) == "hv1")
        #expect(network().chassisName(Reference("910a2dec-8902-4cc1-beeb-8da1658eec67")) == "hv1")
        #expect(network().chassisName(.name("hv2")) == nil)
        #expect(network().chassisName(Reference("010a2dec-8902-4cc1-beeb-8da1658eec67")) == nil)
    }
}
