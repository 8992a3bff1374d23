import Glibc
import Testing

@testable import Reactor

@Suite struct ProcessorPausesTests {
    /// The times that the calling thread has slept so far.
    private static func sleepCount() -> Int {
        var usage = rusage()
        // RUSAGE_THREAD, which glibc shows under _GNU_SOURCE only.
        getrusage(__rusage_who_t(1), &usage)
        return usage.ru_nvcsw
    }

    @Test func `Long work makes way for a loop that has something to do, and for no other`() throws {
        let answer = OneShot<Result<(idle: Int, busy: Int, after: Int), SystemError>>()
        startThread(named: "pausing") {
            /// The sleeps of this thread in 20 ms.
            func sleeps() -> Int {
                let (before, deadline) = (Self.sleepCount(), Clock.monotonic() + .milliseconds(20))
                while Clock.monotonic() < deadline {}
                return Self.sleepCount() - before
            }
            do throws(SystemError) {
                // Nobody runs the loop: it has events as long as a message lies there.
                let loop = try EventLoop()
                let mailbox = try Mailbox<Int>(on: loop) { _ in }
                let pauses = try ProcessorPauses(every: .microseconds(400))
                pauses.makeWay(for: mailbox)
                let idle = pauses.during { sleeps() }
                mailbox.send(1)
                let (before, deadline) = (Self.sleepCount(), Clock.monotonic() + .seconds(30))
                pauses.during { while Self.sleepCount() < before + 10, Clock.monotonic() < deadline {} }
                answer.put(.success((idle, Self.sleepCount() - before, sleeps())))
            } catch {
                answer.put(.failure(error))
            }
        }.join()
        let counts = try answer.take().get()
        #expect(counts.busy >= 10)
        #expect(counts.idle <= 1 && counts.after <= 1)
    }

    @Test func `A call that a pause interrupts goes on`() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        defer {
            close(reading)
            close(writing)
        }
        let answer = OneShot<[Int]>()
        let isReading = OneShot<Bool>()
        startThread(named: "pausing") {
            guard let pauses = try? ProcessorPauses(every: .microseconds(100)) else { return answer.put([]) }
            isReading.put(true)
            answer.put(
                pauses.during {
                    (0..<20).map { _ in
                        var byte: UInt8 = 0
                        return read(reading, &byte, 1)
                    }
                }
            )
        }
        _ = isReading.take()
        for _ in 0..<20 {
            // Long enough for some pauses.
            usleep(1000)
            #expect(write(writing, "x", 1) == 1)
        }
        #expect(answer.take() == Array(repeating: 1, count: 20))
    }
}
