import CLinux
import Synchronization

/// The way from any thread to the thread of a loop: messages in order of sending, each received once.
///
/// The loop is woken by an eventfd, written only when the queue was empty: a burst costs one wake-up.
public final class Mailbox<Message: Sendable>: Sendable {
    private let shared: SharedQueue<Message>
    /// Readable while the loop has something to do: events of this mailbox, or of anything else.
    let loopDescriptor: Int32

    /// A mailbox whose messages `receive` gets, on `loop`'s thread, in the turn after they were sent.
    /// - Parameters:
    ///   - capacity: the most messages that wait; the default is `mailboxMessageCountMaximum`.
    ///   - loop: it keeps the mailbox's receiving side for as long as it lives.
    public init(
        on loop: EventLoop,
        capacity: Int = mailboxMessageCountMaximum,
        _ receive: @escaping (Message) -> Void
    ) throws(SystemError) {
        let wake = Descriptor(owning: Int32(try systemCall("eventfd") { clinux_eventfd() }))
        let shared = SharedQueue<Message>(wake: wake, capacity: capacity)
        self.shared = shared
        loopDescriptor = loop.descriptor
        _ = try loop.register(wake.raw, reads: true, writes: false) { _ in
            for message in shared.takeAll() { receive(message) }
        }
    }

    /// Sends from any thread.
    /// - Returns: false when the mailbox is full; the message was not taken then.
    @discardableResult
    public func send(_ message: Message) -> Bool {
        shared.append(message)
    }
}

/// The most messages that wait in a mailbox unless it says otherwise. Senders are bounded themselves, one request a
/// connection; this is for the case that the receiver hangs.
public let mailboxMessageCountMaximum = 1 << 18

private final class SharedQueue<Message: Sendable>: Sendable {
    private let wake: Descriptor
    private let capacity: Int
    private let messages = Mutex<[Message]>([])

    init(wake: Descriptor, capacity: Int) {
        self.wake = wake
        self.capacity = capacity
    }

    func append(_ message: Message) -> Bool {
        let countBefore = messages.withLock { messages in
            let count = messages.count
            if count < capacity { messages.append(message) }
            return count
        }
        guard countBefore < capacity else { return false }
        if countBefore == 0 {
            var one: UInt64 = 1
            // A full counter (EAGAIN) would be a wake-up too.
            _ = clinux_write(wake.raw, &one, MemoryLayout<UInt64>.size)
        }
        return true
    }

    func takeAll() -> [Message] {
        // The counter first: a message that comes between is then taken now and costs one empty turn later.
        var count: UInt64 = 0
        _ = clinux_read(wake.raw, &count, MemoryLayout<UInt64>.size)
        return messages.withLock { messages in
            let taken = messages
            messages = []
            return taken
        }
    }
}
