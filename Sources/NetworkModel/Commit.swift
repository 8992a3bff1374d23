import JSON
import Southbound
import Wire

/// One atomic step of the network: what the log keeps, and all that it keeps.
public struct Commit: Sendable {
    /// The revision that the network has after it: above the one before, mostly by one.
    public let revision: UInt64
    public let epoch: UInt64
    /// When, in seconds since 1970.
    public let time: Int64
    /// The author; `chassis/NAME` for a host, `central` for a lease, `upgrade` for a newer translation.
    public let author: String
    /// The identity of the request that asked for it; empty if there was none.
    public let requestID: String
    /// The address that the request came from; empty if there was none.
    public let source: String
    /// The rows that change: deletes first, then puts, both in the order of their tables and keys; each row at most
    /// once.
    public let changes: [CommitChange]
    /// The commit as JSON: `{"revision","epoch","time","author","request_id","source","changes":[{"op","kind",
    /// "id","name"?,"object"?}]}`. What the log stores, byte for byte, and its hash chain covers.
    public let encoded: [UInt8]

    public static let byteCountMaximum = 16 << 20

    public init(
        revision: UInt64,
        epoch: UInt64,
        time: Int64,
        author: String,
        requestID: String,
        source: String = "",
        changes: [CommitChange]
    ) {
        self.revision = revision
        self.epoch = epoch
        self.time = time
        self.author = author
        self.requestID = requestID
        self.source = source
        self.changes = changes
        var text: [UInt8] = []
        // By index: a copy of each of many thousand rows counts three references.
        text.reserveCapacity(changes.indices.reduce(160) { $0 + 100 + (changes[$1].object?.count ?? 0) })
        text += "{\"revision\":\(revision),\"epoch\":\"\(hexadecimal(epoch))\",\"time\":\(time),\"author\":".utf8
        JSONValue.write(author, to: &text)
        text += ",\"request_id\":".utf8
        JSONValue.write(requestID, to: &text)
        text += ",\"source\":".utf8
        JSONValue.write(source, to: &text)
        text += ",\"changes\":[".utf8
        for index in changes.indices {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            changes[index].write(to: &text)
        }
        text += "]}".utf8
        encoded = text
    }

    public func changes(_ row: CommitChange.Row) -> Bool {
        let puts = changes.partitioningIndex { $0.object != nil }
        return changes[..<puts].hasRow(row) || changes[puts...].hasRow(row)
    }

    /// The commit that a row of the log holds.
    public init(decoding encoded: [UInt8]) throws(CommitError) {
        var found = Members()
        do {
            var walker = JSONWalker(encoded)
            try walker.enterObject()
            while let name = try walker.nextMember() { try found.take(name, &walker) }
            try walker.finish()
        } catch {
            throw CommitError("a commit that is not JSON: \(error)")
        }
        guard let revision = found.revision.flatMap(UInt64.init(exactly:)), revision > 0,
            let epoch = found.epoch.flatMap(epochValue),
            let time = found.time,
            let author = found.author,
            let requestID = found.requestID,
            let rows = found.rows
        else { throw CommitError("a commit without one of its members") }
        self.revision = revision
        self.epoch = epoch
        self.time = time
        self.author = author
        self.requestID = requestID
        source = found.source ?? ""
        changes = try rows.map { row throws(CommitError) in try CommitChange(row) }
        self.encoded = encoded
    }

    /// The members of an encoding, as far as they have been met.
    private struct Members {
        var revision: Int64?
        var epoch: String?
        var time: Int64?
        var author: String?
        var requestID: String?
        /// The log of an older version has none.
        var source: String?
        var rows: [CommitChange.Members]?

        mutating func take(_ name: String, _ walker: inout JSONWalker) throws(JSONError) {
            switch name {
            case "revision": revision = try walker.integer()
            case "epoch": epoch = try walker.string()
            case "time": time = try walker.integer()
            case "author": author = try walker.string()
            case "request_id": requestID = try walker.string()
            case "source": source = try walker.string()
            case "changes":
                var rows: [CommitChange.Members] = []
                try walker.enterArray()
                while try walker.nextElement() { rows.append(try CommitChange.Members(&walker)) }
                self.rows = rows
            default: _ = try walker.text()
            }
        }
    }
}

