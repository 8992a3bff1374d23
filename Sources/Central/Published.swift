import API
import HTTPTransport
import HTTPTypes
import NetworkModel
import Reactor

/// The network that serving threads read: replaced by the writer after the sync to disk and before any answer.
///
/// A class: a network has two dozen maps, and each of them would be counted with every request that takes a copy.
final class Published: Sendable {
    /// The durable network.
    let network: Network
    /// True if `/readyz` says so.
    let isReady: Bool

    init(network: Network, isReady: Bool) {
        self.network = network
        self.isReady = isReady
    }
}

extension Published {
    /// Returns the API's action for a request. The network is lent here; elsewhere its maps would be counted.
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

    /// Returns the API's verdict on the head of a request with content.
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
