import HTTP
import HTTPTypes
import Reactor

/// One request and its answer. To be used on the thread of its loop only.
public final class HTTPExchange {
    /// Method, authority, path and fields; those that concern the connection alone are not among them.
    public let request: HTTPRequest
    /// The content of the request, whole.
    public let body: [UInt8]
    /// The client's address.
    public let peer: SocketAddress
    /// The client's credentials from TLS.
    public let credentials: PeerCredentials
    /// Called once when the client goes away before the answer, or before the end of one that stays open;
    /// ``respond(_:body:)`` then does nothing.
    ///
    /// Set it if nothing is lost by not answering, as for a long poll. It also makes a client that has merely shut down
    /// its sending side count as gone; without it such a client still gets its answer.
    public var onDisconnect: (() -> Void)?

    /// True if the client asks to be told of news. What it asks next is served after what others ask who do not: there
    /// may be thousands who hear of the same news, and each of them asks again at once.
    public var isPoll = false

    let id: RequestID
    private var connection: ServerConnection?
    /// The content of its answer, if that stays open.
    public private(set) var stream: BodyStream?

    init(_ received: ReceivedRequest, over link: ServerLink, connection: ServerConnection) {
        id = received.id
        request = received.request
        body = received.body
        peer = link.peer
        credentials = link.credentials
        self.connection = connection
    }

    /// Answers the request, now or at any later time. Only the first call counts.
    ///
    /// Content-Length, Transfer-Encoding, Connection and Date are added here; a `Connection: close` in `answer` closes
    /// the connection after it. The content is not sent to HEAD; an answer that stays open must not be given to it.
    public func respond(_ answer: AnswerHead, body: HTTPBody) {
        guard let connection, stream == nil else { return }
        if case .stream(let stream) = body {
            self.stream = stream
            stream.onSupply = { [weak self] in self?.supply() }
        } else {
            detach()
        }
        connection.respond(to: self, answer, body: body)
    }

    /// Notes that the client has authenticated, so that the connection is not among those that end first.
    public func identify() { connection?.identify() }

    /// Answers the request with a response of swift-http-types.
    public func respond(_ response: HTTPResponse, body: HTTPBody) {
        respond(AnswerHead(response), body: body)
    }

    /// There is more of an answer that stays open, or its end.
    private func supply() {
        guard let connection, let stream else { return }
        if stream.isEnded { detach() }
        connection.supply(self, isLast: stream.isEnded)
    }

    func disconnect() {
        guard connection != nil else { return }
        let body = onDisconnect
        detach()
        stream?.end()
        body?()
    }

    private func detach() {
        connection = nil
        onDisconnect = nil
    }
}
