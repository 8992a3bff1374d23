import JSON
import Wire

/// A place in a long answer: pages of one answer all lead to one revision.
///
/// On the wire `"TO.OFFSET"`: opaque to agents, who hand `next_page` back as `page` with the same `since`. It carries
/// all that is needed, so central keeps nothing between two pages and a lost answer can be asked for again.
public struct FeedPage: Hashable, Sendable, CustomStringConvertible {
    /// The revision that all pages of the answer lead to.
    public var to: UInt64
    /// The number of changes on the pages before.
    public var offset: Int

    /// The page after so many changes of the answer that leads to this revision.
    public init(to: UInt64, offset: Int) {
        self.to = to
        self.offset = offset
    }

    /// `TO.OFFSET`, two decimal numbers; anything else is `nil`.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let to = UInt64(parts[0]), let offset = Int(parts[1]), offset >= 0 else { return nil }
        self.init(to: to, offset: offset)
    }

    /// `TO.OFFSET`.
    public var description: String { "\(to).\(offset)" }
}

/// An answer of the southbound feed, to a sync or to a read.
///
/// On the wire `{"epoch","from","to","hash"?,"mode","forces_hosts"?,"changes","more","next_page"?,"lease"?,"ask"?}`. An
/// agent applies the changes of all pages together, and only when `more` is false.
public struct FeedAnswer: Sendable {
    /// The base of the changes.
    public enum Mode: String, Sendable {
        /// The whole share: what is not in it is gone.
        case snapshot
        case delta
    }

    /// The epoch of both revisions; 16 hexadecimal digits on the wire.
    public var epoch: UInt64
    /// The revision that the changes start from; 0 for a snapshot.
    public var from: UInt64
    /// The revision that the share has after the changes of all pages.
    public var to: UInt64
    /// The hash of the commit of `to`, which the next request repeats; 16 hexadecimal digits on the wire. `nil` if
    /// central gives none.
    public var hash: UInt64?
    /// The base of the changes.
    public var mode: Mode
    /// True if the epoch was begun with `--force-hosts`: hosts take its snapshot whatever that takes away.
    public var forcesHosts: Bool
    public var changes: [FeedChange]
    /// The changes as they stand between the brackets, if they are at hand.
    public var text: [UInt8]?
    /// The page after this one, if there is one.
    public var nextPage: FeedPage?
    /// The seconds for which the chassis counts as live from now on; only in answers to a sync.
    public var lease: Int?
    /// Questions to the host; only in answers to a sync.
    public var queries: [HostQuery] = []

    public var more: Bool { nextPage != nil }

    public init(
        epoch: UInt64,
        from: UInt64,
        to: UInt64,
        hash: UInt64? = nil,
        mode: Mode,
        forcesHosts: Bool = false,
        changes: [FeedChange],
        text: [UInt8]? = nil,
        nextPage: FeedPage? = nil,
        lease: Int? = nil
    ) {
        self.epoch = epoch
        self.from = from
        self.to = to
        self.hash = hash
        self.mode = mode
        self.forcesHosts = forcesHosts
        self.changes = changes
        self.text = text
        self.nextPage = nextPage
        self.lease = lease
    }

    /// The answer as JSON; the records' bytes are spliced in.
    public var bytes: [UInt8] { Array(pieces.joined()) }

    /// The same in pieces, of which the middle one is ``text`` itself if that is at hand.
    public var pieces: [[UInt8]] {
        var head = Array("{\"epoch\":\"\(hexadecimal(epoch))\",\"from\":\(from),\"to\":\(to)".utf8)
        if let hash { head += ",\"hash\":\"\(hexadecimal(hash))\"".utf8 }
        head += ",\"mode\":\"\(mode.rawValue)\"".utf8
        if forcesHosts { head += ",\"forces_hosts\":true".utf8 }
        head += ",\"changes\":[".utf8
        var tail = Array("],\"more\":\(more)".utf8)
        if let nextPage { tail += ",\"next_page\":\"\(nextPage)\"".utf8 }
        if let lease { tail += ",\"lease\":\(lease)".utf8 }
        if !queries.isEmpty {
            tail += ",\"ask\":".utf8
            JSONValue.array(queries.map(\.json)).write(to: &tail)
        }
        tail.append(UInt8(ascii: "}"))
        return [head, text ?? FeedChange.text(changes), tail]
    }

    /// Reads an answer from JSON. Unknown members and changes of unknown kinds are ignored.
    public init(parsing text: [UInt8]) throws(FeedError) {
        let json: JSONValue
        do {
            json = try JSONParser.parse(text)
        } catch {
            throw FeedError(error.description)
        }
        guard let epoch = json["epoch"]?.stringValue.flatMap(epochValue) else { throw FeedError("no \"epoch\"") }
        guard let from = json["from"]?.integerValue.flatMap(UInt64.init(exactly:)),
            let to = json["to"]?.integerValue.flatMap(UInt64.init(exactly:)), from <= to
        else { throw FeedError("no \"from\" and \"to\" in order") }
        guard let mode = json["mode"]?.stringValue.flatMap(Mode.init(rawValue:)) else { throw FeedError("no \"mode\"") }
        guard let more = json["more"]?.boolValue else { throw FeedError("no \"more\"") }
        guard let list = json["changes"]?.arrayValue else { throw FeedError("no \"changes\"") }
        var changes: [FeedChange] = []
        for element in list {
            if let change = try FeedChange(json: element) { changes.append(change) }
        }
        let nextPage = json["next_page"]?.stringValue.flatMap { FeedPage($0) }
        guard more == (nextPage != nil) else { throw FeedError("\"more\" and \"next_page\" disagree") }
        self.init(
            epoch: epoch,
            from: from,
            to: to,
            hash: json["hash"]?.stringValue.flatMap(epochValue),
            mode: mode,
            forcesHosts: json["forces_hosts"]?.boolValue ?? false,
            changes: changes,
            nextPage: nextPage,
            lease: json["lease"]?.integerValue.flatMap(Int.init(exactly:))
        )
        queries = (json["ask"]?.arrayValue ?? []).prefix(HostQuery.countMaximum).compactMap { HostQuery(json: $0) }
    }
}

/// The epoch of 16 hexadecimal digits, or `nil`.
public func epochValue(_ text: String) -> UInt64? {
    text.utf8.count == 16 && !text.hasPrefix("+") && !text.hasPrefix("-") ? UInt64(text, radix: 16) : nil
}
