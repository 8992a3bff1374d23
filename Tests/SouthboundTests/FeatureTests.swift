import Southbound
import Testing

@Suite struct FeatureTests {
    @Test func `An agent of this version names what the host of any port needs, and nothing twice`() {
        #expect(Set(Feature.all).isSuperset(of: Feature.basic))
        #expect(Set(Feature.all).count == Feature.all.count)
        #expect(Feature.all.count <= SyncRequest.featureCountMaximum)
    }
}
