import CentralCore
import HTTP
import HTTPTypes
import JSON
import NetworkModel
import Southbound
import Wire

/// Server-sent events (HTML Standard, section 9.2), as a browser's EventSource wants them: one answer that stays open.
///
/// A stream is a row of long polls to the core, each started when the client has taken the answer of the one before. So
/// the core knows polls only, a slow reader costs at most one page, and a reader that has fallen behind the kept
/// history is told so.
struct EventStream {
    /// `Last-Event-ID`; empty if the client has seen nothing yet.
    var lastID: String
    /// True if only the head of the answer is wanted.
    var isHEAD: Bool

    /// The milliseconds after which a client whose stream has ended comes back.
    static let retryTime = 1000
    /// The default interval at which a quiet stream shows that it is alive, in seconds: proxies wait longer.
    static let heartbeatTime = 15

    /// Reads the events that a request asks for; `nil` if it does not name them, or prefers JSON.
    init?(_ request: HTTPRequest) {
        guard let accept = request.headerFields.value(of: .accept).map(Accept.init),
            let weight = accept.named("text/event-stream"), weight > 0, weight >= accept.weight(of: "application/json")
        else { return nil }
        lastID = request.headerFields.value(of: .lastEventID) ?? ""
        isHEAD = request.method == .head
    }

    /// The state that an event's id names: `EPOCH-REVISION-HASH`. An older central gave no hash, so that its ids name
    /// no state.
    static func place(_ id: String) -> (epoch: UInt64, revision: UInt64, hash: CommitHash?)? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let epoch = epochValue(String(parts[0])), let revision = UInt64(parts[1])
        else { return nil }
        guard parts.count == 3 else { return (epoch, revision, nil) }
        return CommitHash(String(parts[2])).map { (epoch, revision, $0) }
    }

    private static func line(_ feed: ChangeFeed) -> String {
        "id: \(hexadecimal(feed.epoch))-\(feed.to)-\(feed.hash)\n"
    }

    /// The event of a feed; if nothing has changed, a comment that only moves the identity on.
    static func text(_ feed: ChangeFeed, behind prefix: String = "") -> HTTPBody {
        let id = prefix + line(feed)
        if feed.changes.isEmpty { return .bytes(Array("\(id): heartbeat\n\n".utf8)) }
        return feed.body(behind: "\(id)event: changes\ndata: ", before: "\n\n")
    }

    /// The event of a client that has fallen behind: it lists anew, and hears on from here.
    static func gone(_ problem: Problem, requestID: String, now feed: ChangeFeed, behind prefix: String) -> HTTPBody {
        .bytes(text(problem, requestID, event: "gone", behind: prefix + line(feed)))
    }

    /// The last event of a stream that cannot go on.
    static func end(_ problem: Problem, requestID: String) -> HTTPBody {
        .bytes(text(problem, requestID, event: "problem"))
    }

    /// An event of a value that is told again and again.
    static func text(_ event: String, _ json: JSONValue, behind prefix: String = "") -> HTTPBody {
        .bytes(Array("\(prefix)event: \(event)\ndata: ".utf8) + json.bytes + Array("\n\n".utf8))
    }

    private static func text(
        _ problem: Problem,
        _ requestID: String,
        event: String,
        behind prefix: String = ""
    ) -> [UInt8] {
        var text = Array("\(prefix)event: \(event)\ndata: ".utf8)
        text += problem.json(requestID: requestID).bytes
        text += "\n\n".utf8
        return text
    }
}

extension API {
    /// Answers with past and future changes, as events.
    func changes(_ call: Call, _ events: EventStream) throws(Problem) -> Action {
        var request = try watchRequest(call)
        let heartbeat = call.parameters[.wait] == nil ? EventStream.heartbeatTime : request.wait
        var cannotProve = false
        if !events.lastID.isEmpty {
            guard let seen = EventStream.place(events.lastID) else {
                throw Problem(
                    .invalidHeader,
                    "Last-Event-ID must be the id of an earlier event, not \"\(events.lastID.prefix(64))\"."
                )
            }
            request.since = seen.revision
            request.epoch = seen.epoch
            request.hash = seen.hash
            cannotProve = seen.hash == nil && seen.revision > 0
        }
        if events.isHEAD { return .reply(EventStream.head(.bytes(Array("retry: \(EventStream.retryTime)\n\n".utf8)))) }
        // The first answer is not held, so that the stream begins at once.
        request.wait = 0
        let context = call.context
        let begun = EventStream.Begun(request: request, heartbeat: heartbeat, context: context)
        guard !cannotProve else { return begun.resync(Self.unproven, isFirst: true) }
        return .ask(.watch(request)) { answer in
            context.action { () throws(Problem) in try begun.begin(answer) }
        }
    }
}

