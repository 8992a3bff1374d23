import CLinux
import Datapath
import Glibc

/// What one poller has taken from the kernel and not yet handed on: the batch of frames or of messages that is under
/// way, where it was read to. It lies in memory that outlives the process (`Journal`), so that the next forwarder hands
/// on what this one could not: killed at any instruction, a poller loses nothing and repeats one batch at most.
///
/// The packet path pays with a few stores: a mark in front of each frame that is read, its length behind the read, and
/// the header octets that a write to a port changes. `PollerJournal+Recovery` reads it back.
struct PollerJournal: @unchecked Sendable {
    /// The octets in front of a frame that marks and headers take.
    static var room: Int { Verdict.geneveHeaderByteCount }
    /// Room in front of a frame that no read has reached: all ones, which no virtio-net header begins with.
    static var mark: UInt64 { .max }
    /// Headers that are saved: what lies in front of a frame, and the frame's own.
    static var savedByteCountMaximum: Int { room + Superpacket.headerByteCountMaximum }

    // Where things lie; sums of constants.
    private static var lengthsOffset: Int { 128 }
    private static var savedOffset: Int { lengthsOffset + PortBuffer.frameCountMaximum * 4 }
    private static var messagesOffset: Int { 1024 }
    private static var sourcesOffset: Int { messagesOffset + FrameBuffers.slotCount * 64 }
    private static var controlsOffset: Int { sourcesOffset + FrameBuffers.slotCount * 128 }
    private static var partsOffset: Int { controlsOffset + FrameBuffers.slotCount * Int(CLINUX_CONTROL_SIZE) }
    private static var portsOffset: Int { partsOffset + FrameBuffers.slotCount * 16 }
    private static var framesOffset: Int { (portsOffset + PortBuffer.byteCount + 4095) / 4096 * 4096 }
    /// Octets of one poller's part: whole pages.
    static var byteCount: Int { (framesOffset + FrameBuffers.byteCount + 4095) / 4096 * 4096 }

    enum Word: Int {
        /// The key of the port whose frames are under way; 0 while none are.
        case port
        /// How many of them have been read.
        case frameCount
        /// The messages of the underlay that are under way, or for which there is room; 0 while none are.
        case messageCount
        /// Which of a predecessor's frames or datagrams is being handed on, from 1 on; 0 but for recovery.
        case recovering
        /// Where in the memory the frame lies whose headers are saved; 0 for none.
        case savedFrame
        case savedByteCount
    }

    let memory: UnsafeMutableRawPointer
    /// The lengths of the frames that have been read.
    let lengths: UnsafeMutablePointer<UInt32>
    /// The saved headers.
    let saved: UnsafeMutableRawPointer
    let messages: UnsafeMutablePointer<clinux_mmsghdr>
    let sources: UnsafeMutablePointer<sockaddr_storage>
    let controls: UnsafeMutableRawPointer
    /// Where messages are received to, for this process.
    let parts: UnsafeMutablePointer<iovec>
    /// A port's frames, one behind the other.
    let portMemory: UnsafeMutableRawPointer
    /// The slots of messages.
    let frameMemory: UnsafeMutableRawPointer

    /// - Parameter memory: `byteCount` octets on a page's begin; those that nobody has used are 0.
    init(_ memory: UnsafeMutableRawPointer) {
        self.memory = memory
        let count = FrameBuffers.slotCount
        lengths = (memory + Self.lengthsOffset).bindMemory(to: UInt32.self, capacity: PortBuffer.frameCountMaximum)
        saved = memory + Self.savedOffset
        messages = (memory + Self.messagesOffset).bindMemory(to: clinux_mmsghdr.self, capacity: count)
        sources = (memory + Self.sourcesOffset).bindMemory(to: sockaddr_storage.self, capacity: count)
        controls = memory + Self.controlsOffset
        parts = (memory + Self.partsOffset).bindMemory(to: iovec.self, capacity: count)
        portMemory = memory + Self.portsOffset
        frameMemory = memory + Self.framesOffset
    }

    @inline(__always)
    func load(_ word: Word) -> UInt64 { clinux_load_relaxed(pointer(word)) }

    /// Stores a word after everything before it.
    @inline(__always)
    func store(_ value: UInt64, _ word: Word) {
        clinux_keep_order()
        clinux_store_release(pointer(word), value)
        clinux_keep_order()
    }

    // A port's frames

    /// Before a frame is read to this place: what a read that is cut short has reached shows.
    @inline(__always)
    func markUnread(_ frame: UnsafeMutableRawPointer) {
        (frame - Self.room).storeBytes(of: Self.mark, as: UInt64.self)
        (frame - 8).storeBytes(of: Self.mark, as: UInt64.self)
    }

    /// A batch begins; the first place is marked.
    func beginFrames(of port: UInt64) { store(port, .port) }

    /// A frame has been read; the next place is marked.
    @inline(__always)
    func take(_ number: Int, byteCount: Int) {
        lengths[number] = UInt32(truncatingIfNeeded: byteCount)
        store(UInt64(truncatingIfNeeded: number &+ 1), .frameCount)
    }

    /// All of them have been handed on.
    func endFrames() {
        store(0, .port)
        store(0, .frameCount)
    }

    // Messages of the underlay

    /// Before messages are received: their lengths have been reset, and the kernel sets each as it fills one.
    func beginMessages(_ count: Int) { store(UInt64(truncatingIfNeeded: count), .messageCount) }

    /// All of them have been handed on.
    func endMessages() { store(0, .messageCount) }

    /// Before a write changes headers of a received frame: what was there, for who has to begin again.
    /// - Parameter headerByteCount: octets of the frame itself that change.
    @inline(__always)
    func save(_ frame: UnsafeMutableRawPointer, headerByteCount: Int = 0) {
        store(0, .savedFrame)
        let room = frame - Self.room
        saved.storeBytes(of: room.loadUnaligned(as: UInt64.self), as: UInt64.self)
        saved.storeBytes(of: (room + 8).loadUnaligned(as: UInt64.self), toByteOffset: 8, as: UInt64.self)
        let own = min(headerByteCount, Superpacket.headerByteCountMaximum)
        if own > 0 { (saved + Self.room).copyMemory(from: frame, byteCount: own) }
        clinux_store_relaxed(pointer(.savedByteCount), UInt64(truncatingIfNeeded: Self.room &+ own))
        store(UInt64(truncatingIfNeeded: frame - memory), .savedFrame)
    }

    /// Undoes what has changed since `save`.
    func restore() {
        let frame = Int(truncatingIfNeeded: load(.savedFrame))
        let byteCount = Int(truncatingIfNeeded: load(.savedByteCount))
        guard frame >= Self.framesOffset + Self.room, frame <= Self.byteCount - Self.savedByteCountMaximum,
            byteCount >= 0, byteCount <= Self.savedByteCountMaximum
        else { return }
        (memory + (frame - Self.room)).copyMemory(from: saved, byteCount: byteCount)
        store(0, .savedFrame)
    }

    @inline(__always)
    private func pointer(_ word: Word) -> UnsafeMutablePointer<UInt64> {
        (memory + word.rawValue &* 8).assumingMemoryBound(to: UInt64.self)
    }
}

/// A port's name as a word: what the journal calls a port by, since slots are numbered anew in each process (FNV-1a).
func portKey(_ name: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    // 0 is for none.
    return hash == 0 ? 1 : hash
}
