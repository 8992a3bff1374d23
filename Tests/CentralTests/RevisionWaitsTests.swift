import TestSupport
import Testing

@testable import Central

@Suite struct RevisionWaitsTests {
    @Test func `requests are answered when their revision is there, or when their time is over`() {
        var waits = RevisionWaits()
        for (ticket, revision) in [(1, 7), (2, 5), (3, 9), (4, 5)] as [(UInt64, UInt64)] {
            #expect(waits.add(ticket, for: revision, until: .seconds(Int64(ticket))) == true)
        }
        #expect(waits.nextDeadline == .seconds(1))
        let early = waits.reached(4)
        #expect(early == [])
        let five = waits.reached(6)
        #expect(five == [2, 4])
        waits.remove(1)
        waits.remove(99)
        let late = waits.expired(at: .seconds(2))
        #expect(late == [])
        let last = waits.expired(at: .seconds(3))
        #expect(last == [3])
        #expect(waits.count == 0 && waits.nextDeadline == nil)
    }

    @Test func `there is room for so many, and what has gone leaves no timer behind`() {
        var waits = RevisionWaits()
        for ticket in 0..<UInt64(RevisionWaits.countMaximum) {
            #expect(waits.add(ticket, for: ticket, until: .seconds(10)) == true)
        }
        let refused = waits.add(1 << 40, for: 1, until: .seconds(10))
        #expect(!refused)
        for ticket in 0..<UInt64(RevisionWaits.countMaximum) { waits.remove(ticket) }
        #expect(waits.nextDeadline == nil)
        // Clients that come and go at once do not use up the places.
        for ticket in 0..<UInt64(3 * RevisionWaits.countMaximum) {
            #expect(waits.add(ticket, for: 1, until: .seconds(10)) == true)
            waits.remove(ticket)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `any order of events gives what a plain list gives`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var waits = RevisionWaits()
        var list: [(ticket: UInt64, revision: UInt64, deadline: Duration)] = []
        var now = Duration.zero
        for ticket in 0..<2000 as Range<UInt64> {
            now += .milliseconds(Int.random(in: 0...20, using: &generator))
            switch Int.random(in: 0..<6, using: &generator) {
            case 0:
                let revision = UInt64.random(in: 0..<100, using: &generator)
                let expected = list.filter { $0.revision <= revision }.map(\.ticket)
                list.removeAll { $0.revision <= revision }
                let found = waits.reached(revision)
                #expect(found.sorted() == expected)
            case 1:
                let expected = list.filter { $0.deadline <= now }.map(\.ticket)
                list.removeAll { $0.deadline <= now }
                let found = waits.expired(at: now)
                #expect(found == expected)
            case 2:
                guard let gone = list.randomElement(using: &generator)?.ticket else { break }
                list.removeAll { $0.ticket == gone }
                waits.remove(gone)
            default:
                let revision = UInt64.random(in: 0..<100, using: &generator)
                list.append((ticket, revision, now + .milliseconds(200)))
                #expect(waits.add(ticket, for: revision, until: now + .milliseconds(200)) == true)
            }
            #expect(waits.count == list.count)
            if let next = list.first?.deadline { #expect(waits.nextDeadline ?? .zero <= next) }
        }
    }
}
