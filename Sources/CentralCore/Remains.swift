import NetworkModel
import Southbound

/// Values that nobody uses any more and that hold thousands of others, so that the end of them takes milliseconds: a
/// step does not wait for it, another thread lets go of them.
public struct Remains: Sendable {
    /// The touched records from which on a commit leaves something behind: the end of less takes no longer than a
    /// message to another thread.
    static let touchedCountMinimum = 256

    private(set) var commits: [PendingCommit] = []
    private(set) var entries: [Past.Entry] = []
    private(set) var networks: [Network] = []
    private(set) var deltas: [SharedDelta] = []

    /// True if nothing was left behind.
    var isEmpty: Bool { commits.isEmpty && entries.isEmpty && deltas.isEmpty }

    /// Adds a commit that is durable.
    mutating func add(_ commit: PendingCommit) {
        if commit.touched.count >= Self.touchedCountMinimum { commits.append(commit) }
    }

    /// Adds a commit of the past that is no longer kept, with the network before it.
    mutating func add(_ entry: Past.Entry, behind network: Network) {
        guard entry.touched.count >= Self.touchedCountMinimum else { return }
        entries.append(entry)
        networks.append(network)
    }

    /// Adds the changes of a long commit that nobody can ask for any more.
    mutating func add(_ delta: SharedDelta) { deltas.append(delta) }
}
