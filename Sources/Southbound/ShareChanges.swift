import Persistent
import Wire

/// The changes from one share of a chassis to another, read page by page: nothing is worked out for a page but its own
/// changes, and what many chassis are told alike is not copied for each.
///
/// A record that enters the share is a put and one that leaves it a delete, whatever its own revision. The order is
/// that of the segments: chassis and what datapaths and ports refer to, then the datapaths that were there before,
/// those that entered, those that left.
public struct ShareChanges: Sendable {
    private enum Segment: Sendable {
        /// Changes of this chassis alone.
        case own([FeedChange])
        /// Changes of a datapath that every chassis in it is told.
        case shared(ChangeList)
        /// A datapath that came into the share, and its ports.
        case entered(ObjectID)
        /// A datapath that left the share, and its ports.
        case left(ObjectID)
    }

    private let old: Span?
    private let new: Span
    private let revision: UInt64
    private var segments: [(segment: Segment, count: Int)] = []

    /// The whole share, as puts.
    public init(snapshot span: Span, at revision: UInt64) {
        self.init(from: nil, to: span, at: revision, by: nil)
    }

    /// Creates the changes from the share that a chassis had to the share that it has.
    /// - Parameter delta: what commits changed between the two.
    public init(from old: Span, to new: Span, by delta: SharedDelta) {
        self.init(from: old, to: new, at: delta.to, by: delta)
    }

    private init(from old: Span?, to new: Span, at revision: UInt64, by delta: SharedDelta?) {
        self.old = old
        self.new = new
        self.revision = revision
        let entered = new.datapathIDs.filter { old?.contains(datapath: $0) != true }
        let left = old?.datapathIDs.filter { !new.contains(datapath: $0) } ?? []
        add(.own(companionChanges(entered, left, delta)))
        if let delta, let old {
            for id in delta.lists.count < new.datapathCount ? delta.lists.keys.sorted() : new.datapathIDs {
                guard let list = delta.lists[id], new.contains(datapath: id), old.contains(datapath: id) else {
                    continue
                }
                add(.shared(list))
            }
        }
        for id in entered { add(.entered(id)) }
        for id in left { add(.left(id)) }
    }

    /// True if there is nothing to tell.
    public var isEmpty: Bool { segments.isEmpty }

    private mutating func add(_ segment: Segment) {
        let count =
            switch segment {
            case .own(let changes): changes.count
            case .shared(let list): list.changes.count
            case .entered(let id): new.recordCount(ofDatapath: id)
            case .left(let id): old?.recordCount(ofDatapath: id) ?? 0
            }
        if count > 0 { segments.append((segment, count)) }
    }

    /// The changes of the records of chassis, and of those that others refer to, that enter or leave the share, or were
    /// changed in it.
    private func companionChanges(_ entered: [ObjectID], _ left: [ObjectID], _ delta: SharedDelta?) -> [FeedChange] {
        var keys = Set(delta?.companions ?? [])
        if old == nil { keys.insert(.chassis(new.chassis)) }
        for id in entered { keys.formUnion(new.companions(ofDatapath: id)) }
        for id in left { keys.formUnion(old?.companions(ofDatapath: id) ?? []) }
        return keys.sorted().compactMap { key in
            let before = old?.entry(key)
            guard let after = new.entry(key) else {
                return before == nil ? nil : FeedChange(revision: revision, change: .delete(key))
            }
            guard before?.revision != after.revision else { return nil }
            return FeedChange(revision: after.revision, change: .put(after.record), bytes: after.bytes)
        }
    }

    public struct Page: Sendable {
        public var changes: [FeedChange]
        /// The changes as an answer has them between its brackets, if they are at hand.
        public var text: [UInt8]?
        /// The offset of the page after it; `nil` after the last.
        public var next: Int?

        /// A page without changes after which nothing follows.
        public static let empty = Page(changes: [])
    }

    /// The page that begins after so many changes.
    /// - Parameter takesPatches: True for a host that is told less than whole records (``Feature/filterPatches``).
    public func page(at offset: Int, _ bounds: PageBounds, takesPatches: Bool) -> Page {
        var page = Page.empty
        var byteCount = 0
        var skipped = offset
        var position = offset
        for (segment, count) in segments {
            guard skipped < count else {
                skipped -= count
                continue
            }
            if case .shared(let list) = segment, let part = list.pages.first(where: { $0.range.lowerBound == skipped }),
                part.text != nil
            {
                // A page of its own, told to all others alike.
                guard page.changes.isEmpty else { return ended(page, at: position) }
                page.changes = part.changes
                page.text = part.text
                return ended(page, at: position + part.range.count)
            }
            let room = bounds.changeCount - page.changes.count
            for change in changes(of: segment, from: skipped, limit: room) {
                byteCount += change.bytes?.count ?? 0
                guard page.changes.isEmpty || byteCount <= bounds.byteCount else { return ended(page, at: position) }
                page.changes.append(takesPatches ? change : change.whole)
                position += 1
                skipped += 1
            }
            guard skipped == count else { return ended(page, at: position) }
            skipped = 0
        }
        return page
    }

    private func ended(_ page: Page, at position: Int) -> Page {
        var page = page
        page.next = position < segments.reduce(0) { $0 + $1.count } ? position : nil
        return page
    }

    private func changes(of segment: Segment, from start: Int, limit: Int) -> [FeedChange] {
        switch segment {
        case .own(let changes): Array(changes.dropFirst(start).prefix(limit))
        case .shared(let list): Array(list.changes.dropFirst(start).prefix(limit))
        case .entered(let id):
            new.entries(ofDatapath: id, from: start, limit: limit).map {
                FeedChange(revision: $0.revision, change: .put($0.record), bytes: $0.bytes)
            }
        case .left(let id):
            old?.entries(ofDatapath: id, from: start, limit: limit).map {
                FeedChange(revision: revision, change: .delete($0.record.key))
            } ?? []
        }
    }
}

extension Span {
    /// The number of datapaths that the chassis is told of.
    var datapathCount: Int { datapaths.count }

    /// The number of records of a datapath and its ports.
    func recordCount(ofDatapath id: ObjectID) -> Int {
        (database.entries[.datapathBinding(id)] == nil ? 0 : 1) + (database.portsByDatapath[id]?.count ?? 0)
    }

    /// The keys of the records that go with a datapath: the chassis that have ports in it, and what it and its ports
    /// refer to.
    func companions(ofDatapath id: ObjectID) -> [RecordKey] {
        (database.chassisByDatapath[id]?.map { .chassis($0.key) } ?? [])
            + (database.attachmentsByDatapath[id]?.map(\.key) ?? [])
    }

    /// Some of the records of a datapath and its ports, the datapath first, the ports in order of their keys.
    func entries(ofDatapath id: ObjectID, from start: Int, limit: Int) -> [SouthboundDatabase.Entry] {
        var entries: [SouthboundDatabase.Entry] = []
        guard limit > 0 else { return entries }
        var skipped = start
        if let datapath = database.entries[.datapathBinding(id)] {
            if skipped == 0 { entries.append(datapath) } else { skipped -= 1 }
        }
        guard let ports = database.portsByDatapath[id] else { return entries }
        for port in ports.lazy.dropFirst(skipped) {
            guard entries.count < limit else { break }
            if let entry = database.entries[port.value] { entries.append(entry) }
        }
        return entries
    }
}
