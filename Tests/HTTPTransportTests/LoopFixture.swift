import Reactor
import Testing

/// A loop on the test's own thread, run until something has happened.
final class LoopFixture {
    /// The time that a test waits for an event: long enough for a loaded machine.
    static let patience: Duration = .seconds(30)

    let loop: EventLoop
    private var isDone: () -> Bool = { true }

    init() throws {
        loop = try EventLoop()
    }

    /// Tells that something has happened that the test may wait for.
    func changed() {
        if isDone() { loop.stop() }
    }

    /// Runs the loop until `isDone`, which is asked after each `changed()`.
    func run(
        until isDone: @escaping () -> Bool,
        _ what: Comment = "what the test waits for has not happened",
        at location: SourceLocation = #_sourceLocation
    ) {
        guard !isDone() else { return }
        self.isDone = isDone
        let timer = loop.schedule(after: Self.patience) {
            Issue.record(what, sourceLocation: location)
            self.loop.stop()
        }
        loop.run()
        timer.cancel()
        self.isDone = { true }
    }

    /// Runs the loop until `isDone`, of which nobody tells: it is asked every millisecond.
    func look(until isDone: @escaping () -> Bool, at location: SourceLocation = #_sourceLocation) {
        var isOver = false
        func look() {
            changed()
            if !isOver { loop.schedule(after: .milliseconds(1)) { look() } }
        }
        look()
        run(until: isDone, at: location)
        isOver = true
    }

    /// Runs the loop for a time in which something must not happen, or a timer of the code under test must fire.
    func run(for time: Duration) {
        var isOver = false
        loop.schedule(after: time) {
            isOver = true
            self.changed()
        }
        run(until: { isOver })
    }
}
