import Glibc
import Logging
import Testing

@testable import Reactor

@Suite struct LogQueueTests {
    /// A pipe, whose reading side takes what there is.
    private final class Pipe: Sendable {
        let (reading, writing): (Int32, Int32)

        init() {
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            (reading, writing) = (ends[0], ends[1])
        }

        deinit {
            close(reading)
        }

        /// Reads until a text has come.
        func text(upTo end: String) -> String { text { $0.hasSuffix(end) } }

        /// Reads until the text is whole.
        func text(until isWhole: (String) -> Bool) -> String {
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while !isWhole(String(decoding: bytes, as: UTF8.self)) {
                let count = read(reading, &buffer, buffer.count)
                guard count > 0 else { break }
                bytes += buffer[..<count]
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    @Test func `lines come in order, each on one line, with nothing that a terminal obeys`() {
        let pipe = Pipe()
        let queue = LogQueue(descriptor: pipe.writing)
        queue.write("first")
        queue.write("x\n2026-01-01T00:00:00+0000 warning central: forged \u{1b}[31m\u{9b}")
        queue.write("last")
        #expect(queue.flush(within: .seconds(60)))
        #expect(
            pipe.text(upTo: "last\n")
                == "first\nx\\n2026-01-01T00:00:00+0000 warning central: forged \\x1b[31m\\x9b\nlast\n"
        )
    }

    @Test func `nobody who says something waits for a reader; what has no room is counted and told`() {
        let pipe = Pipe()
        let queue = LogQueue(descriptor: pipe.writing, capacity: 10_000)
        // More than the pipe, the queue and what is being written hold together; it would never end by itself.
        let line = String(repeating: "x", count: 999)
        for _ in 0..<1000 { queue.write(line) }
        #expect(!queue.flush(within: .milliseconds(10)))
        queue.write("end")
        func writtenCount(_ text: String) -> Int { text.split(separator: "\n").count { $0 == line || $0 == "end" } }
        let text = pipe.text { text in
            let counts = text.matches(of: /([0-9]+) lines? w[a-z]+ left out here/).compactMap { Int($0.1) }
            return writtenCount(text) + counts.reduce(0, +) == 1001
        }
        #expect(writtenCount(text) < 200)
        // There is room again.
        queue.write("more")
        #expect(pipe.text(upTo: "more\n").hasSuffix("more\n"))
        #expect(queue.flush(within: .seconds(60)))
    }

    @Test func `a line has a bound`() {
        let pipe = Pipe()
        let queue = LogQueue(descriptor: pipe.writing)
        queue.write(String(repeating: "y", count: 3 * LogQueue.lineByteCountMaximum))
        #expect(pipe.text(upTo: "\n") == String(repeating: "y", count: LogQueue.lineByteCountMaximum) + "…\n")
    }

    @Test func `a descriptor that is closed or does not wait is no reason to hang`() {
        let closed = Pipe()
        signal(SIGPIPE, SIG_IGN)
        let queue = LogQueue(descriptor: -1)
        queue.write("lost")
        #expect(queue.flush(within: .seconds(60)))
        _ = fcntl(closed.writing, F_SETFL, O_NONBLOCK)
        let patient = LogQueue(descriptor: closed.writing)
        let line = String(repeating: "z", count: 999)
        for _ in 0..<200 { patient.write(line) }
        patient.write("end")
        #expect(closed.text(upTo: "end\n").split(separator: "\n").count == 201)
    }

    @Test func `a logger's messages are lines as they always were, and a critical one is written before it returns`() {
        let pipe = Pipe()
        let queue = LogQueue(descriptor: pipe.writing)
        var logger = Logger(label: "central") { QueuedLogHandler(label: $0, queue: queue) }
        logger[metadataKey: "k"] = "v\n"
        logger.debug("not said")
        logger.warning("a\u{07}b")
        logger.critical("it ends")
        let form =
            /[0-9-]{10}T[0-9:]{8}[+-][0-9]{4} warning central: k=v\\n \[ReactorTests\] a\\x07b\n.* critical .*it ends\n/
        #expect(pipe.text(upTo: "it ends\n").wholeMatch(of: form) != nil)
    }
}
