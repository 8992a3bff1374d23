import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound

/// The changes that users watch, and the log that they look back at.
extension API {
    /// Answers with changes; the answer may be held.
    func changes(_ call: Call) throws(Problem) -> Action {
        if let events = call.events { return try changes(call, events) }
        let request = try watchRequest(call)
        return call.context.ask(.watch(request)) { answer throws(Problem) in
            guard case .watched(let feed) = answer else { throw unexpected }
            return .reply(Reply(.ok, feed.body().settled, type: "application/json").stamped(feed.place))
        }
    }

    func watchRequest(_ call: Call) throws(Problem) -> WatchRequest {
        let maximum = WatchRequest.waitMaximum
        let since = try call.number(.since, in: 0...UInt64(Int64.max), "a revision")
        let (epoch, hash) = try call.evidence(since: since)
        return WatchRequest(
            since: since,
            epoch: epoch,
            hash: hash,
            kinds: try kinds(call),
            wait: try call.number(.wait, in: 0...maximum, "a number of seconds from 0 to \(maximum)") ?? 0,
            token: call.principal.token
        )
    }

    private func kinds(_ call: Call) throws(Problem) -> Set<ResourceKind> {
        guard let text = call.parameters[.kinds] else { return Set(ResourceKind.allCases) }
        var kinds: Set<ResourceKind> = []
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let kind = ResourceKind.allCases.first(where: { $0.names.row == name }) else {
                let known = ResourceKind.allCases.map(\.names.row).joined(separator: ", ")
                throw Problem(.invalidParameter, "kinds has \"\(name.prefix(64))\"; the kinds are \(known).")
            }
            kinds.insert(kind)
        }
        return kinds
    }

    /// A page of the log, newest first.
    func audit(_ call: Call, network: Network) throws(Problem) -> Action {
        let maximum = PageToken.limitMaximum
        let limit = try call.number(.limit, in: 1...maximum, "a number of commits from 1 to \(maximum)")
        let author = call.parameters[.author]
        let list = PageToken.list(path: call.path, filter: try Filter([]), order: author)
        let token = try call.parameters[.pageToken].map { text throws(Problem) in
            guard let token = PageToken(text), token.list == list, token.key.isEmpty, token.epoch == network.epoch
            else {
                throw Self.strangeToken
            }
            return token
        }
        let request = AuditRequest(before: token?.revision, limit: limit ?? Self.auditLimitDefault, author: author)
        let isWhole = call.principal.role.includes(.admin)
        return call.context.ask(.audit(request)) { answer throws(Problem) in
            guard case .audited(let records, let hasMore, let base) = answer else { throw unexpected }
            var end = Array("],\"kept_after\":\(base),\"next_page_token\":".utf8)
            if hasMore, let last = records.last {
                let token = PageToken(epoch: network.epoch, revision: last.revision, list: list, key: "")
                JSONValue.write(token.text, to: &end)
            } else {
                end += "null".utf8
            }
            end.append(UInt8(ascii: "}"))
            let body = Self.auditBody(records, isWhole: isWhole, end: end).settled
            return .reply(Reply(.ok, body, type: "application/json"))
        }
    }

    /// The page, produced as the socket takes it: a commit may name a hundred objects.
    private static func auditBody(_ records: [CommitRecord], isWhole: Bool, end: [UInt8]) -> HTTPBody {
        var index = 0
        var isDone = false
        return .slices {
            guard !isDone else { return nil }
            var text = index == 0 ? Array("{\"items\":[".utf8) : []
            while index < records.count, text.count < ChangeFeed.sliceByteCount {
                if index > 0 { text.append(UInt8(ascii: ",")) }
                records[index].auditJSON(isWhole: isWhole).write(to: &text)
                index += 1
            }
            if index == records.count {
                isDone = true
                text += end
            }
            return text
        }
    }

    /// Commits of a page of the log, unless the request says otherwise.
    static let auditLimitDefault = 100
}

extension Call {
    /// The epoch and the hash in the request: both, or neither. An epoch alone names no state, since a disk or a backup
    /// can go back in time.
    func evidence(since: UInt64?) throws(Problem) -> (epoch: UInt64?, hash: CommitHash?) {
        let epoch = try digits(.epoch)
        let hash = try digits(.hash).map { CommitHash(rawValue: $0) }
        guard hash == nil || epoch != nil else {
            throw Problem(
                .invalidParameter,
                "hash has no effect without epoch; give both as the earlier answer had them, or neither."
            )
        }
        guard epoch == nil || hash != nil || since ?? 0 == 0 else {
            throw Problem(
                .invalidParameter,
                "epoch needs hash too: the \"hash\" or Heddle-Hash of the answer that had that revision."
            )
        }
        return (epoch, hash)
    }

    private func digits(_ parameter: Parameter) throws(Problem) -> UInt64? {
        try parameters[parameter].map { text throws(Problem) in
            guard let value = epochValue(text) else {
                throw Problem(
                    .invalidParameter,
                    "\(parameter.rawValue) is 16 hexadecimal digits, not \"\(text.prefix(64))\"."
                )
            }
            return value
        }
    }
}

extension ChangeFeed {
    /// The commit that it leads to.
    var place: CommitPlace { CommitPlace(to, hash) }
}

extension HTTPBody {
    /// The same content, at once if it is a single slice: most are short, and then the answer tells its length.
    var settled: HTTPBody {
        guard case .slices(let next) = self, let first = next() else { return self }
        guard let second = next() else { return .bytes(first) }
        var ready = [second, first]
        return .slices { ready.popLast() ?? next() }
    }
}

extension CommitRecord.Change {
    /// `{"revision","op","kind","id","name","object"?}`.
    func write(revision: UInt64, to text: inout [UInt8]) {
        text += "{\"revision\":\(revision),\"op\":\"\(object == nil ? "delete" : "put")\",".utf8
        text += "\"kind\":\"\(kind.rawValue)\",\"id\":".utf8
        JSONValue.write(id, to: &text)
        text += ",\"name\":".utf8
        JSONValue.write(name, to: &text)
        if let object {
            text += ",\"object\":".utf8
            text += object
        }
        text.append(UInt8(ascii: "}"))
    }
}

extension CommitRecord {
    /// `{"revision","time","author","source","request_id","change_count","changes":[{"op","kind","id","name"}]}`.
    ///
    /// Those who may not read tokens do not hear of them either, nor from which address others came (`isWhole` false).
    fileprivate func auditJSON(isWhole: Bool) -> JSONValue {
        let told = changes.lazy.filter { isWhole || !$0.kind.isOfAccess }.prefix(Self.auditChangeCountMaximum)
        return [
            "revision": .integer(Int64(clamping: revision)),
            "time": .string(Timestamp(seconds: time).description),
            "author": .string(author),
            "source": source.isEmpty || !isWhole ? .null : .string(source),
            "request_id": requestID.isEmpty ? .null : .string(requestID),
            "change_count": .integer(Int64(changeCount)),
            "changes": .array(
                told.map { change in
                    [
                        "op": .string(change.object == nil ? "delete" : "put"),
                        "kind": .string(change.kind.rawValue), "id": .string(change.id),
                        "name": .string(change.name),
                    ]
                }
            ),
        ]
    }
}