/// A row that a commit puts or deletes.
public struct CommitChange: Equatable, Sendable {
    /// The tables of the log, in the order in which rows have to be put.
    public enum Kind: Hashable, Comparable, Sendable {
        /// An object of users; the id is its UUID.
        case object(ObjectKind)
        /// A southbound record; the id is a chassis' name, or a UUID.
        case record(RecordKind)
        /// True if a chassis is live (``Ledger``); the id is its name.
        case chassisState
        /// The fence and the claims of a port (``Ledger``); the id is its UUID.
        case bindingState
        /// The last key given (``Ledger``); the id is `datapaths` or a datapath's UUID.
        case lastKey
        /// When users last changed something of a topology; the id is its owner.
        case topology
        /// The answer to a request with an idempotency key (``Ledger``); the id is its author and its key.
        case keptAnswer
        /// A token (``AccessDatabase``); the id is its own.
        case token
        /// The joining of a chassis (``AccessDatabase``); the id is the chassis' name.
        case enrolment

        /// True if its rows make up the northbound database.
        public var isOfUsers: Bool {
            switch self {
            case .object, .topology: true
            case .record, .chassisState, .bindingState, .lastKey, .keptAnswer, .token, .enrolment: false
            }
        }

        /// True if its rows say who is let in.
        public var isOfAccess: Bool {
            switch self {
            case .token, .enrolment: true
            case .object, .record, .chassisState, .bindingState, .lastKey, .topology, .keptAnswer: false
            }
        }

        /// The kind of object that users see change with a row; `nil` for rows that only the log tells of, and for
        /// tokens and joinings.
        public var resourceKind: ResourceKind? {
            switch self {
            case .object(let kind): .object(kind)
            case .record(.chassis), .chassisState: .chassis
            case .record, .bindingState, .lastKey, .topology, .keptAnswer, .token, .enrolment: nil
            }
        }
    }

    /// The row's table.
    public var kind: Kind
    /// The row's key in its table.
    public var id: String
    /// The row's JSON; `nil` deletes the row.
    public var object: [UInt8]?
    /// The name of an object whose row is deleted, for the audit; `nil` if its key is its name.
    public var name: String?

    public struct Row: Hashable, Sendable {
        /// The row's table.
        public let kind: Kind
        /// The row's key in its table.
        public let id: String
    }

    public var row: Row { Row(kind: kind, id: id) }

    public init(kind: Kind, id: String, object: [UInt8]?, name: String? = nil) {
        self.kind = kind
        self.id = id
        self.object = object
        self.name = name
    }

    func write(to text: inout [UInt8]) {
        text += (object == nil ? "{\"op\":\"delete\",\"kind\":\"" : "{\"op\":\"put\",\"kind\":\"").utf8
        text += kind.rawValue.utf8
        text += "\",\"id\":".utf8
        JSONValue.write(id, to: &text)
        if let name {
            text += ",\"name\":".utf8
            JSONValue.write(name, to: &text)
        }
        if let object {
            text += ",\"object\":".utf8
            text += object
        }
        text.append(UInt8(ascii: "}"))
    }

    /// The members of an encoded change, as far as they are there.
    struct Members {
        var op: String?
        var kind: String?
        var id: String?
        var name: String?
        /// As it stands: it was canonical when it was written.
        var object: [UInt8]?

        init(_ walker: inout JSONWalker) throws(JSONError) {
            try walker.enterObject()
            while let member = try walker.nextMember() {
                switch member {
                case "op": op = try walker.string()
                case "kind": kind = try walker.string()
                case "id": id = try walker.string()
                case "name": name = try walker.string()
                case "object": object = try walker.text()
                default: _ = try walker.text()
                }
            }
        }
    }

    init(_ members: Members) throws(CommitError) {
        guard let kind = members.kind.flatMap(Kind.init(rawValue:)) else {
            throw CommitError("a change of a kind that this version does not know")
        }
        guard let id = members.id else { throw CommitError("a change without an id") }
        switch (members.op, members.object) {
        case ("put", let object?): self.init(kind: kind, id: id, object: object, name: members.name)
        case ("delete", nil): self.init(kind: kind, id: id, object: nil, name: members.name)
        default: throw CommitError("a change that is neither a put nor a delete")
        }
    }
}

extension CommitChange.Row: Comparable {
    /// Orders by table, then by key.
    public static func < (left: Self, right: Self) -> Bool {
        left.kind == right.kind ? left.id < right.id : left.kind < right.kind
    }
}

extension ArraySlice<CommitChange> {
    /// True if a row is among rows in order.
    fileprivate func hasRow(_ row: CommitChange.Row) -> Bool {
        let index = partitioningIndex { $0.row >= row }
        return index < endIndex && self[index].row == row
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index from which on a condition holds; before it, it does not.
    fileprivate func partitioningIndex(_ isBehind: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// The reason why bytes are no commit, or why a commit does not follow a network.
public struct CommitError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One clause: what was found.
    public let description: String

    /// An error with one clause that says what was found.
    public init(_ description: String) { self.description = description }
}
