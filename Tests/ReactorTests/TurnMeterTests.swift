import Testing

@testable import Reactor

@Suite struct TurnMeterTests {
    @Test func `the longest turn is told for a minute or two`() {
        let meter = TurnMeter()
        #expect(meter.longestTurn == .zero)
        func note(_ milliseconds: Int64, at seconds: Int64) {
            meter.note(from: .seconds(seconds), to: .seconds(seconds) + .milliseconds(milliseconds))
        }
        note(3, at: 1000)
        note(20, at: 1030)
        note(5, at: 1059)
        #expect(meter.longestTurn == .milliseconds(20))
        note(2, at: 1061)
        #expect(meter.longestTurn == .milliseconds(20))
        note(4, at: 1122)
        #expect(meter.longestTurn == .milliseconds(4))
        note(1, at: 2000)
        #expect(meter.longestTurn == .milliseconds(1))
    }

    @Test func `a turn of a loop counts with all that it runs`() throws {
        let loop = try EventLoop()
        loop.schedule(after: .zero) {
            let end = Clock.monotonic() + .milliseconds(2)
            while Clock.monotonic() < end {}
            loop.stop()
        }
        loop.run()
        #expect(loop.turnMeter.longestTurn >= .milliseconds(2))
    }
}
