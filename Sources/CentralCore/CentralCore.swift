import Northbound
import Northd
import Southbound

/// The heart of central: a value that takes requests, heartbeats and time, and gives commits and answers.
public struct CentralCore: Sendable {
    /// Takes up a network where a log left it.
    /// - Parameters:
    ///   - network: the network before the first commit of `history`: what the store has folded into rows.
    ///   - history: the commits that follow, up to the last durable one, without a gap. Deltas reach back over the
    ///     last ``Configuration/historyCountMaximum`` of them.
    /// - Throws: ``CommitError`` where the history does not follow the network.
    public init(
        network: Network,
        history: [Commit],
        configuration: Configuration = Configuration(),
        now: Duration
    ) throws(CommitError) {
        var network = network
        for commit in history { try network.apply(commit) }
    }

    /// Takes one event and gives what is to be done, in order.
    /// - Parameters:
    ///   - now: monotonic time since any origin, never earlier than at the step before.
    ///   - wallClock: seconds since 1970, for the times that objects show.
    ///   - generator: where identities of new objects come from.
    public mutating func step(
        _ event: Event,
        now: Duration,
        wallClock: Int64,
        using generator: inout some RandomNumberGenerator
    ) -> [Effect] {
        []
    }
}
