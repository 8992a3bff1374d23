import NetworkModel
import Southbound

/// A commit that is not durable yet, with what happens when it is.
struct PendingCommit: Sendable {
    let commit: Commit
    /// The network after it.
    private(set) var network: Network
    let record: CommitRecord
    /// The southbound records that it puts or deletes.
    let touched: [RecordKey]
    let reach: Reach
    /// About the bytes of memory that it keeps while it can be gone back to.
    let keptByteCount: Int
    /// Answers that depend on it or on commits before it; refusals too, since they may speak of what it made.
    var answers: [(ticket: Ticket, answer: Answer)] = []
    /// Syncs that brought it about; their feed goes on from it.
    var syncs: [(ticket: Ticket, poll: Poll)] = []

    /// A commit between two networks.
    /// - Parameter replacedByteCount: bytes of the objects that it took the place of.
    init(
        _ commit: Commit,
        from before: Network,
        to after: Network,
        replacedByteCount: Int
    ) {
        self.commit = commit
        network = after
        record = CommitRecord(commit, before: before, after: after)
        touched = commit.touchedRecords
        reach = Reach(of: touched, before: before.southbound, after: after.southbound)
        keptByteCount = commit.keptByteCount(replaced: replacedByteCount)
    }

    /// The same commit on top of a network that has more in it.
    func followed(by network: Network) -> PendingCommit {
        var item = self
        item.network = network
        return item
    }
}
