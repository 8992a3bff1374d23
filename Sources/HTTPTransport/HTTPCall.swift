import HTTP
import HTTPTypes
import Reactor

/// One request that was sent, or waits to be.
public final class HTTPCall {
    let method: HTTPRequest.Method
    /// The request as it goes to the server.
    var bytes: [UInt8] = []
    var timer: TimerHandle?
    /// Gets the content of an answer of success as it comes, which the answer then lacks; so it may be of any length.
    public var onContent: (([UInt8]) -> Void)?
    /// The connection that carries the call now.
    weak var connection: ClientConnection?
    /// True if a connection that had been used before failed it.
    var needsFreshConnection = false
    private let client: HTTPClient
    private var completion: ((Result<HTTPClientResponse, HTTPClientError>) -> Void)?

    init(
        _ method: HTTPRequest.Method,
        client: HTTPClient,
        _ completion: @escaping (Result<HTTPClientResponse, HTTPClientError>) -> Void
    ) {
        self.method = method
        self.client = client
        self.completion = completion
    }

    /// True if it has been answered, has failed or was cancelled.
    var isOver: Bool { completion == nil }

    /// True if carrying it out twice has the same effect as once (RFC 9110 section 9.2.2).
    var isIdempotent: Bool {
        [.get, .head, .put, .delete, .options].contains(method)
    }

    /// Gives the call up and closes the connection that carries it; the completion is not called. The request may have
    /// been carried out. May be repeated.
    public func cancel() {
        guard !isOver else { return }
        completion = nil
        onContent = nil
        timer?.cancel()
        abandon()
    }

    /// Takes the call from whatever carries it.
    func abandon() {
        client.stopWaiting(self)
        connection?.abandonCall()
    }

    func complete(_ result: Result<HTTPClientResponse, HTTPClientError>) {
        guard let completion else { return }
        self.completion = nil
        onContent = nil
        timer?.cancel()
        bytes = []
        completion(result)
    }
}
