import HTTP
import JSON
import NetworkModel
import Southbound
import Wire

/// The end of a page of a list, for the client to hand back: `EPOCH.REVISION.LIST.KEY`, opaque to it.
///
/// All pages of a list are read at the revision of the first. The token carries all that is needed, so nothing is kept
/// for a client that never comes back.
struct PageToken: Equatable {
    /// Items of a page unless the request says otherwise.
    static let limitDefault = 500
    static let limitMaximum = 5000

    var epoch: UInt64
    var revision: UInt64
    /// Tells the path, the filter and the order: another list has other pages.
    var list: UInt32
    var key: String

    init(epoch: UInt64, revision: UInt64, list: UInt32, key: String) {
        self.epoch = epoch
        self.revision = revision
        self.list = list
        self.key = key
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let epoch = epochValue(String(parts[0])), let revision = UInt64(parts[1]),
            let list = UInt32(parts[2], radix: 16)
        else { return nil }
        self.init(epoch: epoch, revision: revision, list: list, key: String(parts[3]))
    }

    var text: String { "\(hexadecimal(epoch)).\(revision).\(String(list, radix: 16)).\(key)" }

    /// A number that tells one list from another (FNV-1a). Two may share one by chance; then a token of the other is
    /// not refused, and the page goes on after its key.
    static func list(path: [String], filter: Filter, order: String? = nil) -> UInt32 {
        let text = path.joined(separator: "/") + "?" + filter.text + (order.map { "&order=" + $0 } ?? "")
        return text.utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }
}

/// A request for a page of a collection.
struct Page {
    /// Items that are looked up and joined at once, so that no long list keeps a loop from its other connections. An
    /// answer that a slow client does not take holds two such slices, some 64 KiB.
    static let sliceMaximum = 100
    /// The work of one slice, in entries looked at, each about a microsecond: a filter that finds nothing ends its turn
    /// after a third of a millisecond, and others are served meanwhile.
    static let workMaximum = 300
    /// Bytes of an object that are parsed and written in the time of looking at one entry.
    static let projectedByteCount = 32
    /// Bytes that are copied in that time.
    static let copiedByteCount = 4096

    var after: String?
    var limit: Int
    var list: UInt32
    var projection: Projection?

    /// `{"items":[…],"revision","next_page_token"}`, produced as the socket takes it.
    func body(of collection: Listing, epoch: UInt64, revision: UInt64) -> HTTPBody {
        var writer = Writer(page: self, collection: collection, epoch: epoch, revision: revision)
        guard let first = writer.next() else { return .none }
        guard !writer.isDone else { return .bytes(first) }
        var ready: [UInt8]? = first
        return .slices {
            defer { ready = nil }
            return ready ?? writer.next()
        }
    }

    private struct Writer {
        let page: Page
        let collection: Listing
        let epoch: UInt64
        let revision: UInt64
        var last: String?
        /// The key up to which everything has been looked at.
        var position: String?
        var count = 0
        var hasBegun = false
        var isDone = false
        /// Bytes of the slice before, so that the buffer of the next is made once.
        var usualByteCount = 1024

        init(page: Page, collection: Listing, epoch: UInt64, revision: UInt64) {
            self.page = page
            self.collection = collection
            self.epoch = epoch
            self.revision = revision
            last = page.after
            position = page.after
        }

        /// The next slice of the text, empty if nothing was found in its time; one item beyond it is looked up to
        /// know whether it is the last.
        mutating func next() -> [UInt8]? {
            guard !isDone else { return nil }
            var text: [UInt8] = []
            text.reserveCapacity(usualByteCount + usualByteCount / 32)
            if !hasBegun { text += "{\"items\":[".utf8 }
            hasBegun = true
            let end = appendItems(to: &text)
            usualByteCount = max(text.count, 64)
            switch end {
            case .spent(let key):
                position = key
                return Self.tight(text)
            case .stopped where count < page.limit:
                position = last
                return Self.tight(text)
            case .stopped, .end: break
            }
            isDone = true
            text += "],\"revision\":\(revision),\"next_page_token\":".utf8
            if case .stopped = end, let last {
                JSONValue.write(PageToken(epoch: epoch, revision: revision, list: page.list, key: last).text, to: &text)
            } else {
                text += "null".utf8
            }
            text.append(UInt8(ascii: "}"))
            return Self.tight(text)
        }

        /// The text in a buffer of about its size: central keeps it for slow clients, and a grown buffer may be twice
        /// as large.
        private static func tight(_ text: [UInt8]) -> [UInt8] {
            guard text.capacity > text.count + text.count / 4 else { return text }
            // An array of the whole slice would be the same buffer.
            var copy: [UInt8] = []
            copy.reserveCapacity(text.count)
            copy += text
            return copy
        }

        /// - Returns: ``Listing/WalkEnd/stopped`` if there is an item after those of the slice.
        private mutating func appendItems(to text: inout [UInt8]) -> Listing.WalkEnd {
            let end = min(count + Page.sliceMaximum, page.limit)
            var (count, last) = (count, last)
            var work = Page.workMaximum
            let walkEnd = collection.walk(position, &work) { key, bytes in
                guard count < end else { return nil }
                if count > 0 { text.append(UInt8(ascii: ",")) }
                count += 1
                if count == end { last = key() }
                guard let projection = page.projection else {
                    text += bytes
                    return bytes.count / Page.copiedByteCount
                }
                text += projection.apply(bytes)
                return bytes.count / Page.projectedByteCount
            }
            (self.count, self.last) = (count, last)
            return walkEnd
        }
    }
}
