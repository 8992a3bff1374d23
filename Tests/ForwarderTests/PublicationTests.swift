import Testing

@testable import Forwarder

@Suite struct PublicationTests {
    private func stamp(_ revision: UInt64) -> Publication.Stamp { .init(epoch: 1, revision: revision) }

    @Test func `A commit is acknowledged when every poller has seen its generation, not before`() {
        var publication = Publication()
        publication.outdate()
        publication.add(stamp(1))
        #expect(publication.begin() == 1)
        #expect(publication.see(0) == [])
        #expect(publication.acknowledged == .init(epoch: 0, revision: 0))
        #expect(publication.see(1) == [stamp(1)])
        #expect(publication.see(1) == [])
        #expect(publication.acknowledged == stamp(1))
    }

    @Test func `A commit that changes nothing needs no generation, but waits for those before it`() {
        var publication = Publication()
        publication.outdate()
        publication.add(stamp(1))
        #expect(publication.begin() == 1)
        publication.add(stamp(2))
        #expect(publication.begin() == nil)
        #expect(publication.see(0) == [])
        #expect(publication.see(1) == [stamp(1), stamp(2)])
        publication.add(stamp(3))
        #expect(publication.begin() == nil)
        #expect(publication.see(1) == [stamp(3)])
    }

    @Test func `While a poller is stuck there are three generations and no more, and commits gather`() {
        var publication = Publication()
        var begun: [UInt64] = []
        for revision in 1...10 {
            publication.outdate()
            publication.add(stamp(UInt64(revision)))
            if let number = publication.begin() { begun.append(number) }
        }
        #expect(begun == [1, 2, 3])
        #expect(publication.see(1) == [stamp(1)])
        #expect(publication.begin() == nil, "1, 2 and 3 are still there: 1 is what pollers forward by")
        #expect(publication.see(2) == [stamp(2)])
        #expect(publication.begin() == 4)
        #expect(publication.see(4) == (3...10).map { stamp(UInt64($0)) })
        #expect(publication.begin() == nil)
    }

    @Test func `A change that is no commit is published too`() {
        var publication = Publication()
        publication.outdate()
        #expect(publication.begin() == 1)
        #expect(publication.see(1) == [])
    }
}
