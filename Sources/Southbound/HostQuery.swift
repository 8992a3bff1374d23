import JSON
import Wire

/// A question of central's to a host, which rides with the answer to a sync: what the host knows and no commit tells.
///
/// On the wire `{"id","subject","switch"?,"port"?}`, an element of `ask`.
public struct HostQuery: Hashable, Sendable {
    /// The number that the reply repeats; no other question of this central has it.
    public var id: UInt64
    public var subject: Subject
    /// The name of the switch that is asked about; `nil` for all.
    public var logicalSwitch: String?
    /// The name of the logical port that is asked about; `nil` for all.
    public var logicalPort: String?

    /// The subject of a question.
    public enum Subject: String, Hashable, Sendable, CaseIterable {
        /// The counters of ports, of the paths to other hosts, and of the underlay.
        case statistics
        /// The MACs that were learnt.
        case macs
        /// The number of times that each ACL has decided.
        case acls
        /// The state of the agent.
        case status
    }

    /// The most questions that one answer to a sync may carry.
    public static let countMaximum = 16

    public init(id: UInt64, subject: Subject, logicalSwitch: String? = nil, logicalPort: String? = nil) {
        self.id = id
        self.subject = subject
        self.logicalSwitch = logicalSwitch
        self.logicalPort = logicalPort
    }

    /// True if the reply to another question is the reply to this one.
    public func asks(for other: HostQuery) -> Bool {
        subject == other.subject && logicalSwitch == other.logicalSwitch && logicalPort == other.logicalPort
    }

    var json: JSONValue {
        var object = JSONObject()
        object["id"] = .integer(Int64(clamping: id))
        object["subject"] = .string(subject.rawValue)
        object["switch"] = logicalSwitch.map { .string($0) }
        object["port"] = logicalPort.map { .string($0) }
        return .object(object)
    }

    /// The question that JSON stands for; `nil` for one that this version does not understand.
    init?(json: JSONValue) {
        guard let id = json["id"]?.integerValue.flatMap(UInt64.init(exactly:)),
            let subject = json["subject"]?.stringValue.flatMap(Subject.init(rawValue:))
        else { return nil }
        self.init(
            id: id,
            subject: subject,
            logicalSwitch: json["switch"]?.stringValue,
            logicalPort: json["port"]?.stringValue
        )
    }
}

/// The reply of a host to a question: `{"id","reply"}`, of which the reply is what the agent's own socket says.
public struct HostReply: Sendable {
    /// The number of the question.
    public var id: UInt64
    /// An object.
    public var content: JSONValue

    public init(id: UInt64, content: JSONValue) {
        self.id = id
        self.content = content
    }

    /// The most bytes of a reply: the counters of some thousand ports.
    public static let byteCountMaximum = 1 << 20

    public var json: JSONValue { ["id": .integer(Int64(clamping: id)), "reply": content] }

    /// The reply that takes the place of one of so many bytes.
    public func tooLong(_ byteCount: Int) -> HostReply {
        let text = "a reply of \(byteCount) bytes is more than the \(Self.byteCountMaximum) that fit"
        return HostReply(id: id, content: ["error": .string(text)])
    }

    /// The same with a member `session`: the seconds that the host's lease still runs if nothing more is heard of it,
    /// and the newest revision in its forwarder's tables. The host itself has no word in it.
    public func telling(leaseSeconds: Int64, applied: UInt64) -> HostReply {
        let session: JSONValue = [
            "lease_seconds": .integer(leaseSeconds), "applied": .integer(Int64(clamping: applied)),
        ]
        let others = (content.objectValue?.members ?? []).filter { $0.name != "session" }
        let members = others + [(name: "session", value: session)]
        return HostReply(id: id, content: .object(JSONObject(distinct: members)))
    }

    /// The reply that a body stands for.
    /// - Throws: ``SyncRequestError`` at the member that is missing or wrong.
    public init(json: JSONValue) throws(SyncRequestError) {
        guard let id = json["id"] else { throw Self.missing("id") }
        guard let number = id.integerValue.flatMap(UInt64.init(exactly:)) else {
            throw SyncRequestError(pointer: "/id", isMissing: false, detail: "\"id\" has to be an integer from 0 on")
        }
        guard let reply = json["reply"] else { throw Self.missing("reply") }
        guard reply.objectValue != nil else {
            throw SyncRequestError(pointer: "/reply", isMissing: false, detail: "\"reply\" has to be an object")
        }
        self.init(id: number, content: reply)
    }

    private static func missing(_ name: String) -> SyncRequestError {
        SyncRequestError(pointer: "/\(name)", isMissing: true, detail: "a reply needs \"\(name)\"")
    }
}
