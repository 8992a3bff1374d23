import CLinux
import Glibc
import Testing

@testable import Reactor

@Suite struct EventLoopTests {
    /// Two connected sockets.
    private func pair() throws -> (Descriptor, Descriptor) {
        try SeqPacket.pair()
    }

    private func write(_ descriptor: Descriptor) throws {
        #expect(try SeqPacket.send([1], over: descriptor))
    }

    @Test func `A handler is told of readiness until its registration is cancelled`() throws {
        let loop = try EventLoop()
        let (left, right) = try pair()
        var told: [Readiness] = []
        let registration = try loop.register(left.raw, reads: true, writes: false) { told.append($0) }
        loop.turn(mayWait: false)
        #expect(told.isEmpty)
        try write(right)
        loop.turn(mayWait: false)
        loop.turn(mayWait: false)
        #expect(told == [.readable, .readable])
        try registration.update(reads: true, writes: true)
        loop.turn(mayWait: false)
        #expect(told.last == [.readable, .writable])
        registration.cancel()
        registration.cancel()
        try registration.update(reads: true, writes: true)
        loop.turn(mayWait: false)
        #expect(told.count == 3)
    }

    @Test func `The other side's end makes a descriptor readable and writable`() throws {
        let loop = try EventLoop()
        var (left, right): (Descriptor, Descriptor?) = try pair()
        var told: Readiness = []
        let registration = try loop.register(left.raw, reads: true, writes: false) { told = $0 }
        right = nil
        loop.turn(mayWait: false)
        #expect(right == nil && told == [.readable, .writable])
        registration.cancel()
    }

    @Test func `With no interest a hang-up is told once, and does not keep the loop busy`() throws {
        let loop = try EventLoop()
        var (left, right): (Descriptor, Descriptor?) = try pair()
        var count = 0
        let registration = try loop.register(left.raw, reads: false, writes: false) { _ in count += 1 }
        right = nil
        for _ in 0..<3 { loop.turn(mayWait: false) }
        #expect(right == nil && count == 1)
        try registration.update(reads: true, writes: false)
        loop.turn(mayWait: false)
        #expect(count == 2)
        registration.cancel()
    }

    @Test func `A handler may cancel itself and another that is ready in the same turn`() throws {
        let loop = try EventLoop()
        let pairs = try (0..<2).map { _ in try pair() }
        var calls: [Int] = []
        var registrations: [Registration] = []
        for (index, pair) in pairs.enumerated() {
            let registration = try loop.register(pair.0.raw, reads: true, writes: false) { _ in
                calls.append(index)
                for registration in registrations { registration.cancel() }
            }
            registrations.append(registration)
            try write(pair.1)
        }
        loop.turn(mayWait: false)
        loop.turn(mayWait: false)
        #expect(calls.count == 1)
        withExtendedLifetime(pairs) {}
    }

    @Test func `An event of a closed descriptor does not reach the next one of its number`() throws {
        let loop = try EventLoop()
        var first: (Descriptor, Descriptor)? = try pair()
        let second = try pair()
        var third: (Descriptor, Descriptor)?
        var later: Registration?
        var thirdCalls = 0
        // Whichever is called first closes `first` and puts another socket and registration into both its places.
        var firstRegistration: Registration?
        let replace: (Readiness) -> Void = { _ in
            guard third == nil else { return }
            firstRegistration?.cancel()
            first = nil
            third = try? self.pair()
            guard let fresh = third else { return }
            later = try? loop.register(fresh.0.raw, reads: true, writes: false) { _ in thirdCalls += 1 }
        }
        let secondRegistration = try loop.register(second.0.raw, reads: true, writes: false, replace)
        if let made = first {
            firstRegistration = try loop.register(made.0.raw, reads: true, writes: false, replace)
            try write(made.1)
        }
        try write(second.1)
        loop.turn(mayWait: false)
        #expect(later != nil && first == nil && thirdCalls == 0)
        secondRegistration.cancel()
        later?.cancel()
    }

