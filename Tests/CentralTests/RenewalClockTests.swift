import Testing

@testable import Central

@Suite struct RenewalClockTests {
    private let clock = RenewalClock(wallClock: 1_000_000, now: .seconds(50), life: 900)

    @Test func `a certificate is made anew after two thirds of its life by either clock`() {
        #expect(!clock.isDue(wallClock: 1_000_000, now: .seconds(50)))
        #expect(!clock.isDue(wallClock: 1_000_599, now: .seconds(649)))
        #expect(clock.isDue(wallClock: 1_000_600, now: .seconds(60)))
        #expect(clock.isDue(wallClock: 1_000_000, now: .seconds(650)))
    }

    @Test func `one that was made in what is the future now is made anew, and a step of the clock is none`() {
        #expect(!clock.isDue(wallClock: 1_000_000 - RenewalClock.stepMaximum, now: .seconds(60)))
        #expect(clock.isDue(wallClock: 1_000_000 - RenewalClock.stepMaximum - 1, now: .seconds(60)))
        #expect(clock.isDue(wallClock: 0, now: .seconds(51)))
    }
}
