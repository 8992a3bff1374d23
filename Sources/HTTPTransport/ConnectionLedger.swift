import HTTP
import Reactor
import Synchronization
import Wire

/// Counts the connections of one address and of all, over the threads that share it.
public final class ConnectionLedger: Sendable {
    /// The most connections at once. More: 503.
    public let connectionMaximum: Int
    /// The most of one address that is not of this machine. More: 429. A loopback address may stand for a proxy or
    /// every program of the machine. Counted by address, not by ``RemoteHost``: all hosts of a site may share a /64,
    /// and honest ones keep their connections.
    public let connectionsPerAddressMaximum: Int
    /// The most unauthenticated ones of one such address. More: 429.
    public let strangersPerAddressMaximum: Int

    private struct Counts {
        var total = 0
        var byAddress: [IPAddress: Int] = [:]
        var strangersByAddress: [IPAddress: Int] = [:]
        var abuse: AbuseTable
    }

    private let counts: Mutex<Counts>

    /// A ledger without connections.
    /// - Parameter shutOutTime: how long a host that floods is shut out.
    public init(
        connectionMaximum: Int,
        connectionsPerAddressMaximum: Int,
        strangersPerAddressMaximum: Int = .max,
        shutOutTime: Duration
    ) {
        counts = Mutex(Counts(abuse: AbuseTable(windowTime: shutOutTime)))
        self.connectionMaximum = connectionMaximum
        self.connectionsPerAddressMaximum = connectionsPerAddressMaximum
        self.strangersPerAddressMaximum = strangersPerAddressMaximum
    }

    /// A ledger without connections, for servers with these limits.
    public convenience init(_ limits: HTTPLimits) {
        self.init(
            connectionMaximum: limits.connectionMaximum,
            connectionsPerAddressMaximum: limits.connectionsPerAddressMaximum,
            strangersPerAddressMaximum: limits.strangersPerAddressMaximum,
            shutOutTime: limits.shutOutTime
        )
    }

    public var count: Int { counts.withLock(\.total) }

    /// True if a host has had so many connections ended for abuse that no more of it are taken now. Loopback is never
    /// shut out.
    func shutsOut(_ peer: SocketAddress, now: Duration) -> Bool {
        guard case .ip(let address, _) = peer, !address.isLoopback else { return false }
        return counts.withLock { $0.abuse.shutsOut(RemoteHost(address), now: now) }
    }

    /// Counts an unauthenticated connection, or returns the reason why there is no room for it.
    func admit(_ peer: SocketAddress) throws(RequestError) -> Admission {
        let address: IPAddress? = if case .ip(let address, _) = peer, !address.isLoopback { address } else { nil }
        let refusal = counts.withLock { counts -> RequestError? in
            guard counts.total < connectionMaximum else { return .tooManyConnections }
            if let address {
                let count = counts.byAddress[address, default: 0]
                let strangerCount = counts.strangersByAddress[address, default: 0]
                guard count < connectionsPerAddressMaximum, strangerCount < strangersPerAddressMaximum else {
                    return .tooManyConnectionsOfAddress
                }
                counts.byAddress[address] = count + 1
                counts.strangersByAddress[address] = strangerCount + 1
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

    fileprivate func leave(_ address: IPAddress?, isKnown: Bool) {
        counts.withLock { counts in
            counts.total -= 1
            guard let address else { return }
            Self.decrease(&counts.byAddress, address)
            if !isKnown { Self.decrease(&counts.strangersByAddress, address) }
        }
    }

    fileprivate func identify(_ address: IPAddress) {
        counts.withLock { Self.decrease(&$0.strangersByAddress, address) }
    }

    private static func decrease(_ counts: inout [IPAddress: Int], _ address: IPAddress) {
        guard let count = counts[address] else { return }
        counts[address] = count > 1 ? count - 1 : nil
    }
}

/// The place of one connection, given back at its end.
final class Admission {
    private let ledger: ConnectionLedger
    private let address: IPAddress?
    private var hasEnded = false
    private var isKnown = false

    fileprivate init(ledger: ConnectionLedger, address: IPAddress?) {
        self.ledger = ledger
        self.address = address
    }

    deinit {
        end()
    }

    func identify() {
        guard !isKnown, !hasEnded else { return }
        isKnown = true
        if let address { ledger.identify(address) }
    }

    /// Notes that the connection ends because of abuse.
    func noteAbuse(now: Duration) {
        if let address { ledger.noteAbuse(of: address, now: now) }
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        ledger.leave(address, isKnown: isKnown)
    }
}
