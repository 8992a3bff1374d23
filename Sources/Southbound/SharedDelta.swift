import Persistent
import Wire

/// The changes in each datapath between two revisions, worked out once for all chassis that share it.
///
/// A chassis that has ports in a datapath at both revisions is told exactly these changes of it.
public final class SharedDelta: Sendable {
    /// The revision that the changes start from.
    public let from: UInt64
    public let to: UInt64
    /// The changes of each datapath and its ports.
    let lists: [ObjectID: ChangeList]
    /// The other records that may have changed, or have entered or left shares, in order: those that were touched, the
    /// chassis of a changed port, and what a changed port or datapath refers to, now or before.
    let companions: [RecordKey]

    init(from: UInt64, to: UInt64, lists: [ObjectID: ChangeList], companions: [RecordKey]) {
        self.from = from
        self.to = to
        self.lists = lists
        self.companions = companions
    }
}

extension SharedDelta {
    /// Works a delta out piece by piece.
    public struct Builder: Sendable {
        private let from: UInt64
        private let to: UInt64
        private let before: SouthboundDatabase
        private let after: SouthboundDatabase
        private let touched: [(key: RecordKey, revision: UInt64)]
        private let pages: PageBounds
        private var next = 0
        private var changes: [ObjectID: [FeedChange]] = [:]
        private var companions: Set<RecordKey> = []
        private var lists: [ObjectID: ChangeList] = [:]
        /// The datapath whose changes are cut into pages, and the pages so far.
        private var cutting: (datapath: ObjectID, list: ChangeList.Builder)?

        /// - Parameters:
        ///   - touched: the records that the commits in between touched, each once, with the last revision that did.
        ///   - pages: how the changes of one datapath are cut.
        public init(
            from: UInt64,
            to: UInt64,
            before: SouthboundDatabase,
            after: SouthboundDatabase,
            touched: [(key: RecordKey, revision: UInt64)],
            pages: PageBounds
        ) {
            self.from = from
            self.to = to
            self.before = before
            self.after = after
            self.touched = touched
            self.pages = pages
        }

        /// Goes on by about so many records, or by a page of changes.
        /// - Returns: the delta once it is done.
        public mutating func advance(by count: Int) -> SharedDelta? {
            guard next == touched.count else {
                let end = min(touched.count, next + count)
                while next < end {
                    take(touched[next].key, touched[next].revision)
                    next += 1
                }
                return nil
            }
            var left = count
            while left > 0, cutPage(&left) {}
            guard cutting == nil, changes.isEmpty else { return nil }
            return SharedDelta(from: from, to: to, lists: lists, companions: companions.sorted())
        }

        /// Cuts one page: a datapath with many changes is as much work as many with few.
        /// - Parameter left: has the number of changes on the page taken off.
        /// - Returns: false if there are no more changes.
        private mutating func cutPage(_ left: inout Int) -> Bool {
            if cutting == nil, let (id, list) = changes.popFirst() { cutting = (id, ChangeList.Builder(list, pages)) }
            guard let datapath = cutting?.datapath else { return false }
            left -= cutting?.list.cutPage() ?? 0
            if let list = cutting?.list.whole {
                lists[datapath] = list
                cutting = nil
            }
            return true
        }

        private mutating func take(_ key: RecordKey, _ revision: UInt64) {
            let old = before.entries[key]
            let new = after.entries[key]
            for record in [old?.record, new?.record] {
                guard let record else { continue }
                if case .portBinding(let port) = record {
                    for location in port.locations { companions.insert(.chassis(location.chassis)) }
                }
                companions.formUnion(record.attachments)
            }
            let datapath: ObjectID
            switch (key, new?.record ?? old?.record) {
            case (.chassis, _), (.dhcpResponder, _), (.dnsResponder, _), (.mirrorSession, _):
                companions.insert(key)
                return
            case (.datapathBinding(let id), _): datapath = id
            case (.portBinding, .portBinding(let port)?): datapath = port.datapath
            case (.portBinding, _): return
            }
            if let new {
                guard old?.revision != new.revision else { return }
                var change = FeedChange(revision: new.revision, change: .put(new.record), bytes: new.bytes)
                if case .datapathBinding(let former)? = old?.record, case .datapathBinding(let latter) = new.record {
                    change.patch = .toTell(from: former, to: latter)
                }
                changes[datapath, default: []].append(change)
            } else if old != nil {
                changes[datapath, default: []].append(FeedChange(revision: revision, change: .delete(key)))
            }
        }
    }
}

/// The bounds between one page of an answer and the next.
public struct PageBounds: Sendable {
    public var changeCount: Int
    /// Bytes of records after which the next page begins.
    public var byteCount: Int

    public init(changeCount: Int, byteCount: Int) {
        self.changeCount = changeCount
        self.byteCount = byteCount
    }
}

/// Changes that many chassis are told alike, cut into pages; a long list has the text of each page at hand.
final class ChangeList: Sendable {
    /// The fewest changes of which the text is kept: what is short is made anew faster than it is kept.
    static let textCountMinimum = 256

    let changes: [FeedChange]
    let pages: [Page]

    struct Page: Sendable {
        var range: Range<Int>
        /// The changes as an answer has them between its brackets.
        var text: [UInt8]?
        /// The changes, if there is the text: an array that all answers share.
        var changes: [FeedChange]
    }

    private init(_ changes: [FeedChange], _ pages: [Page]) {
        self.changes = changes
        self.pages = pages
    }

    /// Cuts a list page by page.
    struct Builder: Sendable {
        private let changes: [FeedChange]
        private let bounds: PageBounds
        private var pages: [Page] = []

        init(_ changes: [FeedChange], _ bounds: PageBounds) {
            self.changes = changes.sorted { ($0.revision, $0.key) < ($1.revision, $1.key) }
            self.bounds = bounds
        }

        /// The list, if all its pages are cut.
        var whole: ChangeList? { start == changes.count ? ChangeList(changes, pages) : nil }

        private var start: Int { pages.last?.range.upperBound ?? 0 }

        /// - Returns: the number of changes on the page.
        mutating func cutPage() -> Int {
            let range = start..<bounds.end(of: changes[start...])
            let text = changes.count < textCountMinimum ? nil : FeedChange.text(changes[range].map(\.whole))
            pages.append(Page(range: range, text: text, changes: text == nil ? [] : Array(changes[range])))
            return range.count
        }
    }
}

extension PageBounds {
    /// The index after the last change that fits on one page with the first; at least one does.
    func end(of changes: ArraySlice<FeedChange>) -> Int {
        var end = changes.startIndex
        var byteCount = 0
        while end < changes.endIndex, end - changes.startIndex < changeCount {
            byteCount += changes[end].bytes?.count ?? 0
            guard end == changes.startIndex || byteCount <= self.byteCount else { break }
            end += 1
        }
        return end
    }
}
