import Northbound
import Northd

/// A commit that is not durable yet, with what happens when it is.
struct PendingCommit: Sendable {
    /// The commit.
    let commit: Commit
    /// The network after it.
    let network: Network
    /// The chassis that it deletes.
    let removedChassis: [String]
    /// Answers that depend on it or on commits before it; refusals too, since they may speak of what it made.
    var answers: [(ticket: Ticket, answer: Answer)] = []
    /// Syncs that brought it about; their feed goes on from it.
    var syncs: [(ticket: Ticket, poll: Poll)] = []
}
