import JSON
import Persistent

extension Ledger {
    /// The answer to a request with an idempotency key.
    public struct KeptAnswer: Hashable, Sendable {
        /// The digest of the request.
        public var fingerprint: String
        /// When, in seconds since 1970.
        public var time: Int64
        /// The commit that the answer spoke of, and that keeps it: no two answers have the same.
        public var revision: UInt64
        public var results: [OperationResult]

        public init(fingerprint: String, time: Int64, revision: UInt64, results: [OperationResult]) {
            self.fingerprint = fingerprint
            self.time = time
            self.revision = revision
            self.results = results
        }
    }

    /// The answers that are kept, by the name of their request (``answerName(author:key:)``), and their age.
    public struct KeptAnswers: Sendable {
        private(set) var byName = OrderedMap<String, KeptAnswer>()
        private var namesByRevision = OrderedMap<UInt64, String>()
        /// The bytes of all objects that are kept.
        public private(set) var byteCount = 0

        public var count: Int { byName.count }

        public var oldest: (name: String, answer: KeptAnswer)? {
            guard let name = namesByRevision.first?.value, let answer = byName[name] else { return nil }
            return (name, answer)
        }

        /// The answer under a name; setting `nil` forgets it.
        public subscript(name: String) -> KeptAnswer? {
            get { byName[name] }
            set {
                if let old = byName[name] {
                    namesByRevision[old.revision] = nil
                    byteCount -= old.byteCount
                }
                byName[name] = newValue
                guard let newValue else { return }
                namesByRevision[newValue.revision] = name
                byteCount += newValue.byteCount
            }
        }
    }

    /// Under which name the answer to an author's key is kept. Neither has a blank in it.
    public static func answerName(author: String, key: String) -> String { "\(author) \(key)" }

    /// The ledger's row for a kept answer; its object is `nil` if there is none.
    public func answerRow(_ name: String) -> CommitChange {
        CommitChange(kind: .keptAnswer, id: name, object: answers[name]?.bytes)
    }

    /// Keeps an answer; `nil` forgets it.
    public mutating func setAnswer(_ answer: KeptAnswer?, named name: String) { answers[name] = answer }
}

extension Ledger.KeptAnswer {
    /// The bytes of its objects and a little for the rest.
    var byteCount: Int { results.reduce(128) { $0 + 64 + ($1.object?.count ?? 0) } }

    /// `{"fingerprint","time","revision","results":[{"name","revision","created","object"|null}]}`.
    var bytes: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(byteCount)
        text += "{\"fingerprint\":".utf8
        JSONValue.write(fingerprint, to: &text)
        text += ",\"time\":\(time),\"revision\":\(revision),\"results\":[".utf8
        for (index, result) in results.enumerated() {
            text += index > 0 ? ",{\"name\":".utf8 : "{\"name\":".utf8
            JSONValue.write(result.name, to: &text)
            text += ",\"revision\":\(result.revision),\"created\":\(result.isCreated),\"object\":".utf8
            text += result.object ?? Array("null".utf8)
            text.append(UInt8(ascii: "}"))
        }
        text += "]}".utf8
        return text
    }

    init?(json: JSONValue) {
        guard let fingerprint = json["fingerprint"]?.stringValue, let time = json["time"]?.integerValue,
            let revision = json["revision"]?.integerValue.flatMap(UInt64.init(exactly:)),
            let list = json["results"]?.arrayValue
        else { return nil }
        var results: [OperationResult] = []
        for element in list {
            guard let name = element["name"]?.stringValue,
                let revision = element["revision"]?.integerValue.flatMap(UInt64.init(exactly:)),
                let isCreated = element["created"]?.boolValue, let object = element["object"]
            else { return nil }
            let bytes = object == .null ? nil : object.bytes
            results.append(OperationResult(object: bytes, name: name, revision: revision, isCreated: isCreated))
        }
        self.init(fingerprint: fingerprint, time: time, revision: revision, results: results)
    }
}
