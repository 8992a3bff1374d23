import HTTPTransport
import Testing
import Wire

@testable import Central

@Suite struct PlacesTests {
    private let viewer = Places.Asker.bearer(1)
    private let other = Places.Asker.host(RemoteHost(.v4(IPv4Address(0x7f00_0001))))

    @Test func `no kind keeps out another, and nobody takes all polls`() {
        var places = Places(maximum: 8)
        let taken = (0..<10).compactMap { _ in places.take(.poll, of: viewer) }
        #expect(taken.count == 6)
        #expect((0..<10).compactMap { _ in places.take(.poll, of: other) }.count == 2)
        #expect((0..<10).compactMap { _ in places.take(.heartbeat, of: viewer) }.count == 8)
        #expect((0..<10).compactMap { _ in places.take(.write, of: viewer) }.count == 8)
        places.leave(taken[0])
        #expect(places.take(.poll, of: viewer) != nil && places.take(.poll, of: viewer) == nil)
    }

    @Test func `contents that wait are bounded in bytes, and one may always be as large as it is`() {
        var places = Places(maximum: 100)
        let large = places.take(.write, of: viewer, byteCount: Places.byteCountMaximum + 1)
        #expect(large != nil && places.take(.write, of: other, byteCount: 1) == nil)
        #expect(places.take(.write, of: other) != nil)
        if let large { places.leave(large) }
        #expect(places.take(.write, of: other, byteCount: 1) != nil)
    }

    @Test func `what is being read elsewhere and what waits share one bound`() {
        var places = Places(maximum: 100)
        let most = Places.byteCountMaximum
        #expect(places.hold(byteCount: most - 2) && !places.hold(byteCount: 3))
        #expect(places.take(.write, of: viewer, byteCount: 3) == nil)
        #expect(places.take(.write, of: viewer, byteCount: 2) != nil)
        places.letGo(byteCount: most - 2)
        #expect(places.hold(byteCount: most - 2) && !places.hold(byteCount: 1))
    }
}
