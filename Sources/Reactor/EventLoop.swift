import CLinux
import Glibc

/// Waits for descriptors, timers, signals and messages, and runs what was asked for, all on one thread.
///
/// Everything of a loop but `Mailbox.send` is for its own thread: the one that calls `run`. Handlers run to their end
/// one after the other; they may register, cancel and schedule freely, also what is ready in the same turn.
public final class EventLoop {
    /// The most timers a loop holds at once: one for each of its connections, of which a port has a million at most and
    /// a process three ports; what else is timed has a bound of its own. More is a leak of ours, not load.
    public static let timerCountMaximum = 1 << 22
    /// The most bodies deferred within one turn; more is a loop of ours that does not end.
    public static let deferredCountMaximum = 1 << 18
    /// Events fetched by one wait, and so the most handlers that run between two looks at the clock.
    static let eventCountMaximum = 256

    /// The time of this turn on CLOCK_MONOTONIC: comparable over processes of one boot, taken after each wait.
    public private(set) var now: Duration

    /// The time that its turns take.
    public let turnMeter = TurnMeter()

    private let epoll: Descriptor
    /// Readable while there are events.
    var descriptor: Int32 { epoll.raw }
    private let events: UnsafeMutablePointer<epoll_event>
    private var registrations = RegistrationTable()
    private var timers = TimerQueue()
    private var deferred: [() -> Void] = []
    private var isStopping = false
    var signals: SignalHandlers?

    /// A loop with nothing to wait for yet.
    public init() throws(SystemError) {
        epoll = Descriptor(owning: Int32(try systemCall("epoll_create") { clinux_epoll_create() }))
        events = .allocate(capacity: Self.eventCountMaximum)
        now = Clock.monotonic()
    }

    deinit {
        events.deallocate()
    }

    /// Runs until `stop`. May be called again after that.
    public func run() {
        isStopping = false
        while !isStopping { turn(mayWait: true) }
    }

    /// Ends `run` after the present turn.
    public func stop() {
        isStopping = true
    }

    /// Runs `body` at the end of this turn; what it defers itself runs at the end of the next, which comes at once.
    public func `defer`(_ body: @escaping () -> Void) {
        precondition(deferred.count < Self.deferredCountMaximum, "bodies are deferred without end")
        deferred.append(body)
    }

    /// Waits on `descriptor`, level-triggered, until the registration is cancelled, which must be before it is closed.
    ///
    /// With neither interest the handler is still told once more of an error or a hang-up. A handler that has read the
    /// end of a stream and keeps the registration must stop asking for reads: the end stays readable.
    /// - Throws: EEXIST for a descriptor that is registered already; EPERM for one epoll cannot wait on (a file).
    public func register(
        _ descriptor: Int32,
        reads: Bool,
        writes: Bool,
        _ handler: @escaping (Readiness) -> Void
    ) throws(SystemError) -> Registration {
        let interest = Readiness(reads: reads, writes: writes)
        let key = registrations.insert(descriptor: descriptor, interest: interest, handler: handler)
        do throws(SystemError) {
            try systemCall("epoll_ctl") { clinux_epoll_add(epoll.raw, descriptor, interest.events, key) }
        } catch {
            _ = registrations.remove(key)
            throw error
        }
        return Registration(loop: self, key: key)
    }

    /// Runs `body` once, `delay` from `now` or as soon after as the loop is free; not within this turn even for zero.
    @discardableResult
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) -> TimerHandle {
        precondition(timers.count < Self.timerCountMaximum, "timers are set without end")
        return TimerHandle(loop: self, number: timers.insert(at: now + delay, body))
    }

    func cancelTimer(_ number: UInt64) {
        timers.cancel(number)
    }

    func update(_ key: RegistrationTable.Key, interest: Readiness) throws(SystemError) {
        // An entry that epoll does not know has no interest.
        guard registrations.interest(of: key) != interest, let entry = registrations[key] else { return }
        try systemCall("epoll_ctl") {
            entry.isArmed
                ? clinux_epoll_modify(epoll.raw, entry.descriptor, interest.events, key)
                : clinux_epoll_add(epoll.raw, entry.descriptor, interest.events, key)
        }
        registrations.update(key, interest: interest, isArmed: true)
    }

    func cancel(_ key: RegistrationTable.Key) {
        guard let entry = registrations.remove(key), entry.isArmed else { return }
        let result = clinux_epoll_remove(epoll.raw, entry.descriptor)
        precondition(result == 0, "descriptor \(entry.descriptor) was closed before its registration was cancelled")
        // The handler may be the last to hold the descriptor.
        withExtendedLifetime(entry) {}
    }

    /// One wait and what came of it. Tests call it with `mayWait` false.
    func turn(mayWait: Bool) {
        let count = max(0, clinux_epoll_wait(epoll.raw, events, Int32(Self.eventCountMaximum), mayWait ? patience : 0))
        now = Clock.monotonic()
        for index in 0..<count { dispatch(events[index]) }
        let bound = timers.bound
        while let body = timers.popDue(at: now, setBefore: bound) { body() }
        let bodies = deferred
        deferred = []
        for body in bodies { body() }
        turnMeter.note(from: now, to: Clock.monotonic())
    }

    /// The time to wait, in milliseconds rounded up so that a timer is due when the wait is over; -1 for ever.
    private var patience: Int32 {
        guard deferred.isEmpty else { return 0 }
        guard let deadline = timers.nextDeadline() else { return -1 }
        let left = deadline - Clock.monotonic()
        guard left > .zero else { return 0 }
        let (seconds, attoseconds) = left.components
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    private func dispatch(_ event: epoll_event) {
        let key = event.data.u64
        guard let handler = registrations.handler(of: key) else { return }
        let wasAsked = registrations.interest(of: key) != []
        handler(Readiness(events: event.events))
        // epoll tells of errors and hang-ups unasked and for ever: with no interest still, nobody would take them away.
        guard !wasAsked, registrations.interest(of: key) == [], let after = registrations[key], after.isArmed
        else { return }
        _ = clinux_epoll_remove(epoll.raw, after.descriptor)
        registrations.update(key, interest: [], isArmed: false)
    }
}

extension Readiness {
    fileprivate init(reads: Bool, writes: Bool) {
        self = reads ? (writes ? [.readable, .writable] : .readable) : (writes ? .writable : [])
    }
}

/// A descriptor a loop waits on. The loop keeps it until `cancel`, whoever holds this value.
public struct Registration {
    let loop: EventLoop
    let key: RegistrationTable.Key

    /// Changes what is waited for; after `cancel` it does nothing.
    public func update(reads: Bool, writes: Bool) throws(SystemError) {
        try loop.update(key, interest: Readiness(reads: reads, writes: writes))
    }

    /// Ends the waiting at once: the handler is not called again, not even for what is ready in this turn. May be
    /// repeated.
    public func cancel() {
        loop.cancel(key)
    }
}

/// A timer that was set.
public struct TimerHandle {
    let loop: EventLoop
    let number: UInt64

    /// Takes the timer back; nothing happens when it has run. May be repeated.
    public func cancel() {
        loop.cancelTimer(number)
    }
}
