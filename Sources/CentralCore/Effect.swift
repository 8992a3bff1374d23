import NetworkModel

/// The effects that the core asks for, in this order.
public enum Effect: Sendable {
    /// Append these commits to the log that ends at a revision, all or none, and report ``Event/durable(_:hashes:)`` or
    /// ``Event/storageFailed(_:)``. There is never a second one before that.
    case append([Commit], after: UInt64)
    case publish(Network)
    case answer(Ticket, Answer)
    /// Answer a request from the log on disk, by ``Answer/audited(_:hasMore:after:)``.
    case audit(Ticket, AuditRequest)
    /// Carry this out on another thread, and report ``Event/planned(_:)`` with the outcome. There is never a second one
    /// before that.
    case plan(Plan)
    /// Say ``Event/timer`` at this time, in place of any time set before; never where `nil`.
    case setTimer(at: Duration?)
    /// Send ``Event/goOn`` soon, after the events that wait already: there is more to do than one step should take.
    case goOn
    case log(LogEntry)
    /// Let go of these on another thread.
    case discard(Remains)
}

/// A line of the log, for the operator.
public struct LogEntry: Equatable, Sendable {
    /// The severity.
    public enum Level: Sendable {
        /// The ordinary course of things.
        case info
        /// Something that a person may have to look at.
        case warning
    }

    public var level: Level
    /// One sentence.
    public var message: String

    public init(_ level: Level, _ message: String) {
        self.level = level
        self.message = message
    }
}
