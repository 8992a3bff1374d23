import Datapath

/// The memory that one poller receives datagrams into: a batch of slots.
///
/// A frame begins at the same place of its slot if it has the usual Geneve header, 10 bytes after a multiple of 64, so
/// that its IP header is aligned; the virtio-net header will take the place of the Geneve header's last bytes.
struct FrameBuffers: ~Copyable {
    /// Messages of one batch: enough to spread the cost of a wake-up, few enough to stay in the cache.
    static let slotCount = 64
    /// The longest frame: an Ethernet header, a VLAN tag and the longest IP packet.
    static let frameByteCountMaximum = 14 + 4 + 65_535
    private static let frameOffset = 64 + OffloadHeader.byteCount
    /// Bytes from slot to slot; no multiple of a page, so that the beginnings of all do not fall on one cache set.
    private static let stride = (frameOffset + frameByteCountMaximum + 63) / 64 * 64 + 64

    private let memory: UnsafeMutableRawPointer

    init() {
        memory = .allocate(byteCount: Self.stride * Self.slotCount, alignment: 4096)
    }

    deinit {
        memory.deallocate()
    }

    func frame(_ slot: Int) -> UnsafeMutableRawPointer {
        memory + (slot * Self.stride + Self.frameOffset)
    }
}

/// The memory that one poller reads ports' frames into, one after the other with room for a Geneve header between
/// them: small frames then lie there as the train that they leave in.
struct PortBuffer: ~Copyable {
    /// Frames of one batch, which are the bits of a word.
    static let frameCountMaximum = 64
    /// Bytes of a batch after which no more is read: a train's worth, which stays in the cache.
    static let batchByteCountMaximum = TrainBatch.trainByteCountMaximum
    /// The room in front of each frame.
    static let room = Verdict.geneveHeaderByteCount
    /// The room in front of the first frame beyond that: headers may grow.
    private static let lead = 16
    private static var byteCountMaximum: Int {
        lead + batchByteCountMaximum + room + FrameBuffers.frameByteCountMaximum
    }

    private let memory: UnsafeMutableRawPointer
    private var byteCount = 0

    init() {
        memory = .allocate(byteCount: Self.byteCountMaximum, alignment: 64)
    }

    deinit {
        memory.deallocate()
    }

    /// The place of the next frame, with room for `FrameBuffers.frameByteCountMaximum` bytes, if the batch is not full.
    var next: UnsafeMutableRawPointer { memory + (Self.lead + byteCount + Self.room) }

    var isFull: Bool { byteCount >= Self.batchByteCountMaximum }

    /// A frame has been read.
    mutating func take(_ frameByteCount: Int) { byteCount += Self.room + frameByteCount }

    mutating func removeAll() { byteCount = 0 }
}
