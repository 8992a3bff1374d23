import TestSupport
import Testing

@testable import Reactor

@Suite struct TimerQueueTests {
    @Test func `Cancelled timers do not pile up`() {
        var timers = TimerQueue()
        _ = timers.insert(at: .seconds(100)) {}
        for _ in 0..<10_000 { timers.cancel(timers.insert(at: .seconds(60)) {}) }
        #expect(timers.count == 1)
        #expect(timers.heapCount <= 66)
        #expect(timers.nextDeadline() == .seconds(100))
    }

    @Test(arguments: 0..<4) func `Random timers come out as a sorted list would have them`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var timers = TimerQueue()
        var model: [(deadline: Duration, number: UInt64)] = []
        var ran: [UInt64] = []
        for _ in 0..<500 {
            let deadline = Duration.milliseconds(Int.random(in: 0..<50, using: &generator))
            let number = timers.bound
            #expect(timers.insert(at: deadline) { ran.append(number) } == number)
            model.append((deadline, number))
            if Int.random(in: 0..<3, using: &generator) == 0 {
                let victim = model.remove(at: Int.random(in: model.indices, using: &generator))
                timers.cancel(victim.number)
            }
        }
        model.sort { ($0.deadline, $0.number) < ($1.deadline, $1.number) }
        let due = model.prefix { $0.deadline <= .milliseconds(25) }.map(\.number)
        while let body = timers.popDue(at: .milliseconds(25), setBefore: timers.bound) { body() }
        #expect(ran == due)
        #expect(timers.count == model.count - due.count)
    }
}
