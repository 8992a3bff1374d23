import CentralCore
import DequeModule
import NetworkModel
import Reactor
import Southbound

/// Answers of the core that a loop has not passed on yet: a piece a turn, so that neither a commit that thousands of
/// hosts hear of nor ten thousand watchers keep the loop's other clients waiting.
final class AnswerQueue {
    /// The time of a piece, except for its last answer: some times what a look for arrivals costs.
    static let pieceTime: Duration = .microseconds(250)
    /// Bytes of answers that clients have not taken yet, from which on further pages of changes wait: far below what a
    /// server holds before it ends connections, and more than a fast network takes in the time of a pause.
    static let heldByteCountMaximum = 16 << 20
    /// The time that a page waits for clients to take what they have: after it one more goes out, so that clients
    /// who take nothing keep nobody from their pages.
    static let pause: Duration = .milliseconds(5)
    /// The fewest changes of an answer that counts as a page.
    static let changeCountMinimum = 64

    /// The order of answers: thousands of hosts and watchers may wait for one commit, others for their own answer.
    private enum Rank: Int, CaseIterable { case asked, host, watcher, page }

    private let loop: EventLoop
    private let heldByteCount: () -> Int
    private let passOn: (Ticket, Answer) -> Void
    private var answers = [Deque<(Ticket, Answer)>](repeating: [], count: Rank.allCases.count)
    /// True if the next piece is on its way.
    private var isGoingOn = false

    /// A queue on a loop.
    /// - Parameters:
    ///   - heldByteCount: tells how much clients have not taken yet.
    ///   - passOn: answers.
    init(loop: EventLoop, heldByteCount: @escaping () -> Int, passOn: @escaping (Ticket, Answer) -> Void) {
        self.loop = loop
        self.heldByteCount = heldByteCount
        self.passOn = passOn
    }

    /// Passes on as many as a piece has room for, and keeps the others.
    func add(_ new: [(Ticket, Answer)]) {
        for (ticket, answer) in new { answers[Self.rank(of: answer).rawValue].append((ticket, answer)) }
        if !isGoingOn { goOn(isLate: false) }
    }

    private static func rank(of answer: Answer) -> Rank {
        switch answer {
        case .feed(let feed): feed.changes.count < changeCountMinimum ? .host : .page
        case .watched(let feed): feed.changes.count < changeCountMinimum ? .watcher : .page
        case .written, .replayed, .applied, .refused, .audited, .statistics, .realization, .reply, .heard, .network:
            .asked
        }
    }

    private var hasRoom: Bool { heldByteCount() < Self.heldByteCountMaximum }

    /// - Parameter isLate: True if a page has waited for as long as it should.
    private func goOn(isLate: Bool) {
        isGoingOn = false
        let end = Clock.monotonic() + Self.pieceTime
        // One of each, as those of a rank may come without end.
        for rank in Rank.allCases where rank != .page || isLate || hasRoom { _ = passOnNext(rank) }
        while Clock.monotonic() < end, Rank.allCases.contains(where: { ($0 != .page || hasRoom) && passOnNext($0) }) {}
        guard answers.contains(where: { !$0.isEmpty }) else { return }
        isGoingOn = true
        if answers[..<Rank.page.rawValue].allSatisfy(\.isEmpty), !hasRoom {
            loop.schedule(after: Self.pause) { [weak self] in self?.goOn(isLate: true) }
        } else {
            loop.defer { [weak self] in self?.goOn(isLate: false) }
        }
    }

    /// - Returns: True if there was one.
    private func passOnNext(_ rank: Rank) -> Bool {
        guard let (ticket, answer) = answers[rank.rawValue].popFirst() else { return false }
        passOn(ticket, answer)
        return true
    }
}
