import CLinux
import Wire

/// The MACs that ports with `unknown` have been seen to send from (OVN's table `FDB`), so that frames to them go to
/// that port alone.
///
/// In memory that all pollers and the agent write to and that outlives the forwarder. Each host learns by itself, of
/// its own ports and of what tunnels bring. Nothing in the memory is trusted: a row counts only if the port that it
/// names is there and learns.
public struct LearntMACs: @unchecked Sendable {
    /// Rows of a host: 2 MiB.
    private static let rowCount = 1 << 15
    /// MACs behind one port.
    public static let portCountMaximum = 2048
    /// MACs on one switch: as many as OVS keeps for a bridge (`mac-table-size`).
    public static let switchCountMaximum = 8192
    /// Seconds after which a MAC that has sent nothing is forgotten: OVS's `mac-aging-time`.
    public static let lifetime: UInt64 = 300
    /// Seconds for which a kept decision does not note that a MAC is in use: a fraction of its lifetime.
    private static let refreshInterval: UInt64 = 16

    /// Ports, and switches, that are told apart by counts and meters: more than one host knows. Two that meet share
    /// what is theirs.
    private static let bucketCount = 1 << 12
    /// The first word of the memory, with the version of its layout.
    private static let mark: UInt64 = 0x4845_4444_4c45_4d01
    private static let headerByteCount = 64

    /// The octets of the memory.
    public static var byteCount: Int {
        headerByteCount + 4 * bucketCount * 8 + DynamicState.byteCount(rowCount: rowCount)
    }

    private let memory: UnsafeMutablePointer<UInt64>

    /// A MAC and where it was seen.
    public struct Entry: Equatable, Sendable {
        /// The datapath's key.
        public var vni: UInt32
        public var mac: UInt64
        /// The port's key on the datapath.
        public var portKey: UInt16
        /// The port's identity, so that another one that gets its key inherits nothing.
        public var idHigh: UInt64
        public var idLow: UInt64
    }

    /// A table in memory that is all zero, or that another process has used.
    /// - Parameters:
    ///   - memory: `byteCount` octets at a multiple of 64.
    ///   - seed: for memory that is all zero: spreads keys, so that guests cannot choose such as meet.
    /// - Returns: `nil` if another version has used the memory.
    public init?(_ memory: UnsafeMutableRawPointer, seed: UInt64) {
        let words = memory.bindMemory(to: UInt64.self, capacity: Self.byteCount / 8)
        if words[0] == 0 {
            words[1] = seed
            words[0] = Self.mark
        }
        guard words[0] == Self.mark else { return nil }
        self.memory = words
    }

    /// Empties the rows that a process died over, before any other uses the table.
    public func adopt() { rows.adopt() }

    // On the packet path

    /// The place at which a MAC was last seen.
    func find(_ mac: UInt64, vni: UInt32, now: Duration) -> (portKey: UInt16, idHigh: UInt64, idLow: UInt64)? {
        guard let value = rows.find(Self.key(mac, vni), now: Self.milliseconds(now)) else { return nil }
        return (UInt16(truncatingIfNeeded: value.first), value.second, value.third)
    }

    /// Notes that a port has sent from a MAC. Nothing comes of it if the port or its switch has too many, or too many
    /// new ones: what is known stays.
    func note(_ mac: UInt64, at port: UnsafePointer<PortRow>, vni: UInt32, now: Duration) {
        let key = Self.key(mac, vni)
        let value = DynamicState.Value(UInt64(port.pointee.key), port.pointee.idHigh, port.pointee.idLow)
        let time = Self.milliseconds(now)
        let former = rows.find(key, now: time)
        if former == value { return }
        let portBucket = bucket(vni, port.pointee.key)
        let switchBucket = bucket(vni, 0)
        guard clinux_load_relaxed(portCounts + portBucket) < UInt64(Self.portCountMaximum),
            former != nil || clinux_load_relaxed(switchCounts + switchBucket) < UInt64(Self.switchCountMaximum),
            takes(portBucket, now: now), rows.put(key, value, now: time)
        else { return }
        // Counted anew every few seconds: what two pollers count at once may be one too few.
        add(1, to: portCounts + portBucket)
        if former == nil { add(1, to: switchCounts + switchBucket) }
        outdate(vni)
    }

    /// A word for what is known of a switch: with the same word, a decision that has asked for MACs holds. Never 0.
    func state(vni: UInt32, now: Duration) -> UInt64 {
        let generation = clinux_load_relaxed(generations + bucket(vni, 0)) & 0xffff_ffff
        let interval = Self.milliseconds(now) / (Self.refreshInterval * 1000) & 0x7fff_ffff
        return 1 &<< 63 | generation &<< 31 | interval
    }

