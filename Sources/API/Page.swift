import HTTPCore
import JSON
import Southbound
import Wire

/// Where a page of a list ended, for the client to hand back: `EPOCH.REVISION.LIST.KEY`, opaque to it.
///
/// All pages of a list are read at the revision of the first. The token carries all that is needed, so nothing is kept
/// for a client that never comes back.
struct PageToken: Equatable {
    /// Items of a page unless the request says otherwise.
    static let limitDefault = 500
    /// The most items of a page.
    static let limitMaximum = 5000

    var epoch: UInt64
    var revision: UInt64
    /// Tells the path and the filter: another list has other pages.
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
    /// not refused, and the page goes on behind its key.
    static func list(path: [String], filter: Filter) -> UInt32 {
        (path.joined(separator: "/") + "?" + filter.text).utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }
}

/// An ordered collection at one revision.
struct Collection {
    /// Gives the items behind the one with a key, in order, as long as they are taken.
    var walk: (_ after: String?, _ take: Visitor) -> Void
    /// Whether a text can be the key of an item: a token is only as good as its bearer.
    var isKey: (String) -> Bool = { _ in true }

    /// Takes an item: the key that orders it, for whoever asks, and its JSON.
    /// - Returns: whether the next is wanted.
    typealias Visitor = (_ key: () -> String, _ bytes: [UInt8]) -> Bool
}

/// What a request wants of a collection.
struct Page {
    /// Items that are looked up and joined at once, so that no long list keeps a loop from its other connections. An
    /// answer that a slow client does not take holds two such slices, some 64 KiB.
    static let sliceMaximum = 100

    var after: String?
    var limit: Int
    var list: UInt32
    var projection: Projection?

    /// `{"items":[…],"revision","next_page_token"}`, produced as the socket takes it.
    func body(of collection: Collection, epoch: UInt64, revision: UInt64) -> HTTPBody {
        var writer = Writer(page: self, collection: collection, epoch: epoch, revision: revision)
        guard let first = writer.next() else { return .none }
        guard let second = writer.next() else { return .bytes(first) }
        var ready = [second, first]
        return .slices { ready.popLast() ?? writer.next() }
    }

    private struct Writer {
        let page: Page
        let collection: Collection
        let epoch: UInt64
        let revision: UInt64
        var last: String?
        var count = 0
        var isDone = false
        /// Bytes of the slice before, so that the buffer of the next is made once.
        var usualByteCount = 1024

        init(page: Page, collection: Collection, epoch: UInt64, revision: UInt64) {
            self.page = page
            self.collection = collection
            self.epoch = epoch
            self.revision = revision
            last = page.after
        }

        /// The next slice of the text; one item beyond it is looked up to know whether it is the last.
        mutating func next() -> [UInt8]? {
            guard !isDone else { return nil }
            var text: [UInt8] = []
            text.reserveCapacity(usualByteCount + usualByteCount / 32)
            if count == 0 { text += "{\"items\":[".utf8 }
            let hasMore = appendItems(to: &text)
            usualByteCount = text.count
            guard !hasMore || count == page.limit else { return Self.tight(text) }
            isDone = true
            text += "],\"revision\":\(revision),\"next_page_token\":".utf8
            if hasMore, let last {
                JSONValue.write(PageToken(epoch: epoch, revision: revision, list: page.list, key: last).text, to: &text)
            } else {
                text += "null".utf8
            }
            text.append(UInt8(ascii: "}"))
            return Self.tight(text)
        }

        /// The text in a buffer of about its size: slow clients make central keep it, and growing leaves up to twice that.
        private static func tight(_ text: [UInt8]) -> [UInt8] {
            guard text.capacity > text.count + text.count / 4 else { return text }
            // An array of the whole slice would be the same buffer.
            var copy: [UInt8] = []
            copy.reserveCapacity(text.count)
            copy += text
            return copy
        }

        /// - Returns: whether there is an item behind those of the slice.
        private mutating func appendItems(to text: inout [UInt8]) -> Bool {
            let end = min(count + Page.sliceMaximum, page.limit)
            var (count, last) = (count, last)
            var hasMore = false
            collection.walk(self.last) { key, bytes in
                guard count < end else {
                    hasMore = true
                    return false
                }
                if count > 0 { text.append(UInt8(ascii: ",")) }
                if let projection = page.projection { text += projection.apply(bytes) } else { text += bytes }
                count += 1
                if count == end { last = key() }
                return true
            }
            (self.count, self.last) = (count, last)
            return hasMore
        }
    }
}
