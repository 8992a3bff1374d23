/// Something that time alone brings about.
struct Deadline: Comparable, Sendable {
    /// The subject; its order only makes equal times unambiguous.
    enum Subject: Comparable, Sendable {
        /// The lease of a chassis runs out.
        case lease(String)
        /// A parked poll is answered with nothing new.
        case poll(Ticket)
        /// A wait for realization is given up.
        case realization(Ticket)
        /// A watch is answered with nothing new.
        case watch(Ticket)
        /// A wait for a revision is given up.
        case revision(Ticket)
        /// A question to a host is given up.
        case query(UInt64)
        /// A question to a host is asked.
        case laterQuery(Ticket)
        /// Commits hosts' reports again after the log could not be written.
        case storageRetry
        /// Commits a chassis' report that came too soon after others.
        case postponed(String)
    }

    /// When, monotonic.
    var at: Duration
    var subject: Subject

    static func < (left: Deadline, right: Deadline) -> Bool {
        (left.at, left.subject) < (right.at, right.subject)
    }
}