    // By the forwarder's control thread, and by the agent

    /// Counts the MACs of ports and switches anew, as rows age unseen.
    public func recount(now: Duration) {
        let counts = UnsafeMutablePointer<UInt64>.allocate(capacity: 2 * Self.bucketCount)
        counts.initialize(repeating: 0, count: 2 * Self.bucketCount)
        defer { counts.deallocate() }
        forEach(now: now) { entry, _ in
            counts[bucket(entry.vni, entry.portKey)] += 1
            counts[Self.bucketCount + bucket(entry.vni, 0)] += 1
        }
        for index in 0..<Self.bucketCount {
            clinux_store_relaxed(portCounts + index, counts[index])
            clinux_store_relaxed(switchCounts + index, counts[Self.bucketCount + index])
        }
    }

    /// All that is known.
    /// - Parameter body: gets an entry, and for how many seconds at least its use was not noted.
    public func forEach(now: Duration, _ body: (Entry, UInt64) -> Void) {
        rows.forEach(now: Self.milliseconds(now)) { key, value, age in body(Self.entry(key, value), age / 1000) }
    }

    /// Forgets entries.
    /// - Returns: how many.
    public func remove(where isChosen: (Entry) -> Bool) -> Int {
        var outdated: Set<UInt32> = []
        let count = rows.remove { key, value in
            let entry = Self.entry(key, value)
            guard isChosen(entry) else { return false }
            outdated.insert(entry.vni)
            return true
        }
        for vni in outdated { outdate(vni) }
        return count
    }

    // The parts of the memory

    private var seed: UInt64 { clinux_load_relaxed(memory + 1) }
    private var rows: DynamicState {
        DynamicState(
            UnsafeMutableRawPointer(memory) + Self.headerByteCount + 4 * Self.bucketCount * 8,
            rowCount: Self.rowCount,
            lifetime: Self.lifetime * 1000,
            seed: seed
        )
    }
    private var generations: UnsafeMutablePointer<UInt64> { memory + Self.headerByteCount / 8 }
    private var meters: UnsafeMutablePointer<UInt64> { generations + Self.bucketCount }
    private var portCounts: UnsafeMutablePointer<UInt64> { meters + Self.bucketCount }
    private var switchCounts: UnsafeMutablePointer<UInt64> { portCounts + Self.bucketCount }

    private func bucket(_ vni: UInt32, _ key: UInt16) -> Int {
        Int(truncatingIfNeeded: spread(UInt64(vni), UInt64(key), 0, seed: seed)) & (Self.bucketCount &- 1)
    }

    /// Takes one from a port's limit, unless another poller does so at this moment.
    private func takes(_ bucket: Int, now: Duration) -> Bool {
        let word = meters + bucket
        let paidAt = clinux_load_relaxed(word)
        let now = Int64(bitPattern: Self.milliseconds(now)) &* 1_000_000
        // A word that nobody can have written, from a process that was taken over, limits nobody for good.
        let known = min(Int64(bitPattern: paidAt), now &+ 3_600_000_000_000)
        guard let next = Meter.next(known, 1, of: .learntMACs, now: now) else { return false }
        return clinux_replace(word, paidAt, UInt64(bitPattern: next)) != 0
    }

    private func outdate(_ vni: UInt32) { add(1, to: generations + bucket(vni, 0)) }

    private func add(_ count: UInt64, to word: UnsafeMutablePointer<UInt64>) {
        clinux_add_relaxed(word, count)
    }

    private static func key(_ mac: UInt64, _ vni: UInt32) -> DynamicState.Key {
        DynamicState.Key(scope: UInt64(vni), high: mac, low: 0)
    }

    private static func entry(_ key: DynamicState.Key, _ value: DynamicState.Value) -> Entry {
        Entry(
            vni: UInt32(truncatingIfNeeded: key.scope),
            mac: key.high,
            portKey: UInt16(truncatingIfNeeded: value.first),
            idHigh: value.second,
            idLow: value.third
        )
    }

    private static func milliseconds(_ time: Duration) -> UInt64 {
        let (seconds, attoseconds) = time.components
        // A row of time 0 is empty.
        return max(1, UInt64(max(0, seconds)) &* 1000 &+ UInt64(max(0, attoseconds / 1_000_000_000_000_000)))
    }
}
