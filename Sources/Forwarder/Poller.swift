import CLinux
import Glibc
import Reactor

/// A thread that moves packets, as the control thread has it: its memory, its epoll, its wake-up.
final class Poller {
    /// EPOLLET.
    private static let edgeTriggered: UInt32 = 1 << 31

    let name: String
    let words = PollerWords()
    let counters = CounterBlock()
    let facts = FactRings()
    private let epoll: Descriptor
    private let wake: Descriptor
    private var thread: Thread?

    /// - Parameters:
    ///   - notify: an eventfd that the poller writes when it has seen a generation or a device has failed.
    ///   - queue: the queue of ports that it writes to.
    ///   - lane: the lane of captures that is this poller's.
    ///   - rings: those of guests; they outlive the poller.
    init(name: String, notify: Descriptor, queue: Int, lane: Int, rings: RingTable) throws(SystemError) {
        self.name = name
        epoll = Descriptor(owning: Int32(try systemCall("epoll_create") { clinux_epoll_create() }))
        wake = Descriptor(owning: Int32(try systemCall("eventfd") { clinux_eventfd() }))
        // Edge-triggered and never read: each write is one event, and none is lost between two looks at the words.
        try systemCall("epoll_ctl") {
            clinux_epoll_add(epoll.raw, wake.raw, CLINUX_EPOLLIN | Self.edgeTriggered, PollerLoop.wakeEvent)
        }
        let context = PollerContext(
            words: words,
            counters: counters,
            facts: facts,
            queue: queue,
            lane: lane,
            epoll: epoll.raw,
            notify: notify.raw,
            rings: rings
        )
        thread = startThread(named: name) {
            var loop = PollerLoop(context)
            loop.run()
        }
    }

    deinit {
        stop()
        words.deallocate()
        counters.deallocate()
        facts.deallocate()
    }

    /// Ends the thread and waits for it; what was published is no longer used then.
    func stop() {
        words.stop()
        wakeUp()
        thread?.join()
    }

    /// Gives the poller a generation to forward by; `words.seen` says when it does.
    func publish(_ generation: OwnedGeneration) {
        words.publish(generation.pointer)
        wakeUp()
    }

    /// Lets the poller read a queue of a device or of the underlay, after the generation with it has been published.
    func watch(_ descriptor: Descriptor, as source: CounterBlock.Source, queue: Int) throws(SystemError) {
        try systemCall("epoll_ctl") {
            clinux_epoll_add(epoll.raw, descriptor.raw, CLINUX_EPOLLIN, UInt64(queue) << 32 | UInt64(source))
        }
    }

    /// Lets it read no more. To be called before the descriptor is closed: the agent has a duplicate, which keeps the
    /// file open and, in the kernel's eyes, watched.
    func unwatch(_ descriptor: Descriptor) {
        // ENOENT: the poller has done so itself when the device failed.
        _ = clinux_epoll_remove(epoll.raw, descriptor.raw)
    }

    private func wakeUp() {
        var one: UInt64 = 1
        _ = clinux_write(wake.raw, &one, 8)
    }
}

/// The raw memory and descriptors of a poller's thread, owned by its `Poller`.
struct PollerContext: Sendable {
    let words: PollerWords
    let counters: CounterBlock
    let facts: FactRings
    let queue: Int
    let lane: Int
    let epoll: Int32
    let notify: Int32
    let rings: RingTable
}

/// The loop of a poller: wait, take the newest generation, drain each ready source of a batch, again.
struct PollerLoop: ~Copyable {
    /// The data of epoll's event for a wake-up.
    static let wakeEvent = UInt64.max
    /// Sources served in one turn. Those left are ready in the next: epoll takes turns among them.
    private static let eventCountMaximum = 64

    private let context: PollerContext
    private var frames: FrameSwitch<DeviceIO, UDPIO>
    private let events: UnsafeMutablePointer<epoll_event>
    private var pauses = PauseList()

    init(_ context: PollerContext) {
        self.context = context
        frames = FrameSwitch(
            ports: DeviceIO(rings: context.rings),
            underlay: UDPIO(),
            counters: context.counters,
            facts: context.facts,
            queue: context.queue,
            lane: context.lane,
            notify: context.notify
        )
        events = .allocate(capacity: Self.eventCountMaximum)
    }

    deinit {
        events.deallocate()
    }

    mutating func run() {
        var seen: UInt64 = 0
        while true {
            let count = clinux_epoll_wait(context.epoll, events, Int32(Self.eventCountMaximum), pauses.patience)
            if context.words.isStopping { return }
            guard let generation = context.words.published else { continue }
            if generation.pointee.number != seen {
                seen = generation.pointee.number
                context.words.see(seen)
                notify()
            }
            for index in 0..<max(0, count) { serve(clinux_epoll_data(events + index), generation) }
            if !pauses.isEmpty { goOn(generation) }
        }
    }

    private mutating func serve(_ event: UInt64, _ generation: UnsafeMutablePointer<Generation>) {
        if event == Self.wakeEvent { return }
        let source = CounterBlock.Source(UInt32(truncatingIfNeeded: event))
        let queue = Int(truncatingIfNeeded: event >> 32)
        if source == CounterBlock.underlay {
            frames.drainUnderlay(generation, queue: queue, now: Clock.monotonic())
        } else {
            let failure = frames.drainPort(source, generation, queue: queue, now: Clock.monotonic())
            if failure != 0 {
                giveUp(source, queue, generation, errno: failure)
            } else if let end = frames.pause {
                // Else epoll would tell of what is there without end.
                if pauses.add(event, until: end) { watch(event, 0, generation) }
            }
        }
    }

    /// Goes on with the ports whose pause is over. They are looked at at once: guests with rings do not tell again of
    /// what they have told.
    private mutating func goOn(_ generation: UnsafeMutablePointer<Generation>) {
        let now = Clock.monotonic()
        var count = pauses.count
        while count > 0, let event = pauses.next(endedBy: now) {
            count -= 1
            watch(event, CLINUX_EPOLLIN, generation)
            serve(event, generation)
        }
    }

    private func watch(_ event: UInt64, _ events: UInt32, _ generation: UnsafeMutablePointer<Generation>) {
        let slot = CounterBlock.Source(UInt32(truncatingIfNeeded: event))
        let device = generation.pointee.device(slot, Int(truncatingIfNeeded: event >> 32))
        // One that is gone is watched no more: ENOENT.
        if device >= 0 { _ = clinux_epoll_modify(context.epoll, descriptor(of: device), events, event) }
    }

    private func descriptor(of device: Int32) -> Int32 {
        DeviceHandle.isRings(device)
            ? context.rings.kick(DeviceHandle.number(device)) : DeviceHandle.descriptor(device)
    }

    /// Reads a device that is gone no more: epoll would tell of its error without end.
    private func giveUp(_ slot: Int, _ queue: Int, _ generation: UnsafeMutablePointer<Generation>, errno: Int32) {
        _ = clinux_epoll_remove(context.epoll, descriptor(of: generation.pointee.device(slot, queue)))
        context.words.fail(slot, generation: generation.pointee.number, errno: errno)
        notify()
    }

    private func notify() {
        var one: UInt64 = 1
        _ = clinux_write(context.notify, &one, 8)
    }
}
