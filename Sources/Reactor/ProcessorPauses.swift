import CLinux

/// Instants in which a thread of long work lets go of the processor, for loops that have something to do.
///
/// The kernel does not take the processor from long work as soon as somebody else could go on: a thread that has had
/// more than its share lately waits for the next tick (4 ms with most kernels), however short its own work is. A thread
/// that sleeps for an instant keeps its share, other than one that yields, and whoever waits is there at once. A signal
/// has it look: the work itself need not know.
public final class ProcessorPauses {
    private let timer: Int
    private let interval: Int

    /// Prepares the pauses of the calling thread, which is to be the only one to use them. For the thread's lifetime.
    /// - Parameter interval: from one pause to the next, less than a second.
    public init(every interval: Duration) throws(SystemError) {
        timer = try systemCall("timer_create") { clinux_make_pauses() }
        self.interval = Int(interval.components.attoseconds / 1_000_000_000)
    }

    deinit { clinux_end_pauses(timer) }

    /// Has the calling thread make way for the loop of a mailbox as well, which is to live as long as the thread.
    /// Loops beyond `CLINUX_PAUSE_LOOP_MAXIMUM` are passed over.
    public func makeWay<Message>(for mailbox: Mailbox<Message>) { _ = clinux_pause_for(mailbox.loopDescriptor) }

    /// Does work with pauses.
    public func during<Result>(_ work: () -> Result) -> Result {
        _ = clinux_set_pauses(timer, interval)
        defer { _ = clinux_set_pauses(timer, 0) }
        return work()
    }
}
