import CentralCore
import HTTPTransport
import HTTPTypes
import Reactor
import Security
import Southbound

/// The places of one loop for requests that wait: a bound for each kind, so that none keeps out another, and for each
/// of those who ask, so that nobody takes all of a kind.
struct Places {
    /// A kind of request that takes a place.
    enum Kind: Hashable {
        /// A chassis' heartbeat, which is heard whether or not there is a place to hold it.
        case heartbeat
        case poll
        /// A write, which everybody wants to hear of.
        case write
    }

    /// The client, as far as its connection and request tell.
    enum Asker: Hashable {
        /// One who shows a secret; the number is that of the secret in this process.
        case bearer(Int)
        /// One who shows a certificate.
        case certificate([String])
        case host(RemoteHost)
        /// One on this machine, over a socket of its file system.
        case local
    }

    /// A place that was taken.
    struct Place: Hashable {
        fileprivate let kind: Kind
        fileprivate let asker: Asker
        fileprivate let byteCount: Int
    }

    /// The most bytes of contents that are read elsewhere or wait for the core, of one loop: two of the largest. Their
    /// parsed form is some five times as large.
    static let byteCountMaximum = 32 << 20

    private let maximum: Int
    private var taken: [Kind: Int] = [:]
    private var polls: [Asker: Int] = [:]
    private var byteCount = 0

    init(maximum: Int) { self.maximum = maximum }

    /// The most polls of one asker: three quarters of them.
    private var askerMaximum: Int { max(1, maximum - maximum / 4) }

    /// Takes a place.
    /// - Parameter byteCount: bytes of the request's content.
    /// - Returns: `nil` if there is none.
    mutating func take(_ kind: Kind, of asker: Asker, byteCount: Int = 0) -> Place? {
        guard taken[kind, default: 0] < maximum, hasRoom(for: byteCount) else { return nil }
        if kind == .poll {
            guard polls[asker, default: 0] < askerMaximum else { return nil }
            polls[asker, default: 0] += 1
        }
        taken[kind, default: 0] += 1
        self.byteCount += byteCount
        return Place(kind: kind, asker: asker, byteCount: byteCount)
    }

    /// One request may be as large as it is allowed to be; the next has to wait.
    private func hasRoom(for byteCount: Int) -> Bool {
        byteCount == 0 || self.byteCount == 0 || self.byteCount + byteCount <= Self.byteCountMaximum
    }

    /// Holds a content while it is read elsewhere, before it is known which place it takes.
    /// - Returns: True if there is room for it.
    mutating func hold(byteCount: Int) -> Bool {
        guard hasRoom(for: byteCount) else { return false }
        self.byteCount += byteCount
        return true
    }

    /// Lets go of a content that was held.
    mutating func letGo(byteCount: Int) { self.byteCount -= byteCount }

    mutating func leave(_ place: Place) {
        taken[place.kind, default: 0] -= 1
        byteCount -= place.byteCount
        guard place.kind == .poll, let count = polls[place.asker] else { return }
        polls[place.asker] = count > 1 ? count - 1 : nil
    }
}

extension Request {
    var place: Places.Kind {
        switch self {
        case .write, .access: .write
        case .sync, .reply: .heartbeat
        case .changes, .watch, .audit, .statistics, .realization, .query, .network, .reached: .poll
        }
    }

    var withoutWait: Request {
        guard case .sync(let chassis, var request, let isCertified) = self else { return self }
        request.wait = 0
        return .sync(chassis: chassis, request, isCertified: isCertified)
    }
}

extension Places.Asker {
    init(_ exchange: HTTPExchange) {
        if let secret = exchange.request.headerFields[.authorization] {
            self = .bearer(secret.hashValue)
        } else if case .certificate(let certificate) = exchange.credentials {
            self = .certificate(certificate.uris)
        } else if case .ip(let address, _) = exchange.peer {
            self = .host(RemoteHost(address))
        } else {
            self = .local
        }
    }
}
