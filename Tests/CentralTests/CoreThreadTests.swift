import CentralCore
import JSON
import Logging
import NetworkModel
import Reactor
import Testing

@testable import Central

/// The thread of the core on the test's own loop, with mailboxes of the test beside it.
@Suite struct CoreThreadTests {
    private enum Seen: Equatable { case append, answer(Ticket) }

    @Test func `What hosts ask is heard after what users ask, each before the news that its client has gone`() throws {
        let loop = try EventLoop()
        var seen: [Seen] = []
        let store = try Mailbox<StoreThread.Message>(on: loop) { message in
            if case .append = message { seen.append(.append) }
        }
        let server = try Mailbox<ServingLoop.Message>(on: loop) { message in
            guard case .answers(let answers) = message else { return }
            seen += answers.map { .answer($0.0) }
            if seen.count == 1001 { loop.stop() }
        }
        let network = Network(epoch: 1)
        let thread = CoreThread(
            loop: loop,
            core: try CentralCore(network: network, history: [], hashes: [], now: loop.now),
            cell: LatestCell(Published(network: network, isReady: false)),
            store: store,
            servers: [server],
            planner: try Mailbox<BulkThread.Message>(on: loop) { _ in },
            main: try Mailbox<CentralDaemon.Message>(on: loop) { _ in },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let core = try Mailbox<CoreThread.Message>(on: loop) { thread.receive($0) }
        // Of chassis that nobody knows: each is answered at once.
        for ticket in 1...1000 as ClosedRange<Ticket> {
            core.send(.ask(ticket, .changes(Poll(chassis: "hv1", since: 0, wait: 0))))
        }
        core.send(.gone(7))
        let operation = Operation(.logicalSwitch, .create(body: ["name": "ls1"], switch: nil))
        core.send(.ask(2000, .write(WriteRequest(operations: [operation], author: "test", requestID: "r"))))
        loop.run()
        #expect(seen.first == .append)
        #expect(Array(seen.dropFirst()) == (1...1000).map { .answer($0) })
    }
}
