import NetworkModel

/// The events of the core.
public enum Event: Sendable {
    case asked(Ticket, Request)
    /// The outcome of the last ``Effect/plan(_:)``.
    case planned(Plan.Outcome)
    /// The client of a request went away; no answer is due any more.
    case disconnected(Ticket)
    /// The commits that the last ``Effect/append(_:)`` carried, up to this revision, are on disk; the hash of each.
    case durable(UInt64, hashes: [CommitHash])
    /// Commits that another member made durable, in order, with the hash of each. Only of a core that does not lead.
    case replicated([Commit], hashes: [CommitHash])
    /// The last ``Effect/append(_:)`` failed as a whole: nothing of it is on disk. One clause tells why.
    case storageFailed(String)
    /// The time that the last ``Effect/setTimer(at:)`` named has come.
    case timer
    /// The last step said ``Effect/goOn``.
    case goOn
    /// Central is about to stop: parked requests are answered, new writes are refused.
    case stopping
}
