import DequeModule
import Reactor

/// A user of a loop whose work can be done in pieces.
protocol TurnTaker: AnyObject {
    /// Does a piece of what there is to do: about ``Pace/sliceTime``.
    func takeTurn()
}

/// Shares the time of one loop's thread between its connections.
///
/// A client that asks for little is served as its bytes arrive. All others wait here, in as many rows as there are
/// ranks: a turn of the loop spends a little time on them, one piece after the other, those of the lowest rank first,
/// then looks for arrivals again. So a request that costs little waits for one piece of somebody else's work, however
/// many connections keep the server busy; and work that costs much is done all the same, for every other turn favours
/// some higher rank.
public final class TurnQueue {
    /// The time that a turn spends on waiting connections, unless those served at once have taken more: about one
    /// piece, which is always done. A look for arrivals costs a twentieth of it.
    static let turnTime = Pace.sliceTime
    /// The rank that goes first in each of a round of turns.
    private static let favoured = [0, Pace.rankMaximum, 0, 2, 0, 1]

    private let loop: EventLoop
    private var rows = [Deque<any TurnTaker>](repeating: [], count: Pace.rankMaximum + 1)
    private var isScheduled = false
    private var turnCount = 0

    /// A queue for all servers of a loop.
    public init(loop: EventLoop) {
        self.loop = loop
    }

    /// Puts a connection at the end of a row; its own bookkeeping sees to it that it is there once, which bounds the
    /// queue.
    func add(_ taker: any TurnTaker, rank: Int) {
        rows[min(max(rank, 0), Pace.rankMaximum)].append(taker)
        guard !isScheduled else { return }
        isScheduled = true
        loop.defer { self.run() }
    }

    private func run() {
        let begun = Clock.monotonic()
        // Those that are served at once get no more than two thirds of a busy loop.
        let end = begun + max(Self.turnTime, (begun - loop.now) / 2)
        let favoured = Self.favoured[turnCount % Self.favoured.count]
        turnCount += 1
        // Takers that are added from here on get this turn or, by the end of this method, the next.
        isScheduled = true
        repeat {
            guard let next = next(favoured) else { break }
            next.takeTurn()
        } while Clock.monotonic() < end
        isScheduled = rows.contains { !$0.isEmpty }
        if isScheduled { loop.defer { self.run() } }
    }

    private func next(_ favoured: Int) -> (any TurnTaker)? {
        if let first = rows[favoured].popFirst() { return first }
        for rank in rows.indices {
            if let first = rows[rank].popFirst() { return first }
        }
        return nil
    }
}

/// The cost of one connection's pieces of work, and from it the connection's rank and the size of the next piece.
struct Pace {
    /// The lowest rank of connections that have not taken an answer yet, or that ask for news again: there may be many,
    /// each with a little to take or to ask.
    static let rankOfAnswers = 2
    /// The longest time that a piece should take. Work that comes in larger ones (one request, one slice of an answer)
    /// is not cut.
    static let sliceTime: Duration = .microseconds(50)
    /// The rank of those that cost most.
    static let rankMaximum = 3
    /// A piece that took longer than usual raises the average by no more than this part of it: the thread itself may
    /// have waited for a processor, and then an honest client must not be taken for a costly one.
    private static let rise = 4
    private static let readByteCountMinimum = 1024
    static let readByteCountMaximum = 64 * 1024

    /// The average cost of a piece, the last ones above all; a guess for a new connection.
    private var cost = sliceTime * 2
    /// The number of bytes to read for one piece.
    private(set) var readByteCount = 4 * 1024
    /// True if the last read got all that it had asked for, so that there is likely to be more.
    private var hasReadAll = false

    /// The time that others may have to wait for it, as a rank: 0 for those that are served at once, up to
    /// ``rankMaximum``.
    var rank: Int {
        let own = cost <= Self.sliceTime ? 0 : cost <= Self.sliceTime * 2 ? 1 : 2
        return hasReadAll ? own + 1 : own
    }

    /// True if the next piece is to be measured by the thread's own time, which takes longer to read: a thread that a
    /// request wakes may take the processor at once, and a client that writes must not count as one that costs much.
    var isInDoubt: Bool { cost > Self.sliceTime / 2 }

    mutating func didRead(_ byteCount: Int) {
        hasReadAll = byteCount >= readByteCount
    }

    /// Takes note of a piece of work.
    mutating func note(_ time: Duration) {
        cost += min((time - cost) / 4, cost / Self.rise + .microseconds(1))
        if time > Self.sliceTime * 2 {
            readByteCount = max(readByteCount / 2, Self.readByteCountMinimum)
        } else if hasReadAll, time < Self.sliceTime {
            readByteCount = min(readByteCount * 2, Self.readByteCountMaximum)
        }
    }
}
