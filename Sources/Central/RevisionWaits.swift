import CentralCore

/// Requests that wait for a revision to be reached, each for the same time: found by revision and by time without a
/// look at the others.
struct RevisionWaits {
    /// The most of them, over all loops: each has a place at its loop as well, and central's own clients wait only if
    /// they have written to another member.
    static let countMaximum = 1 << 14

    private var waits: [Ticket: (revision: UInt64, deadline: Duration)] = [:]
    /// In order; tickets have one entry each.
    private var byRevision: [(revision: UInt64, ticket: Ticket)] = []
    /// In order, because all wait for the same time. Ended ones stay until their time has come, or until most have
    /// ended.
    private var byDeadline: [(deadline: Duration, ticket: Ticket)] = []

    /// The number of waits.
    var count: Int { waits.count }

    /// When the next has waited long enough.
    var nextDeadline: Duration? { byDeadline.first?.deadline }

    /// Takes up a request.
    /// - Parameter deadline: not before those of the requests that wait.
    /// - Returns: true if there was room.
    mutating func add(_ ticket: Ticket, for revision: UInt64, until deadline: Duration) -> Bool {
        guard waits.count < Self.countMaximum, waits[ticket] == nil else { return false }
        waits[ticket] = (revision, deadline)
        byRevision.insert((revision, ticket), at: place(of: revision, ticket))
        byDeadline.append((deadline, ticket))
        return true
    }

    /// Forgets a request.
    mutating func remove(_ ticket: Ticket) {
        guard let wait = waits.removeValue(forKey: ticket) else { return }
        byRevision.remove(at: place(of: wait.revision, ticket))
        // Nothing is left to be woken for, or many have ended before their time.
        if byDeadline.count > 2 * waits.count + 64 || waits.isEmpty {
            byDeadline.removeAll { entry in waits[entry.ticket]?.deadline != entry.deadline }
        }
    }

    /// Takes out the requests that wait for no more than this revision.
    mutating func reached(_ revision: UInt64) -> [Ticket] {
        let tickets = byRevision.prefix { $0.revision <= revision }.map(\.ticket)
        byRevision.removeFirst(tickets.count)
        for ticket in tickets { waits[ticket] = nil }
        if waits.isEmpty { byDeadline = [] }
        return tickets
    }

    /// Takes out the requests that have waited long enough.
    mutating func expired(at now: Duration) -> [Ticket] {
        let due = byDeadline.prefix { $0.deadline <= now }
        byDeadline.removeFirst(due.count)
        let tickets = due.filter { waits[$0.ticket]?.deadline == $0.deadline }.map(\.ticket)
        for ticket in tickets { remove(ticket) }
        return tickets
    }

    /// Returns the index at which an entry is or belongs.
    private func place(of revision: UInt64, _ ticket: Ticket) -> Int {
        var (low, high) = (0, byRevision.count)
        while low < high {
            let middle = (low + high) / 2
            let entry = byRevision[middle]
            if (entry.revision, entry.ticket) < (revision, ticket) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
