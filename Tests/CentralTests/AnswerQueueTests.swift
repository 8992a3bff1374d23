import API
import CentralCore
import NetworkModel
import Reactor
import Southbound
import Testing

@testable import Central

@Suite struct AnswerQueueTests {
    /// An answer to a host with so many changes.
    private func feed(_ changeCount: Int) -> Answer {
        let change = FeedChange(revision: 2, change: .delete(.chassis("hv1")))
        let changes = Array(repeating: change, count: changeCount)
        return .feed(FeedAnswer(epoch: 1, from: 1, to: 2, mode: .delta, changes: changes))
    }

    private var watched: Answer {
        .watched(ChangeFeed(epoch: 1, from: 1, to: 2, hash: CommitHash(rawValue: 1), hasMore: false, changes: []))
    }

    /// The tickets in the order in which they are passed on, the answers having come at once with tickets from 0 on.
    private func order(of answers: [Answer], heldByteCount: Int) throws -> [Ticket] {
        let loop = try EventLoop()
        var order: [Ticket] = []
        let queue = AnswerQueue(loop: loop, heldByteCount: { heldByteCount }) { ticket, _ in
            order.append(ticket)
            if order.count == answers.count { loop.stop() }
        }
        queue.add(answers.enumerated().map { (Ticket($0.offset), $0.element) })
        if order.count < answers.count { loop.run() }
        return order
    }

    @Test func `Who waits for an answer of its own is told before hosts and watchers`() throws {
        let answers = Array(repeating: watched, count: 1000) + [feed(0), .network(nil)]
        let order = try order(of: answers, heldByteCount: 0)
        #expect(order.prefix(3) == [1001, 1000, 0])
        #expect(Array(order.dropFirst(2)) == Array(0..<1000))
    }

    /// A page for a host or for a watcher.
    private func page(isOfHost: Bool) -> Answer {
        guard !isOfHost else { return feed(AnswerQueue.changeCountMinimum) }
        let change = CommitRecord.Change(kind: .object(.logicalSwitchPort), id: "p1", name: "p1", object: [])
        let changes = Array(repeating: (UInt64(2), change), count: AnswerQueue.changeCountMinimum)
        return .watched(ChangeFeed(epoch: 1, from: 1, to: 2, hash: .zero, hasMore: false, changes: changes))
    }

    @Test(arguments: [true, false])
    func `Pages wait while clients have much to take, but not for ever`(isOfHost: Bool) throws {
        let page = page(isOfHost: isOfHost)
        let answers = Array(repeating: page, count: 3) + Array(repeating: feed(0), count: 100)
        let full = try order(of: answers, heldByteCount: AnswerQueue.heldByteCountMaximum)
        #expect(full == Array(3..<103) + Array(0..<3))
        let empty = try order(of: answers, heldByteCount: AnswerQueue.heldByteCountMaximum - 1)
        #expect(empty.prefix(2) == [3, 0])
    }
}