    @Test func `A descriptor is registered once, and a file not at all`() throws {
        let loop = try EventLoop()
        let (left, _) = try pair()
        let registration = try loop.register(left.raw, reads: true, writes: false) { _ in }
        let twice = #expect(throws: SystemError.self) {
            try loop.register(left.raw, reads: true, writes: false) { _ in }
        }
        #expect(twice == SystemError(call: "epoll_ctl", errno: EEXIST))
        let file = try Descriptor.open("/proc/self/status", flags: O_RDONLY)
        let refused = #expect(throws: SystemError.self) {
            try loop.register(file.raw, reads: true, writes: false) { _ in }
        }
        #expect(refused?.errno == EPERM)
        registration.cancel()
    }

    @Test func `Timers run in the order of their times, then of their setting, and not when cancelled`() throws {
        let loop = try EventLoop()
        var order: [String] = []
        loop.schedule(after: .milliseconds(3)) {
            order.append("late")
            loop.stop()
        }
        loop.schedule(after: .zero) { order.append("first") }
        let cancelled = loop.schedule(after: .zero) { order.append("cancelled") }
        loop.schedule(after: .zero) {
            order.append("second")
            cancelled.cancel()
        }
        cancelled.cancel()
        loop.run()
        #expect(order == ["first", "second", "late"])
    }

    @Test func `A timer cancelled by another of the same turn does not run`() throws {
        let loop = try EventLoop()
        var order: [String] = []
        var other: TimerHandle?
        loop.schedule(after: .zero) {
            order.append("one")
            other?.cancel()
        }
        other = loop.schedule(after: .zero) { order.append("other") }
        loop.turn(mayWait: false)
        loop.turn(mayWait: false)
        #expect(order == ["one"])
    }

    @Test func `A timer that sets itself again lets the rest of the loop run`() throws {
        let loop = try EventLoop()
        var (left, right) = try pair()
        try write(right)
        var timerRuns = 0
        func again() {
            timerRuns += 1
            loop.schedule(after: .zero) { again() }
        }
        again()
        let registration = try loop.register(left.raw, reads: true, writes: false) { _ in loop.stop() }
        loop.run()
        #expect(timerRuns <= 2)
        registration.cancel()
        (left, right) = try pair()
    }

    @Test func `A timer is never early`() throws {
        let loop = try EventLoop()
        for microseconds in [1, 400, 999, 1001, 2500] {
            let due = Clock.monotonic() + .microseconds(microseconds)
            loop.turn(mayWait: false)
            loop.schedule(after: .microseconds(microseconds)) { loop.stop() }
            loop.run()
            #expect(Clock.monotonic() >= due)
        }
    }

    @Test func `What is deferred runs at the end of the turn, what it defers in the next`() throws {
        let loop = try EventLoop()
        var order: [String] = []
        loop.schedule(after: .zero) {
            loop.defer {
                order.append("deferred")
                loop.defer {
                    order.append("deferred again")
                    loop.stop()
                }
            }
            order.append("timer")
        }
        loop.schedule(after: .zero) { order.append("timer too") }
        loop.run()
        #expect(order == ["timer", "timer too", "deferred", "deferred again"])
    }

    @Test func `A loop may be run again after it was stopped`() throws {
        let loop = try EventLoop()
        var runs = 0
        for _ in 0..<2 {
            loop.defer {
                runs += 1
                loop.stop()
            }
            loop.run()
        }
        #expect(runs == 2)
    }

    @Test func `Timers without end are a mistake that is told`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop()
            for _ in 0...EventLoop.timerCountMaximum { loop.schedule(after: .seconds(60)) {} }
        }
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            for _ in 0..<EventLoop.timerCountMaximum { loop.schedule(after: .seconds(60)) {} }
        }
    }

    @Test func `Deferring without end is a mistake that is told`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop()
            for _ in 0...EventLoop.deferredCountMaximum { loop.defer {} }
        }
    }

    @Test func `A descriptor closed before its registration is cancelled is a mistake that is told`() async {
        await #expect(processExitsWith: .failure) {
            let loop = try EventLoop()
            let registration = try loop.register(try SeqPacket.pair().0.raw, reads: true, writes: false) { _ in }
            registration.cancel()
        }
    }
}
