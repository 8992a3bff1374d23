import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Reactor

/// The memory of a forwarder that outlives it: what its pollers have taken and not yet handed on, and which frames have
/// ended it. The agent keeps a duplicate of its descriptor and gives it to the next forwarder.
final class Journal {
    /// Changes with the layout: what another layout says is not read, and costs one batch.
    private static let signature: UInt64 = 0x0001_6c64_6465_6548
    private static let headerByteCount = 4096

    /// What the agent keeps.
    let descriptor: Descriptor
    /// One for each poller.
    let pollers: [PollerJournal]
    /// The frames that are not to be touched again.
    let quarantine: Quarantine
    /// Those that were put there now.
    let quarantined: [QuarantinedFrame]
    private let memory: UnsafeMutableRawPointer
    private let byteCount: Int

    /// - Parameter predecessor: the descriptor of the forwarder before this one; what is not a journal for as many
    ///   pollers is left aside.
    init(pollerCount: Int, after predecessor: Descriptor? = nil) throws(SystemError) {
        let byteCount = Self.headerByteCount + pollerCount * PollerJournal.byteCount
        self.byteCount = byteCount
        if let predecessor, clinux_file_size(predecessor.raw) == byteCount {
            descriptor = predecessor
        } else {
            let file = try systemCall("memfd_create") { clinux_memory_file("heddle-journal", byteCount) }
            descriptor = Descriptor(owning: Int32(file))
        }
        var mapped: UnsafeMutableRawPointer?
        let raw = descriptor.raw
        try systemCall("mmap") { clinux_map_shared(raw, byteCount, &mapped) }
        guard let memory = mapped else { throw SystemError(call: "mmap", errno: ENOMEM) }
        self.memory = memory
        let words = memory.assumingMemoryBound(to: UInt64.self)
        if words[0] != Self.signature {
            memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            words[0] = Self.signature
        }
        quarantine = Quarantine(memory + 64)
        pollers = (0..<pollerCount).map { index in
            PollerJournal(memory + (Self.headerByteCount + index * PollerJournal.byteCount))
        }
        var quarantined: [QuarantinedFrame] = []
        for poller in pollers {
            poller.restore()
            guard poller.suspect != 0, let (isDatagram, bytes) = poller.suspectBytes() else { continue }
            let hash = quarantine.add(isDatagram ? bytes[...] : bytes[OffloadHeader.byteCount...])
            quarantined.append(QuarantinedFrame(isDatagram: isDatagram, hash: hash, bytes: bytes))
        }
        self.quarantined = quarantined
    }

    deinit {
        _ = clinux_unmap(memory, byteCount)
    }
}

/// The frames that have ended two forwarders, by their lengths and hashes. Guests repeat what has no answer, and each
/// repetition would end two more.
struct Quarantine: @unchecked Sendable {
    /// Frames that are remembered; a further one takes the place of the oldest.
    static let countMaximum = 16

    /// How many have ever come.
    private let total: UnsafeMutablePointer<UInt64>
    /// Length and hash of each.
    private let entries: UnsafeMutablePointer<(UInt64, UInt64)>

    /// - Parameter memory: room for 8 + 16 × `countMaximum` octets; all zero when empty.
    init(_ memory: UnsafeMutableRawPointer) {
        total = memory.bindMemory(to: UInt64.self, capacity: 1)
        entries = (memory + 8).bindMemory(to: (UInt64, UInt64).self, capacity: Self.countMaximum)
    }

    /// Whether there is nothing to compare with.
    @inline(__always)
    var isEmpty: Bool { total.pointee == 0 }

    /// Remembers a frame; its hash.
    func add(_ frame: ArraySlice<UInt8>) -> UInt64 {
        let hash = frame.withUnsafeBytes { bytes in bytes.baseAddress.map { Self.hash($0, bytes.count) } ?? 0 }
        entries[Int(total.pointee % UInt64(Self.countMaximum))] = (UInt64(frame.count), hash)
        // Behind the entry: half a one is none.
        clinux_store_release(total, total.pointee &+ 1)
        return hash
    }

    /// Whether the frame is one of them.
    func has(_ frame: UnsafeRawPointer, _ byteCount: Int) -> Bool {
        var index = 0
        var hash: UInt64?
        while index < Self.countMaximum, UInt64(index) < total.pointee {
            if entries[index].0 == UInt64(truncatingIfNeeded: byteCount) {
                let computed = hash ?? Self.hash(frame, byteCount)
                if entries[index].1 == computed { return true }
                hash = computed
            }
            index &+= 1
        }
        return false
    }

    /// FNV-1a: a tenant who makes frames meet stops frames of its own.
    private static func hash(_ bytes: UnsafeRawPointer, _ count: Int) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<count {
            hash = (hash ^ UInt64(bytes.load(fromByteOffset: index, as: UInt8.self))) &* 0x100_0000_01b3
        }
        return hash
    }
}
