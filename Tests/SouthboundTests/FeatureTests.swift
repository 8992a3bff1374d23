import Southbound
import Testing
import Wire

@Suite struct FeatureTests {
    @Test func `An agent of this version applies all that any port needs`() {
        let port = PortBinding(
            id: ObjectID(high: 0, low: 1),
            logicalPort: "p1",
            datapath: ObjectID(high: 0, low: 1),
            tunnelKey: 1,
            addresses: [],
            locations: []
        )
        #expect(Set(Feature.all).isSuperset(of: Feature.needed(by: port)))
        #expect(Set(Feature.all).count == Feature.all.count)
        #expect(Feature.all.count <= SyncRequest.featureCountMaximum)
    }
}
