import HTTPCore
import HTTPTypes
import JSON
import Northbound
import Northd
import Southbound

/// Server-sent events (HTML Standard, section 9.2), as a browser's EventSource wants them.
///
/// Each answer is held until something changes, carries one event and ends; the EventSource comes back by itself, on the
/// same connection, with the identity of what it has seen. So a stream costs central what a long poll does, passes
/// through every proxy, and is never cut in the middle of an event.
struct EventStream {
    /// `Last-Event-ID`; empty where the client has seen nothing yet.
    var lastID: String

    /// The milliseconds after which the client comes back.
    private static let retryTime = 10
    /// The same where it cannot go on: it has to list anew first.
    private static let goneRetryTime = 10_000
    /// How long an answer is held unless the request says otherwise, in seconds: less than proxies wait.
    static let waitDefault = 20

    /// Whether the request wants events, and after which.
    init?(_ request: HTTPRequest) {
        guard let accept = request.headerFields.value(of: .accept) else { return nil }
        let types = accept.lowercased().split(separator: ",").map { range in
            String(range.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" })
        }
        guard types.contains("text/event-stream") else { return nil }
        lastID = request.headerFields.value(of: .lastEventID) ?? ""
    }

    /// The revision and its epoch that an identity stands for: `EPOCH-REVISION`.
    static func revision(_ id: String) -> (epoch: UInt64, revision: UInt64)? {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = epochValue(String(parts[0])), let revision = UInt64(parts[1]) else {
            return nil
        }
        return (epoch, revision)
    }

    /// The event of a feed; where nothing has changed, a comment that only moves the identity on.
    static func text(_ feed: ChangeFeed) -> [UInt8] {
        var text = Array("retry: \(retryTime)\nid: \(epochText(feed.epoch))-\(feed.to)\n".utf8)
        if feed.changes.isEmpty {
            text += ": heartbeat\n\n".utf8
        } else {
            text += "event: changes\ndata: ".utf8
            text += feed.bytes
            text += "\n\n".utf8
        }
        return text
    }

    /// The event of a client that has fallen behind.
    static func text(_ problem: Problem, requestID: String) -> [UInt8] {
        var text = Array("retry: \(goneRetryTime)\nevent: gone\ndata: ".utf8)
        text += problem.json(requestID: requestID).bytes
        text += "\n\n".utf8
        return text
    }
}

extension API {
    /// What has changed, as an event.
    func changes(_ call: Call, after lastID: String) throws(Problem) -> Action {
        var request = try watchRequest(call)
        if call.parameters[.wait] == nil { request.wait = EventStream.waitDefault }
        if !lastID.isEmpty {
            guard let seen = EventStream.revision(lastID) else {
                throw Problem(
                    .invalidHeader,
                    "Last-Event-ID is the id of an event before, not \"\(lastID.prefix(64))\"."
                )
            }
            request.since = seen.revision
            request.epoch = seen.epoch
        }
        let context = call.context
        return .ask(.watch(request)) { outcome in
            context.action { () throws(Problem) in
                switch outcome {
                case .watched(let feed): return .reply(Self.event(EventStream.text(feed)).stamped(feed.to))
                case .refused(let refusal, _):
                    let problem = Problem(refusal)
                    guard refusal.code == .resyncRequired else { throw problem }
                    return .reply(Self.event(EventStream.text(problem, requestID: context.requestID)))
                default: throw unexpected
                }
            }
        }
    }

    private static func event(_ text: [UInt8]) -> Reply {
        var reply = Reply(.ok, .bytes(text), type: "text/event-stream")
        reply.head.add(.cacheControl, "no-store")
        return reply
    }
}
