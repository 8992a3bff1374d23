import HTTP
import HTTPTypes
import Reactor

/// The handling of complete requests: the client's rights are checked before its content is decoded.
extension ServerConnection {
    /// Hands out a request, or begins with the work that comes before.
    func handOut(_ received: ReceivedRequest) {
        do throws(RequestError) {
            guard let coding = try ContentNegotiation.coding(of: received.request) else {
                // A heartbeat is heard whatever others hold.
                let isSmall = received.body.count <= server.limits.heldByteCountMinimum
                guard isSmall || !server.isFull else { throw .tooManyBytesHeld }
                return handOutPlain(received)
            }
            // The client's rights are checked before the work.
            switch server.verdict(on: received.request, from: link.peer, link.credentials, mayAnswer: true) {
            case .answer(let answer, let body): exchange(received).respond(answer, body: .bytes(body))
            case .content(let maximum):
                guard coding == .gzip else { return handOutPlain(received.uncoded) }
                decoding = try ContentNegotiation.Decoding(received, maximum: maximum)
                decode()
            }
        } catch {
            refuse(received, error)
        }
    }

    /// Does a piece of the work on an encoded content.
    func decode() {
        guard let decoding else { return }
        do throws(RequestError) {
            guard let received = try decoding.advance() else {
                hasMore = true
                return
            }
            self.decoding = nil
            handOutPlain(received)
        } catch {
            self.decoding = nil
            refuse(decoding.refused, error)
        }
    }

    private func handOutPlain(_ received: ReceivedRequest) {
        let exchange = exchange(received)
        server.handler(exchange)
        isPolling = exchange.isPoll
    }

    private func exchange(_ received: ReceivedRequest) -> HTTPExchange {
        lastAdvance = server.loop.now
        let exchange = HTTPExchange(received, over: link, connection: self)
        exchanges.append(exchange)
        return exchange
    }

    private func refuse(_ received: ReceivedRequest, _ error: RequestError) {
        let exchange = exchange(received)
        if error == .contentBomb { noteAbuse() }
        server.refuse(exchange, error)
    }
}

extension ReceivedRequest {
    /// The same without the name of a coding that changes nothing.
    fileprivate var uncoded: ReceivedRequest {
        var request = request
        request.headerFields[.contentEncoding] = nil
        return ReceivedRequest(id: id, request: request, body: body)
    }
}
