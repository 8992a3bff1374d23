import API
import HTTPTransport
import HTTPTypes
import Northd
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

/// The networks of the last publications, for the later pages of lists.
struct RecentNetworks {
    /// Networks that are kept. They share what commits leave alone, so that one costs a few kilobytes; under the
    /// heaviest load of writes they reach back some 20 s, else for hours.
    static let countMaximum = 4096

    private var networks: [Network] = []

    /// Adds the newest network.
    mutating func append(_ network: Network) {
        // Removing from the front moves all that follow, so it is done for a whole lot at once.
        if networks.count >= Self.countMaximum * 2 { networks.removeFirst(Self.countMaximum) }
        networks.append(network)
    }

    /// The network as it was published at a revision, where it is still kept.
    func network(at revision: UInt64) -> Network? {
        var low = 0
        var high = networks.count
        while low < high {
            let middle = (low + high) / 2
            if networks[middle].revision < revision { low = middle + 1 } else { high = middle }
        }
        return low < networks.count && networks[low].revision == revision ? networks[low] : nil
    }
}
