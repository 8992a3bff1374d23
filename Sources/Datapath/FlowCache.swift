import CLinux
import Glibc
import Wire

/// Decisions about flows, kept: what a frame's verdict depends on is the key, and a hit saves the pipeline.
///
/// Only frames whose verdict depends on nothing but addresses have a key: unicast IP between addresses that are
/// specified, untagged, not ICMPv6. All others go through the pipeline every time. An entry is
/// good for the tables that it was made by, told by their epoch.
public struct FlowCache: ~Copyable {
    /// Entries of a cache that nobody wants smaller: twice the flows that one poller is expected to have, so that few of
    /// them push each other out. A page of it takes memory when a flow first falls there.
    public static let usualEntryCount = 1 << 18
    /// Places of a flow: those that differ in these bits of their number.
    private static let wayMask = 3

    private let entries: UnsafeMutablePointer<Entry>
    private let mask: Int

    /// Nothing is kept yet.
    /// - Parameter entryCount: how many flows are kept at most; a power of two from 4 on.
    public init(entryCount: Int = usualEntryCount) {
        precondition(entryCount > Self.wayMask && entryCount & (entryCount - 1) == 0)
        mask = entryCount - 1
        var memory: UnsafeMutableRawPointer?
        // Pages of their own, all zero: an entry with epoch 0 is none.
        guard clinux_map_private(entryCount * MemoryLayout<Entry>.stride, &memory) == 0, let memory else {
            preconditionFailure("no memory for flows")
        }
        entries = memory.bindMemory(to: Entry.self, capacity: entryCount)
    }

    deinit {
        _ = clinux_unmap(entries, (mask + 1) * MemoryLayout<Entry>.stride)
    }

    /// One cache line.
    private struct Entry {
        var key: FlowKey
        var action: FlowAction
    }

    /// Fetches what `find` looks at first, while something else is done.
    @inline(__always)
    func prefetch(_ hash: Int) { clinux_prefetch(entries + (hash & mask)) }

    @inline(__always)
    func find(_ key: FlowKey, _ hash: Int, epoch: UInt64) -> FlowAction? {
        let first = entries + (hash & mask)
        if first.pointee.action.isOf(epoch), first.pointee.key.isEqual(key) { return first.pointee.action }
        for way in 1...Self.wayMask {
            let entry = entries + (hash & mask ^ way)
            if entry.pointee.action.isOf(epoch), entry.pointee.key.isEqual(key) { return entry.pointee.action }
        }
        return nil
    }

    /// Puts a flow in the first of its places that has none, or in the place of the flow that is in the first one.
    func insert(_ key: FlowKey, _ hash: Int, epoch: UInt64, _ action: FlowAction) {
        var place = hash & mask
        for way in 0...Self.wayMask where !entries[hash & mask ^ way].action.isOf(epoch) {
            place = hash & mask ^ way
            break
        }
        entries[place] = Entry(key: key, action: action.of(epoch))
    }
}

/// All that a cached decision has read.
struct FlowKey {
    var word0: UInt64 = 0
    var word1: UInt64 = 0
    var word2: UInt64 = 0
    var word3: UInt64 = 0
    var word4: UInt64 = 0
    var word5: UInt64 = 0

    /// Without branches: nearly always all words are equal.
    @inline(__always)
    func isEqual(_ other: FlowKey) -> Bool {
        let first = (word0 ^ other.word0) | (word1 ^ other.word1) | (word2 ^ other.word2)
        return first | (word3 ^ other.word3) | (word4 ^ other.word4) | (word5 ^ other.word5) == 0
    }

    @inline(__always)
    func hash(seed: UInt64) -> Int {
        let first = (word0 ^ seed ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: word1 ^ 0xe703_7ed1_a0b4_28db)
        let second = (word2 ^ word4 ^ 0x8ebc_6af0_9c88_c6e3).multipliedFullWidth(by: word3 ^ word5 &* 3 ^ seed)
        let third = (first.high ^ first.low).multipliedFullWidth(by: second.high ^ second.low ^ 0x5899_65cc_7537_4cc3)
        return Int(truncatingIfNeeded: third.high ^ third.low)
    }
}

/// What is done with each frame of a flow: two words, so that an entry of the cache is one cache line.
public struct FlowAction {
    /// What it is.
    public enum Kind: UInt8 {
        /// Nothing yet: the frame goes through the pipeline.
        case pipeline
        /// Written to the port in `slot`.
        case local
        /// Sent to `place` with the Geneve header.
        case remote
        /// Dropped for `reason` before it comes to an output.
        case drop
        /// Dropped for `reason` on the way out to the port in `slot`.
        case refused
    }

    /// Bits of the epoch that an entry has: tables would have to be made a thousand times a second for years until the
    /// number comes again.
    private static var epochBitCount: UInt64 { 36 }

    /// From the highest bit on: the kind (4 bits), the slot or the place's number (24), the epoch.
    private var target: UInt64
    /// From the highest bit on: the reason (8 bits), the VNI (24), the keys (16 each).
    private let keys: UInt64

    /// What is done.
    public var kind: Kind { Kind(rawValue: UInt8(truncatingIfNeeded: target &>> 60)) ?? .pipeline }
    /// Why it is dropped.
    public var reason: DropReason { DropReason(rawValue: UInt8(truncatingIfNeeded: keys &>> 56)) ?? .malformedFrame }
    /// The port.
    public var slot: UInt16 { UInt16(truncatingIfNeeded: target &>> Self.epochBitCount) }
    /// The number of the place.
    public var place: Int { Int(truncatingIfNeeded: target &>> Self.epochBitCount & 0xff_ffff) }

    /// The datapath's key of what is sent.
    var vni: UInt32 { UInt32(truncatingIfNeeded: keys &>> 32 & 0xff_ffff) }
    /// The key of the port that has sent it.
    var ingressKey: UInt16 { UInt16(truncatingIfNeeded: keys &>> 16) }
    /// The key of the port or group that it goes to.
    var egressKey: UInt16 { UInt16(truncatingIfNeeded: keys) }

    /// Nothing is decided yet.
    public static var pipeline: FlowAction { FlowAction(.pipeline) }

    /// - Parameter target: the slot, or the place's number.
    init(_ kind: Kind, to target: Int = 0, reason: DropReason = .malformedFrame, keys: UInt64 = 0) {
        self.target = UInt64(kind.rawValue) &<< 60 | UInt64(truncatingIfNeeded: target) &<< Self.epochBitCount
        self.keys = UInt64(reason.rawValue) &<< 56 | keys
    }

    /// Whether it was decided by the tables of this epoch.
    @inline(__always)
    func isOf(_ epoch: UInt64) -> Bool { (target ^ epoch) &<< (64 &- Self.epochBitCount) == 0 }

    /// The same, as decided by the tables of this epoch.
    func of(_ epoch: UInt64) -> FlowAction {
        var marked = self
        marked.target |= epoch & (1 &<< Self.epochBitCount &- 1)
        return marked
    }

    /// Writes the Geneve header for `remote`.
    /// - Parameter memory: room for `Verdict.geneveHeaderByteCount` octets.
    @inline(__always)
    public func storeGeneveHeader(to memory: UnsafeMutableRawPointer) {
        let first = 0x0240_6558_0000_0000 | keys &>> 24 & 0xffff_ff00
        let option = 0x0102_8001_0000_0000 | keys & 0xffff_ffff
        memory.storeBytes(of: first.bigEndian, as: UInt64.self)
        memory.storeBytes(of: option.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
}
