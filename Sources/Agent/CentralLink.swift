import AgentCore
import Glibc
import HTTP
import HTTPTransport
import HTTPTypes
import JSON
import Reactor
import Security
import Southbound

/// Sends syncs to central, each on a connection without another sync under way.
final class CentralLink {
    /// The time that a sync may take longer than its wait before it counts as lost.
    static let patience = Duration.seconds(10)
    /// The longest answer: a page of the feed with room to spare.
    static let answerByteCountMaximum = 64 << 20

    private let client: HTTPClient
    private let path: String
    private let replyPath: String
    private let hear: (Event) -> Void

    /// - Parameter hear: Gets the outcome of each sync, never within `send`.
    init(
        loop: EventLoop,
        endpoint: HTTPEndpoint,
        tls: TLSContext?,
        chassis: String,
        _ hear: @escaping (Event) -> Void
    ) {
        var limits = HTTPClient.Limits()
        limits.bodyByteCountMaximum = Self.answerByteCountMaximum
        client = HTTPClient(loop: loop, endpoint: endpoint, limits: limits, tls: tls)
        path = "/v1/chassis/\(percentEncoded(chassis))/sync"
        replyPath = "/v1/chassis/\(percentEncoded(chassis))/replies"
        self.hear = hear
    }

    /// Sets the TLS configuration of new connections.
    func secure(by context: TLSContext) {
        client.tls = context
    }

    func send(_ sync: SyncRequest) {
        var request = HTTPRequest(method: .post, scheme: nil, authority: nil, path: path)
        request.headerFields[.contentType] = "application/json"
        let timeout = Duration.seconds(Int64(sync.wait)) + Self.patience
        client.send(request, body: sync.json.bytes, timeout: timeout) { [hear] result in
            if let time = Self.time(of: result) { hear(.centralTime(time, host: Clock.wallSeconds())) }
            hear(Self.event(of: result, sequence: sync.seq))
        }
    }

    /// Sends the reply to a question. Whoever asked is told by central if it does not come, so that nothing is tried
    /// again.
    func reply(_ reply: HostReply) {
        var request = HTTPRequest(method: .post, scheme: nil, authority: nil, path: replyPath)
        request.headerFields[.contentType] = "application/json"
        var body = reply.json.bytes
        if body.count > HostReply.byteCountMaximum { body = reply.tooLong(body.count).json.bytes }
        client.send(request, body: body, timeout: Self.patience) { _ in }
    }

    /// Central's time as its answer tells it (`Date`), in seconds since 1970.
    private static func time(of result: Result<HTTPClientResponse, HTTPClientError>) -> Int64? {
        (try? result.get())?.response.headerFields[.date].flatMap { HTTPDate.seconds(parsing: $0) }
    }

    private static func event(
        of result: Result<HTTPClientResponse, HTTPClientError>,
        sequence: UInt64
    ) -> Event {
        switch result {
        case .failure(.cannotConnect(let endpoint, errno: ECONNREFUSED)):
            let error = HTTPClientError.cannotConnect(endpoint, errno: ECONNREFUSED)
            return .syncFailed(sequence: sequence, .connectionRefused("central: \(error)"))
        case .failure(let error):
            return .syncFailed(sequence: sequence, .unavailable("central: \(error)", retryAfter: nil))
        case .success(let answer) where answer.response.status == .ok:
            do throws(FeedError) {
                return .syncAnswered(sequence: sequence, try FeedAnswer(parsing: answer.body))
            } catch {
                let reason = "central's answer cannot be read: \(error)"
                return .syncFailed(sequence: sequence, .refused(reason))
            }
        case .success(let answer):
            let retryAfter = answer.response.headerFields[.retryAfter].flatMap { Int($0) }
            let failure = SyncFailure(
                status: answer.response.status.code,
                body: answer.body,
                retryAfter: retryAfter
            )
            return .syncFailed(sequence: sequence, failure)
        }
    }
}
