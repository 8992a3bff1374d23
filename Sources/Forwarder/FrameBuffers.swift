/// The memory that one poller reads frames into: a batch of slots, allocated once.
///
/// A frame begins at the same place of its slot wherever it comes from, 10 bytes behind a multiple of 64, so that its
/// IP header is aligned; before it there is room for the virtio-net header, or for the Geneve header it came with.
struct FrameBuffers: ~Copyable {
    /// Frames of one batch: enough to spread the cost of a wake-up and a send, few enough to stay in the cache.
    static let slotCount = 64
    /// Bytes read into one batch before it is forwarded, so that long frames do not push each other out of the cache.
    static let batchByteCountMaximum = 512 << 10
    /// Bytes of the virtio-net header in front of a TAP's frames (virtio 1.2 section 5.1.6, without num_buffers).
    static let vnetHeaderByteCount = 10
    /// The longest frame: an Ethernet header, a VLAN tag and the longest IP packet.
    static let frameByteCountMaximum = 14 + 4 + 65_535
    /// The room in front of a frame: for the longest Geneve header.
    static let headroomByteCount = 8 + 252

    /// Where a frame begins in its slot.
    private static let frameOffset = (headroomByteCount + 63) / 64 * 64 + vnetHeaderByteCount
    /// Bytes from slot to slot; no multiple of a page, so that the beginnings of all do not fall on one cache set.
    private static let stride = (frameOffset + frameByteCountMaximum + 63) / 64 * 64 + 64

    private let memory: UnsafeMutableRawPointer

    init() {
        memory = .allocate(byteCount: Self.stride * Self.slotCount, alignment: 4096)
    }

    deinit {
        memory.deallocate()
    }

    /// Where the frame in a slot begins.
    func frame(_ slot: Int) -> UnsafeMutableRawPointer {
        memory + (slot * Self.stride + Self.frameOffset)
    }
}
