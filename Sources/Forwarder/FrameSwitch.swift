import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Wire

/// The path of packets on one poller: read what a source has, decide on each frame, send what goes out in as few calls
/// as can be, count. It is the same whether ports and underlay are devices or in memory.
///
/// Nothing here allocates, retains, locks or waits. A batch is forwarded by one generation from its first frame to its
/// last, and nothing is kept for the next but decisions, which are tagged with the tables that made them.
struct FrameSwitch<Ports: PortIO, Underlay: UnderlayIO>: ~Copyable {
    /// Batches that a source may have in one turn, so that none waits for another.
    static var batchesPerTurnMaximum: Int { 8 }
    /// The frames of a batch of a port with a limit: what has been read is owed, and should take little time.
    static var limitedFrameCountMaximum: Int { 8 }

    let ports: Ports
    let underlay: Underlay
    let counters: CounterBlock
    /// The facts for the control thread; `nil` if nobody listens.
    let facts: FactRings?
    /// The queue of a port that frames are written to: the kernel lets a guest answer on the queue that it was reached
    /// by, so that each poller's flows stay apart.
    let queue: Int
    /// The lane of captures that is this poller's.
    let lane: Int
    /// An eventfd to write when there is a claim, when a guest has activated its port, or when the kernel has refused a
    /// datagram as too long for a path that was said to carry it; -1 for none.
    let notify: Int32
    let flows = FlowCache()

    // From ports
    var buffer = PortBuffer()
    let states: UnsafeMutablePointer<FrameState>
    var sending = TrainBatch()
    let headers = SegmentHeaders()
    let tags = TagScratch()
    var headerCount = 0
    /// The places whose route cuts no trains: datagrams to there leave one by one.
    let uncutPlaces = RefusalMemory(count: 1024)
    /// Tells the fragments of one IPv6 packet from those of another.
    var fragmentIdentification = UInt32.random(in: 0 ... .max)

    /// The used parts of ports' limits, and the time of their use.
    let budgets = PortBudgets(count: ForwarderProtocol.portCountMaximum)
    var now = Duration.zero
    /// The time until which the port that was drained last is to be left alone; `nil` if it may send.
    var pause: Duration?

    // From the underlay
    /// The used parts of the limits of other hosts' ports: so many are told apart, since a host does not know their
    /// number.
    let distantBudgets = PortBudgets(count: 1 << 16)
    let receiving = ReceiveBatch()
    var runs = RunTable()
    /// The place that the last datagram of a message went to; its run has been decided on for that message's sender.
    var lastPlace: UnsafeMutablePointer<RunTable.Place>?
    /// True if the last batch was a long one.
    var wasLong = false
    /// The ports whose device takes no UDP datagrams that stand for many: theirs are not merged.
    let unmergedPorts = RefusalMemory(count: ForwarderProtocol.portCountMaximum)
    /// The answers to probes of other hosts, within a budget.
    let echo = ProbeEcho()
    var echoBudget = EchoBudget()

    /// Room for the headers of frames of nested ports.
    let nestedHeader = NestedHeader()
    /// Room for an answer after a virtio-net header.
    let reply: UnsafeMutableRawBufferPointer
    /// The room for decisions with more than one output.
    let room = VerdictRoom()
    var verdict: UnsafeMutablePointer<Verdict> { room.verdict }
    /// The headers of a frame that is changed for one of its outputs.
    let original = OriginalHeader()

    /// The copy of a frame on its way to collectors.
    let copies = MirrorCopies()
    /// The records of a batch's frames, if their port is captured.
    var arrivals = CapturedArrivals()

    /// The state of a frame in a batch.
    struct FrameState {
        /// Of its flow, for the cache; 0 if that is not known.
        var hash = 0
        /// The frames that it stands for.
        var frameCount = 0
        var byteCount = 0
        /// True if a copy of it, or an answer, went out.
        var isForwarded = false
        /// True if its sender has been told that it is too long.
        var isAnswered = false
        /// True if the checksum that was left to be completed has been.
        var isComplete = false
        /// The reason why a copy, or all of it, went nowhere.
        var failure: DropReason?
    }

