import Wire

/// Decisions about flows, kept: what a frame's verdict depends on is the key, and a hit saves the pipeline.
///
/// Only frames whose verdict depends on nothing but addresses have a key: unicast IP between addresses that are
/// specified, untagged, not ICMPv6, short enough for tunnels. All others go through the pipeline every time. An entry is
/// good for the tables that it was made by, told by their epoch.
public struct FlowCache: ~Copyable {
    /// How many flows are kept: 8192 entries of 128 octets, the half of a core's second cache or so.
    public static let entryCount = 8192

    private let entries: UnsafeMutablePointer<Entry>

    /// Nothing is kept yet.
    public init() {
        entries = .allocate(capacity: Self.entryCount)
        entries.initialize(repeating: Entry(), count: Self.entryCount)
    }

    deinit {
        entries.deallocate()
    }

    /// Two cache lines.
    private struct Entry {
        var key = FlowKey()
        /// 0 where there is no entry: tables count from 1.
        var epoch: UInt64 = 0
        var action = FlowAction.pipeline
        private var padding: (UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0)
    }

    @inline(__always)
    func find(_ key: FlowKey, _ hash: Int, epoch: UInt64) -> FlowAction? {
        let entry = entries + (hash & (Self.entryCount - 1))
        if entry.pointee.epoch == epoch, entry.pointee.key.isEqual(key) { return entry.pointee.action }
        let other = entries + (hash & (Self.entryCount - 1) ^ 1)
        if other.pointee.epoch == epoch, other.pointee.key.isEqual(key) { return other.pointee.action }
        return nil
    }

    /// Puts a flow in the first of its two places, what was there in the second: so one that is used goes last.
    func insert(_ key: FlowKey, _ hash: Int, epoch: UInt64, _ action: FlowAction) {
        let index = hash & (Self.entryCount - 1)
        if entries[index].epoch == epoch { entries[index ^ 1] = entries[index] }
        entries[index].key = key
        entries[index].epoch = epoch
        entries[index].action = action
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

/// What is done with each frame of a flow.
public struct FlowAction {
    /// What it is.
    public enum Kind: UInt8 {
        /// Nothing that can be kept: each frame goes through the pipeline.
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

    /// What is done.
    public let kind: Kind
    /// Why it is dropped.
    public let reason: DropReason
    /// The port.
    public let slot: UInt16
    /// The number of the place.
    public let place: UInt32
    let header: (UInt64, UInt64)

    static var pipeline: FlowAction { FlowAction(.pipeline) }

    init(
        _ kind: Kind,
        reason: DropReason = .malformedFrame,
        slot: UInt16 = 0,
        place: UInt32 = 0,
        header: (UInt64, UInt64) = (0, 0)
    ) {
        self.kind = kind
        self.reason = reason
        self.slot = slot
        self.place = place
        self.header = header
    }

    /// All that the remote outputs of a verdict have in common.
    public init(to verdict: Verdict) {
        self.init(.remote, header: verdict.geneveHeader)
    }

    /// Writes the Geneve header for `remote`.
    /// - Parameter memory: room for `Verdict.geneveHeaderByteCount` octets.
    @inline(__always)
    public func storeGeneveHeader(to memory: UnsafeMutableRawPointer) {
        memory.storeBytes(of: header.0, as: UInt64.self)
        memory.storeBytes(of: header.1, toByteOffset: 8, as: UInt64.self)
    }
}
