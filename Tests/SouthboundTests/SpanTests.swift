import Persistent
import Southbound
import TestSupport
import Testing
import Wire

@Suite struct SpanTests {
    private let names = (0..<6).map { "h\($0)" }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `the span equals what looking at every record gives`(seed: UInt64) {
        var random = RandomDatabase(seed: seed)
        for _ in 0..<150 {
            random.edit()
            for name in names {
                let span = Span(of: name, in: random.database)
                let wanted = recomputedShare(of: name, in: random.database)
                let snapshot = ShareChanges(snapshot: span, at: 1).pages(
                    Int.random(in: 1...5, using: &random.generator)
                )
                #expect(snapshot.count == wanted.count)
                #expect(Set(snapshot.map(\.key)) == Set(wanted.keys))
                for key in random.database.entries.keys { #expect((span.entry(key) != nil) == (wanted[key] != nil)) }
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a delta from any revision to any later one turns the one share into the other`(seed: UInt64) {
        var random = RandomDatabase(seed: seed)
        var roots = [random.database]
        var touches: [[RecordKey]] = [[]]
        for _ in 0..<60 {
            random.edit()
            roots.append(random.database)
            touches.append(random.touched)
        }
        for _ in 0..<400 {
            let from = Int.random(in: 0..<roots.count, using: &random.generator)
            let to = Int.random(in: from..<roots.count, using: &random.generator)
            var touched: [RecordKey: UInt64] = [:]
            for index in from..<to { for key in touches[index + 1] { touched[key] = UInt64(index + 1) } }
            let bounds = PageBounds(changeCount: Int.random(in: 1...5, using: &random.generator), byteCount: 1 << 20)
            var builder = SharedDelta.Builder(
                from: UInt64(from),
                to: UInt64(to),
                before: roots[from],
                after: roots[to],
                touched: touched.map { ($0.key, $0.value) },
                pages: bounds
            )
            var delta = builder.advance(by: 3)
            while delta == nil { delta = builder.advance(by: 3) }
            guard let delta else { return }
            for name in names {
                let share1 = ShareChanges(
                    from: Span(of: name, in: roots[from]),
                    to: Span(of: name, in: roots[to]),
                    by: delta
                )
                let changes = share1.pages(bounds.changeCount)
                #expect(share1.isEmpty == changes.isEmpty)
                #expect(Set(changes.map(\.key)).count == changes.count)
                var share = recomputedShare(of: name, in: roots[from])
                for change in changes {
                    switch change.change {
                    case .put(let record): share[record.key] = record
                    case .delete(let key): #expect(share.removeValue(forKey: key) != nil)
                    case .patch: Issue.record("a change that no host is known to take")
                    }
                }
                #expect(share == recomputedShare(of: name, in: roots[to]))
                #expect(changes.allSatisfy { $0.revision <= UInt64(to) })
            }
        }
    }

    @Test func `no piece of the work on a long delta is longer than a page`() {
        let switchID = ObjectID(high: 1, low: 1)
        var database = SouthboundDatabase()
        let datapath = DatapathBinding(id: switchID, name: "ls1", tunnelKey: 1, vlanPassthru: false)
        database.put(.init(record: .datapathBinding(datapath), revision: 1))
        let before = database
        let ids = (1...20).map { ObjectID(high: 2, low: $0) }
        for id in ids {
            let key = UInt16(id.low)
            let port = PortBinding(id: id, logicalPort: "p\(key)", datapath: switchID, tunnelKey: key, locations: [])
            database.put(.init(record: .portBinding(port), revision: 2))
        }
        var builder = SharedDelta.Builder(
            from: 1,
            to: 2,
            before: before,
            after: database,
            touched: ids.map { (.portBinding($0), 2) },
            pages: PageBounds(changeCount: 5, byteCount: 1 << 20)
        )
        // Four pieces look at five records each, four cut a page each.
        for _ in 1..<8 { #expect(builder.advance(by: 5) == nil) }
        #expect(builder.advance(by: 5) != nil)
    }

    @Test(arguments: [5, 6, 7] as [UInt64])
    func `whoever's share a commit changes is interested in it`(seed: UInt64) {
        var random = RandomDatabase(seed: seed)
        for _ in 0..<300 {
            let before = random.database
            random.edit()
            let reach = Reach(of: random.touched, before: before, after: random.database)
            for name in names where !reach.concerns(name, in: random.database) {
                #expect(
                    recomputedShare(of: name, in: before) == recomputedShare(of: name, in: random.database)
                )
            }
        }
    }

    @Test func `a commit in one datapath interests nobody outside it`() {
        var database = SouthboundDatabase()
        func port(_ number: UInt64, at chassis: String) -> Record {
            .portBinding(
                PortBinding(
                    id: ObjectID(high: 1, low: number),
                    logicalPort: "p\(number)",
                    datapath: ObjectID(high: 0, low: number),
                    tunnelKey: 1,
                    locations: [.init(chassis: chassis, bindSeq: 1)]
                )
            )
        }
        database.put(.init(record: port(1, at: "h1"), revision: 1))
        database.put(.init(record: port(2, at: "h2"), revision: 1))
        let before = database
        database.put(.init(record: port(2, at: "h3"), revision: 2))
        let key = RecordKey.portBinding(ObjectID(high: 1, low: 2))
        let reach = Reach(of: [key], before: before, after: database)
        #expect(["h1", "h2", "h3"].filter { reach.concerns($0, in: database) } == ["h2", "h3"])
    }

    @Test func `an empty database has nothing to index`() {
        var random = RandomDatabase(seed: 9)
        for _ in 0..<50 { random.edit() }
        for key in Array(random.database.entries.keys) { random.database.remove(key) }
        let database = random.database
        #expect(database.chassisByName.isEmpty && database.datapathsByKey.isEmpty && database.portsByName.isEmpty)
        #expect(database.portsByDatapath.isEmpty && database.portsByChassis.isEmpty)
        #expect(database.datapathsByChassis.isEmpty && database.chassisByDatapath.isEmpty)
        #expect(database.attachmentsByDatapath.isEmpty && database.datapathsByAttachment.isEmpty)
    }
}

extension ShareChanges {
    /// All changes, read in pages of so many.
    fileprivate func pages(_ count: Int) -> [FeedChange] {
        var changes: [FeedChange] = []
        var offset: Int? = 0
        while let start = offset {
            let page = page(at: start, PageBounds(changeCount: count, byteCount: 1 << 20), takesPatches: false)
            #expect(page.next == nil || page.changes.count > 0)
            changes += page.changes
            offset = page.next
        }
        return changes
    }
}

extension Reach {
    /// True if the commit changes what a chassis is told.
    /// - Parameter after: The database after the commit.
    fileprivate func concerns(_ name: String, in after: SouthboundDatabase) -> Bool {
        chassis.contains(name) || after.datapathsByChassis[name]?.contains { datapaths.contains($0.key) } == true
    }
}