extension API {
    private static let unproven = Refusal(
        .resyncRequired,
        "Last-Event-ID has no hash; list the objects again and go on from the list's revision."
    )
}

extension EventStream {
    /// The head of an answer, with a first piece. `X-Accel-Buffering` keeps nginx from holding events back.
    static func head(_ piece: HTTPBody) -> Reply {
        var reply = Reply(.ok, piece, type: "text/event-stream")
        reply.head.add(.cacheControl, "no-store")
        reply.head.add(.accelBuffering, "no")
        return reply
    }

    fileprivate struct Begun {
        var request: WatchRequest
        let heartbeat: Int
        let context: CallContext

        /// The head, with what the first question led to: a problem is still an answer of its own.
        func begin(_ answer: Answer) throws(Problem) -> Action {
            switch answer {
            case .watched(let feed):
                let piece = text(feed, behind: "retry: \(retryTime)\n")
                return .stream(head(piece).stamped(feed.place), then: next(after: feed))
            case .refused(let refusal, _):
                guard refusal.code == .resyncRequired else { throw Problem(refusal) }
                return resync(refusal, isFirst: true)
            case .written, .replayed, .applied, .feed, .audited, .statistics, .realization, .reply, .heard, .network:
                throw Problem.unexpected
            }
        }

        private func goOn(_ answer: Answer) -> Action {
            switch answer {
            case .watched(let feed): return .stream(Reply(.ok, text(feed)), then: next(after: feed))
            case .refused(let refusal, _) where refusal.code == .resyncRequired:
                return resync(refusal, isFirst: false)
            case .refused(let refusal, _):
                let piece = EventStream.end(Problem(refusal), requestID: context.requestID)
                return .stream(Reply(.ok, piece), then: nil)
            case .written, .replayed, .applied, .feed, .audited, .statistics, .realization, .reply, .heard, .network:
                return .stream(Reply(.ok, .none), then: nil)
            }
        }

        /// Tells a client that the changes it has missed are no longer kept, and continues from the newest revision.
        func resync(_ refusal: Refusal, isFirst: Bool) -> Action {
            var newest = request
            newest.since = nil
            newest.epoch = nil
            newest.hash = nil
            newest.wait = 0
            return .ask(.watch(newest)) { answer in
                guard case .watched(let feed) = answer else { return goOn(answer) }
                let piece = EventStream.gone(
                    Problem(refusal),
                    requestID: context.requestID,
                    now: feed,
                    behind: isFirst ? "retry: \(retryTime)\n" : ""
                )
                return .stream(isFirst ? head(piece).stamped(feed.place) : Reply(.ok, piece), then: next(after: feed))
            }
        }

        /// Returns the next step after the client has taken a feed.
        private func next(after feed: ChangeFeed) -> (() -> Action)? {
            if heartbeat == 0, !feed.hasMore { return nil }
            var later = self
            later.request.since = feed.to
            later.request.epoch = feed.epoch
            later.request.hash = feed.hash
            later.request.wait = heartbeat
            return { .ask(.watch(later.request)) { later.goOn($0) } }
        }
    }
}

extension ChangeFeed {
    /// `{"epoch","from","to","hash","more","changes":[{"revision","op","kind","id","name","object"?}]}` between two
    /// texts, produced as the socket takes it.
    func body(behind prefix: String = "", before suffix: String = "") -> HTTPBody {
        var index = 0
        var isDone = false
        return .slices {
            guard !isDone else { return nil }
            let piece = text.piece(index, makePiece)
            isDone = piece.end == changes.count
            guard index == 0 || isDone else {
                index += 1
                return piece.bytes
            }
            var slice: [UInt8] = []
            if index == 0 {
                slice += prefix.utf8
                slice += "{\"epoch\":\"\(hexadecimal(epoch))\",\"from\":\(from),\"to\":\(to),".utf8
                slice += "\"hash\":\"\(hash)\",\"more\":\(hasMore),\"changes\":[".utf8
            }
            slice += piece.bytes
            if isDone {
                slice += "]}".utf8
                slice += suffix.utf8
            }
            index += 1
            return slice
        }
    }

    private func makePiece(_ start: Int) -> SharedText.Piece {
        var bytes: [UInt8] = []
        var index = start
        while index < changes.count, bytes.count < Self.sliceByteCount {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            changes[index].change.write(revision: changes[index].revision, to: &bytes)
            index += 1
        }
        return SharedText.Piece(bytes: bytes, end: index)
    }

    /// The size after which a slice ends: what a connection keeps for its client anyway.
    static let sliceByteCount = 32 * 1024
}
