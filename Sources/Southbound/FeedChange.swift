import JSON
import Wire

/// One change on the feed of a chassis: `{"revision","op":"put"|"delete"|"patch","kind","id","object"?}`.
public struct FeedChange: Sendable {
    /// The commit that made the change; for a record that only left the share, the revision that the answer leads to.
    public var revision: UInt64
    public var change: RecordChange
    /// The canonical JSON of the record that is put, if it is at hand; spliced into the answer.
    public var bytes: [UInt8]?
    /// The lesser change that a host which takes such is told in the place of the record, if there is one.
    public var patch: FilterPatch?

    /// A change with the record's JSON if it is at hand.
    public init(revision: UInt64, change: RecordChange, bytes: [UInt8]? = nil, patch: FilterPatch? = nil) {
        self.revision = revision
        self.change = change
        self.bytes = bytes
        self.patch = patch
    }

    public var key: RecordKey { change.key }

    /// The same with the whole record.
    var whole: FeedChange { FeedChange(revision: revision, change: change, bytes: bytes) }

    /// Changes as an answer has them between its brackets.
    public static func text(_ changes: some Collection<FeedChange>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(changes.reduce(0) { $0 + 120 + ($1.bytes?.count ?? 0) })
        var isFirst = true
        for change in changes {
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            change.write(to: &text)
        }
        return text
    }

    func write(to text: inout [UInt8]) {
        let told = patch.map { .patch($0) } ?? change
        text += "{\"revision\":\(revision),\"op\":\"".utf8
        switch told {
        case .put: text += "put".utf8
        case .delete: text += "delete".utf8
        case .patch: text += "patch".utf8
        }
        text += "\",\"kind\":\"\(key.kind.rawValue)\",\"id\":".utf8
        JSONValue.write(key.id, to: &text)
        switch told {
        case .put(let record):
            text += ",\"object\":".utf8
            if let bytes { text += bytes } else { record.write(to: &text) }
        case .patch(let patch):
            text += ",\"object\":".utf8
            patch.write(to: &text)
        case .delete: break
        }
        text.append(UInt8(ascii: "}"))
    }

    /// The change that a JSON object stands for, `nil` for a kind that this version does not know.
    public init?(json: JSONValue) throws(FeedError) {
        guard let revision = json["revision"]?.integerValue.flatMap(UInt64.init(exactly:)) else {
            throw FeedError("a change without \"revision\"")
        }
        guard let kind = json["kind"]?.stringValue, let id = json["id"]?.stringValue else {
            throw FeedError("a change without \"kind\" or \"id\"")
        }
        guard RecordKey.kinds.contains(kind) else { return nil }
        guard let key = RecordKey(kind: kind, id: id) else {
            throw FeedError("a change of a \(kind) with the id \"\(id)\"")
        }
        switch json["op"]?.stringValue {
        case "put":
            do {
                let record = try Record(kind: kind, json: json["object"] ?? .null)
                guard record.key == key else { throw FeedError("a \(kind) under another's id \"\(id)\"") }
                self.init(revision: revision, change: .put(record))
            } catch let error as RecordError {
                throw FeedError(error.description)
            } catch let error as FeedError {
                throw error
            } catch {
                throw FeedError("a \(kind) that cannot be read")
            }
        case "delete": self.init(revision: revision, change: .delete(key))
        case "patch":
            guard case .datapathBinding(let id) = key, let patch = FilterPatch(of: id, json: json["object"] ?? .null)
            else { throw FeedError("a patch that cannot be read, of a \(kind)") }
            self.init(revision: revision, change: .patch(patch))
        default: throw FeedError("a change whose \"op\" is not \"put\", \"delete\" or \"patch\"")
        }
    }
}

/// The reason why bytes are no answer of the feed.
public struct FeedError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One clause: what was found.
    public let description: String

    /// An error with one clause that says what was found.
    public init(_ description: String) { self.description = description }
}
