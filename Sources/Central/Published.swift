import API
import HTTPTransport
import HTTPTypes
import NetworkModel
import Reactor

/// What the threads that serve HTTP read: replaced by the writer after the sync to disk and before any answer.
///
/// A class: a network has two dozen maps, and each of them would be counted with every request that takes a copy.
final class Published: Sendable {
    /// The durable network.
    let network: Network
    /// Whether `/readyz` says so.
    let isReady: Bool

    init(network: Network, isReady: Bool) {
        self.network = network
        self.isReady = isReady
    }
}

extension Published {
    /// What the API does with a request now. In here the network is lent; elsewhere its maps would be counted.
    func action(_ api: API, on exchange: HTTPExchange, _ peer: Peer, newRequestID: () -> String) -> Action {
        api.action(
            exchange.request,
            body: exchange.body,
            network: network,
            source: "\(exchange.peer)",
            isReady: isReady,
            peer: peer,
            now: Clock.wallSeconds(),
            newRequestID: newRequestID(),
            identified: exchange.identify
        )
    }

    /// What the API makes of the head of a request with content.
    func verdict(_ api: API, on request: HTTPRequest, _ peer: Peer, newRequestID: () -> String) -> API.Verdict {
        api.verdict(
            on: request,
            network: network,
            peer: peer,
            now: Clock.wallSeconds(),
            newRequestID: newRequestID()
        )
    }
}
