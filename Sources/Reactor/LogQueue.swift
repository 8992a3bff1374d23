import CLinux
import Glibc
import Synchronization
import Wire

/// Lines on their way to a descriptor that may be slow: a thread of its own writes them, so that no writer of a line
/// waits for its reader.
public final class LogQueue: Sendable {
    /// The most bytes that wait, and the most that are being written: some thousand lines, more than a burst has.
    /// Further lines are left out and counted.
    public static let byteCountMaximum = 1 << 20
    /// The longest line in bytes; the rest of a longer one is left out.
    public static let lineByteCountMaximum = 8 << 10
    /// The time that an ending process waits for its last lines.
    public static let patience: Duration = .seconds(1)

    /// The lines of this process.
    public static let standardError = LogQueue(descriptor: STDERR_FILENO)

    private struct State {
        var bytes: [UInt8] = []
        var omittedCount = 0
        var isWriting = false
        var isStarted = false
        var waiting: [Flag] = []

        var isIdle: Bool { bytes.isEmpty && omittedCount == 0 && !isWriting }
    }

    private let descriptor: Int32
    private let capacity: Int
    private let state = Mutex(State())
    private let work = Semaphore()

    /// A queue to a descriptor, which stays open for as long as the process lives.
    public init(descriptor: Int32, capacity: Int = LogQueue.byteCountMaximum) {
        self.descriptor = descriptor
        self.capacity = capacity
    }

    /// Queues a line, with characters that a terminal would obey escaped.
    ///
    /// Returns at once. If the queue is full, the line is left out, which a later line tells.
    public func write(_ line: String) {
        let text = line.printable.utf8
        var bytes = Array(text.prefix(Self.lineByteCountMaximum))
        if text.count > bytes.count { bytes += "…".utf8 }
        bytes.append(UInt8(ascii: "\n"))
        let starts = state.withLock { state in
            guard state.bytes.count + bytes.count <= capacity else {
                state.omittedCount += 1
                return false
            }
            state.bytes += bytes
            defer { state.isStarted = true }
            return !state.isStarted
        }
        if starts { startThread(named: "log") { self.run() } }
        work.signal()
    }

    /// Waits until all lines are written, or for as long as that.
    /// - Returns: true if they are.
    @discardableResult
    public func flush(within time: Duration = LogQueue.patience) -> Bool {
        guard let done = Flag() else { return false }
        let isIdle = state.withLock { state in
            if !state.isIdle { state.waiting.append(done) }
            return state.isIdle
        }
        return isIdle || done.wait(for: time)
    }

    private func run() -> Never {
        while true {
            work.wait()
            while let bytes = take() { put(bytes) }
        }
    }

    /// The lines that wait, and a note if lines were left out after them; `nil` if there are none.
    private func take() -> [UInt8]? {
        let (bytes, waiting) = state.withLock { state -> ([UInt8]?, [Flag]) in
            state.isWriting = false
            guard !state.isIdle else {
                defer { state.waiting = [] }
                return (nil, state.waiting)
            }
            var bytes = state.bytes
            if state.omittedCount > 0 {
                let lines = state.omittedCount == 1 ? "1 line was" : "\(state.omittedCount) lines were"
                bytes += "\(lines) left out here, as nobody read them\n".utf8
            }
            state.bytes = []
            state.omittedCount = 0
            state.isWriting = true
            return (bytes, [])
        }
        for flag in waiting { flag.raise() }
        return bytes
    }

    /// Writes all bytes, or gives them up if the descriptor takes none any more.
    private func put(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Whoever gave us the descriptor does not want to wait for it; this thread can.
                var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = Glibc.poll(&poll, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }
}

/// A flag that one thread raises and another waits for, within a bound.
private final class Flag: Sendable {
    private let event: Descriptor

    init?() {
        guard let raw = try? systemCall("eventfd", { clinux_eventfd() }) else { return nil }
        event = Descriptor(owning: Int32(raw))
    }

    func raise() {
        var one: UInt64 = 1
        _ = clinux_write(event.raw, &one, MemoryLayout<UInt64>.size)
    }

    /// True if it was raised in time.
    func wait(for time: Duration) -> Bool {
        let end = Clock.monotonic() + time
        while true {
            let left = max(.zero, min(end - Clock.monotonic(), .seconds(1000)))
            var poll = pollfd(fd: event.raw, events: Int16(POLLIN), revents: 0)
            let count = Glibc.poll(&poll, 1, Int32(left / .milliseconds(1)) + 1)
            if count > 0 { return true }
            if Clock.monotonic() >= end { return false }
        }
    }
}