    init(
        ports: Ports,
        underlay: Underlay,
        counters: CounterBlock,
        facts: FactRings? = nil,
        queue: Int = 0,
        lane: Int = 0,
        notify: Int32 = -1
    ) {
        self.ports = ports
        self.underlay = underlay
        self.counters = counters
        self.facts = facts
        self.queue = queue
        self.lane = lane
        self.notify = notify
        states = .allocate(capacity: PortBuffer.frameCountMaximum)
        states.initialize(repeating: FrameState(), count: PortBuffer.frameCountMaximum)
        reply = .allocate(byteCount: 64 + Verdict.replyByteCountMaximum, alignment: 64)
    }

    deinit {
        states.deallocate()
        reply.deallocate()
        room.deallocate()
    }

    /// Writes a frame, its virtio-net header in front of it, to a port.
    /// - Parameter frameCount: the frames that it stands for.
    func write(
        _ frame: UnsafeMutableRawPointer,
        _ byteCount: Int,
        to slot: Int,
        _ generation: UnsafePointer<Generation>,
        frameCount: Int = 1
    ) -> DropReason? {
        var part = iovec(
            iov_base: frame - OffloadHeader.byteCount,
            iov_len: OffloadHeader.byteCount + byteCount
        )
        let result = put(&part, 1, to: slot, generation)
        let failure = account(result, slot, frameCount: frameCount, byteCount: byteCount)
        if let tap = generation.pointee.tap(slot) {
            capture(&part, byteCount: byteCount, frameCount: frameCount, failure.map { .untaken($0) }, tap)
        }
        if failure == nil, let list = generation.pointee.mirrors(slot) {
            mirror(&part, 1, byteCount: byteCount, frameCount: frameCount, of: slot, isSent: false, list, generation)
        }
        return failure
    }

    /// Gives a frame, its virtio-net header in front of it, to the device of a port.
    @inline(__always)
    func put(
        _ parts: UnsafePointer<iovec>,
        _ count: Int,
        to slot: Int,
        _ generation: UnsafePointer<Generation>
    ) -> Int {
        let device = generation.pointee.device(slot, queue)
        return device < 0 ? putNested(parts, count, to: slot, generation) : ports.write(device, parts, count)
    }

    /// Counts what was written to a port, or was not; why not.
    func account(_ result: Int, _ slot: Int, frameCount: Int, byteCount: Int) -> DropReason? {
        guard result >= 0 else {
            counters.add(UInt64(frameCount), to: .unsentFrames, of: slot)
            return Self.reason(result)
        }
        counters.add(UInt64(frameCount), to: .sentFrames, of: slot)
        counters.add(UInt64(byteCount), to: .sentBytes, of: slot)
        return nil
    }

    /// The reason why a socket or device took nothing.
    static func reason(_ result: Int) -> DropReason {
        switch Int32(truncatingIfNeeded: -result) {
        case EAGAIN, ENOBUFS, ENOMEM: .noRoom
        case EMSGSIZE: .frameTooLong
        default: .outputError
        }
    }
}

/// The headers of a batch's segments, each after room for its Geneve header.
struct SegmentHeaders: ~Copyable {
    /// Headers of one batch: two trains' worth.
    static let countMaximum = 2 * TrainBatch.datagramCountMaximum
    private static let stride = Verdict.geneveHeaderByteCount + Superpacket.headerByteCountMaximum

    private let memory: UnsafeMutableRawPointer

    init() {
        memory = .allocate(byteCount: Self.countMaximum * Self.stride, alignment: 64)
    }

    deinit {
        memory.deallocate()
    }

    subscript(index: Int) -> UnsafeMutableRawPointer { memory + index * Self.stride }
}
