import HTTPCore
import Reactor
import Synchronization
import Wire

/// Counts the connections of one address and of all, over the threads that share it.
public final class ConnectionLedger: Sendable {
    /// The most connections at once. More: 503.
    public let connectionMaximum: Int
    /// The most of one address that is not of this machine. More: 429. Behind a loopback address there may be anybody:
    /// a proxy, or every program of the machine. Not of one ``RemoteHost``: all hosts of a site may share a /64, and
    /// honest ones keep their connections.
    public let connectionsPerAddressMaximum: Int

    private struct Counts {
        var total = 0
        var byAddress: [IPAddress: Int] = [:]
        var abuse: AbuseTable
    }

    private let counts: Mutex<Counts>

    /// A ledger without connections.
    /// - Parameter shutOutTime: how long a host that floods is shut out.
    public init(connectionMaximum: Int, connectionsPerAddressMaximum: Int, shutOutTime: Duration) {
        counts = Mutex(Counts(abuse: AbuseTable(windowTime: shutOutTime)))
        self.connectionMaximum = connectionMaximum
        self.connectionsPerAddressMaximum = connectionsPerAddressMaximum
    }

    /// A ledger without connections, for servers with these limits.
    public convenience init(_ limits: HTTPLimits) {
        self.init(
            connectionMaximum: limits.connectionMaximum,
            connectionsPerAddressMaximum: limits.connectionsPerAddressMaximum,
            shutOutTime: limits.shutOutTime
        )
    }

    /// Connections that are counted now.
    public var count: Int { counts.withLock(\.total) }

    /// Whether a host has had so many connections ended for abuse that no more of it are taken now. Loopback is never
    /// shut out.
    func shutsOut(_ peer: SocketAddress, now: Duration) -> Bool {
        guard case .ip(let address, _) = peer, !address.isLoopback else { return false }
        return counts.withLock { $0.abuse.shutsOut(RemoteHost(address), now: now) }
    }

    /// Counts a connection, or says why there is no room for it.
    func admit(_ peer: SocketAddress) throws(RequestError) -> Admission {
        let address: IPAddress? = if case .ip(let address, _) = peer, !address.isLoopback { address } else { nil }
        let refusal = counts.withLock { counts -> RequestError? in
            guard counts.total < connectionMaximum else { return .tooManyConnections }
            if let address {
                let count = counts.byAddress[address, default: 0]
                guard count < connectionsPerAddressMaximum else { return .tooManyConnectionsOfAddress }
                counts.byAddress[address] = count + 1
            }
            counts.total += 1
            return nil
        }
        if let refusal { throw refusal }
        return Admission(ledger: self, address: address)
    }

    fileprivate func noteAbuse(of address: IPAddress, now: Duration) {
        counts.withLock { $0.abuse.note(RemoteHost(address), now: now) }
    }

    fileprivate func leave(_ address: IPAddress?) {
        counts.withLock { counts in
            counts.total -= 1
            guard let address, let count = counts.byAddress[address] else { return }
            counts.byAddress[address] = count > 1 ? count - 1 : nil
        }
    }
}

/// The place of one connection, given back at its end.
final class Admission {
    private let ledger: ConnectionLedger
    private let address: IPAddress?
    private var hasEnded = false

    fileprivate init(ledger: ConnectionLedger, address: IPAddress?) {
        self.ledger = ledger
        self.address = address
    }

    deinit {
        end()
    }

    /// The connection is ended because its client does what honest ones do not.
    func noteAbuse(now: Duration) {
        if let address { ledger.noteAbuse(of: address, now: now) }
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        ledger.leave(address)
    }
}
