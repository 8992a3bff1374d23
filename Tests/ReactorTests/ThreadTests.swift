import Glibc
import Testing

@testable import Reactor

@Suite struct ThreadTests {
    @Test func `Threads of ours block every signal`() {
        let answer = OneShot<Bool>()
        startThread(named: "blocked") {
            var mask = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &mask)
            answer.put(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGPIPE) == 1)
        }.join()
        #expect(answer.take())
    }

    @Test func `A loop of its own thread is furnished before it is handed out, and its errors come back`() throws {
        let echo = OneShot<String>()
        let (mailbox, thread) = try EventLoop.start(named: "own") { loop throws(SystemError) in
            try Mailbox<String>(on: loop) { text in
                echo.put(text)
                loop.stop()
            }
        }
        mailbox.send("hello")
        #expect(echo.take() == "hello")
        thread.join()
        let error = #expect(throws: SystemError.self) {
            _ = try EventLoop.start(named: "own") { _ throws(SystemError) -> Int in
                throw SystemError(call: "x", errno: ENOENT)
            }
        }
        #expect(error?.errno == ENOENT)
    }

    @Test func `A thread asks for short turns of the processor, and only for itself`() {
        let answer = OneShot<Duration?>()
        startThread(named: "short") { answer.put(try? shortenProcessorTurns(to: .microseconds(500))) }.join()
        let length = answer.take()
        // An older kernel has none; a container may refuse it.
        #expect(length == .microseconds(500) || length == .zero || length == nil)
    }
}
