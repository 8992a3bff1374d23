import CLinux
import Wire

/// The decisions of ACLs on this host: how often each has decided, and those that are to be logged.
///
/// In memory that all pollers write to and the agent reads, and that outlives the forwarder. A writer waits for nobody:
/// a line for which there is no room, or that comes too soon, is counted and left out.
public struct FilterRecord: @unchecked Sendable {
    /// Lines that wait for the agent, which takes them several times a second: more than a host may log meanwhile.
    static let lineCountMaximum = 512
    /// ACLs that are counted: as many as hosts are told of one switch. Of more, some are not.
    public static let counterCountMaximum = 1 << 15

    /// Senders that are told apart by their limits; two that meet share one.
    private static let meterCount = 1 << 10
    /// Places of one group of counters: one cache line of keys and one of counts.
    private static let groupCount = 8
    private static let lineWordCount = 16
    /// Octets of a frame that are kept: with its headers up to TCP's flags.
    private static let headByteCount = 96
    /// The first word of the memory, with the version of its layout.
    private static let mark: UInt64 = 0x4845_4444_4c45_4101

    // Words: the mark, lines written, lines taken, lines left out, and the host's meter, each on a line of its own.
    private static let written = 8
    private static let taken = 16
    private static let omitted = 24
    private static let hostMeter = 32
    private static let meters = 40
    private static let lines = meters + meterCount
    private static let counters = lines + lineCountMaximum * lineWordCount

    /// The octets of the memory: 580 KiB.
    public static let byteCount = (counters + 2 * counterCountMaximum) * 8

    private let words: UnsafeMutablePointer<UInt64>

    /// A record in memory that is all zero, or that another process has used.
    /// - Parameter memory: ``byteCount`` octets at a multiple of 64.
    /// - Returns: `nil` if another version has used the memory.
    public init?(_ memory: UnsafeMutableRawPointer) {
        words = memory.bindMemory(to: UInt64.self, capacity: Self.byteCount / 8)
        if words[0] == 0 { words[0] = Self.mark }
        guard words[0] == Self.mark else { return nil }
    }

    /// The record that is there; for memory that a `FilterRecord` was made of.
    init(at address: UnsafeMutablePointer<UInt64>) { words = address }

    /// The place of the memory.
    var address: UnsafeMutablePointer<UInt64> { words }

    // On the packet path

    /// Counts a decision of an ACL.
    /// - Parameter identity: that of the rule, see ``key(of:vni:)``.
    func count(_ identity: UInt64, vni: UInt32) {
        let key = Self.key(of: identity, vni: vni)
        let group = group(of: key)
        for place in 0..<Self.groupCount {
            let word = group + place
            if clinux_load_relaxed(word) == key { return clinux_add_relaxed(word + Self.groupCount, 1) }
        }
        for place in 0..<Self.groupCount {
            let word = group + place
            guard clinux_load_relaxed(word) == 0 else { continue }
            if clinux_replace(word, 0, key) != 0 || clinux_load_relaxed(word) == key {
                return clinux_add_relaxed(word + Self.groupCount, 1)
            }
        }
    }

    /// Adds a line, if the limits of the sender and of the host let it.
    func log(_ decision: FilterDecision, on frame: Frame, now: Duration) {
        let (seconds, attoseconds) = now.components
        let time = seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
        let sender = UInt64(decision.vni) &<< 16 | UInt64(decision.ingressKey)
        let meter = Int(truncatingIfNeeded: (sender &* 0x9e37_79b9_7f4a_7c15) &>> 54) & (Self.meterCount &- 1)
        guard take(words + Self.meters + meter, .loggedDecisions, time),
            take(words + Self.hostMeter, .loggedDecisionsOfHost, time), let place = claim()
        else { return clinux_add_relaxed(words + Self.omitted, 1) }
        let row = row(place)
        decision.write(to: row + 1, frameByteCount: frame.byteCount)
        let head = UnsafeMutableRawPointer(row + 4)
        head.copyMemory(from: frame.bytes, byteCount: min(frame.byteCount, Self.headByteCount))
        clinux_store_release(row, place &+ 1)
    }

    /// Takes one of a limit that pollers share.
    private func take(_ word: UnsafeMutablePointer<UInt64>, _ limit: RateLimit, _ now: Int64) -> Bool {
        let paidAt = clinux_load_relaxed(word)
        guard let next = Meter.next(Int64(bitPattern: paidAt), 1, of: limit, now: now) else { return false }
        return clinux_replace(word, paidAt, UInt64(bitPattern: next)) != 0
    }

    /// The number of a line that is the caller's to write; `nil` if there is no room.
    private func claim() -> UInt64? {
        let number = clinux_load_relaxed(words + Self.written)
        guard number &- clinux_load_acquire(words + Self.taken) < UInt64(Self.lineCountMaximum),
            clinux_replace(words + Self.written, number, number &+ 1) != 0
        else { return nil }
        return number
    }

    private func row(_ number: UInt64) -> UnsafeMutablePointer<UInt64> {
        words + Self.lines + Int(truncatingIfNeeded: number % UInt64(Self.lineCountMaximum)) * Self.lineWordCount
    }

    private func group(of key: UInt64) -> UnsafeMutablePointer<UInt64> {
        let groups = Self.counterCountMaximum / Self.groupCount
        let index = Int(truncatingIfNeeded: key &>> 32) & (groups &- 1)
        return words + Self.counters + index * 2 * Self.groupCount
    }

    // By the agent

    /// Takes the lines that are there, at most ``lineCountMaximum``.
    /// - Returns: the number of those that were left out, since ever.
    public func take(_ body: (FilterLogLine) -> Void) -> UInt64 {
        let end = clinux_load_acquire(words + Self.written)
        var next = clinux_load_relaxed(words + Self.taken)
        // Another process has written it, and is believed within bounds.
        if end &- next > UInt64(Self.lineCountMaximum) { next = end &- UInt64(Self.lineCountMaximum) }
        while next != end {
            let row = row(next)
            // One that is not there yet comes at once, or was being written when the forwarder died.
            if clinux_load_acquire(row) == next &+ 1 {
                let (decision, byteCount) = FilterDecision.read(row + 1)
                let head = UnsafeRawBufferPointer(start: row + 4, count: min(byteCount, Self.headByteCount))
                body(FilterLogLine(decision: decision, head: Array(head), frameByteCount: byteCount))
            }
            next &+= 1
        }
        clinux_store_release(words + Self.taken, next)
        return clinux_load_relaxed(words + Self.omitted)
    }

    /// The number of decisions that an ACL has made.
    public func count(of identity: UInt64, vni: UInt32) -> UInt64 {
        let key = Self.key(of: identity, vni: vni)
        let group = group(of: key)
        return (0..<Self.groupCount).reduce(0) { sum, place in
            clinux_load_relaxed(group + place) == key
                ? sum &+ clinux_load_relaxed(group + place + Self.groupCount) : sum
        }
    }

    /// Makes room of the counters of ACLs that are none any more.
    /// - Parameter keys: the keys of those that are.
    public func keepCounters(of keys: Set<UInt64>) {
        for group in 0..<Self.counterCountMaximum / Self.groupCount {
            for place in 0..<Self.groupCount {
                let word = words + Self.counters + group * 2 * Self.groupCount + place
                let key = clinux_load_relaxed(word)
                guard key != 0, !keys.contains(key) else { continue }
                clinux_store_relaxed(word + Self.groupCount, 0)
                clinux_store_release(word, 0)
            }
        }
    }

    /// The key of an ACL's counter: of the rule's identity and of the datapath's key; never 0.
    public static func key(of identity: UInt64, vni: UInt32) -> UInt64 {
        let mixed = (identity ^ UInt64(vni) &* 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: 0xe703_7ed1_a0b4_28db)
        return (mixed.high ^ mixed.low) | 1
    }
}

/// A decision of an ACL on a frame.
public struct FilterDecision: Hashable, Sendable {
    /// The identity of the ACL (`PacketFilter.Rule.identity`).
    public var identity: UInt64
    /// The datapath's key.
    public var vni: UInt32
    /// The key of the port that has sent the frame.
    public var ingressKey: UInt16
    /// The key of the port that the frame goes to; 0 where it comes in, as that is not known there.
    public var egressKey: UInt16

    public init(identity: UInt64, vni: UInt32, ingressKey: UInt16, egressKey: UInt16) {
        self.identity = identity
        self.vni = vni
        self.ingressKey = ingressKey
        self.egressKey = egressKey
    }

    fileprivate func write(to words: UnsafeMutablePointer<UInt64>, frameByteCount: Int) {
        words[0] = identity
        words[1] = UInt64(vni) &<< 32 | UInt64(egressKey) &<< 16 | UInt64(ingressKey)
        words[2] = UInt64(truncatingIfNeeded: frameByteCount)
    }

    fileprivate static func read(_ words: UnsafeMutablePointer<UInt64>) -> (decision: FilterDecision, byteCount: Int) {
        let keys = words[1]
        let decision = FilterDecision(
            identity: words[0],
            vni: UInt32(truncatingIfNeeded: keys &>> 32),
            ingressKey: UInt16(truncatingIfNeeded: keys),
            egressKey: UInt16(truncatingIfNeeded: keys &>> 16)
        )
        // No frame is longer, whatever the memory says.
        return (decision, Int(words[2] & 0x1_ffff))
    }
}

extension RateLimit {
    /// Lines about what a port sends: enough to see what goes on, whatever it sends.
    static var loggedDecisions: RateLimit { RateLimit(perSecond: 10, burst: 100) }
    /// Lines of a host: some 25 KB a second, and a burst of half of those that may wait.
    static var loggedDecisionsOfHost: RateLimit { RateLimit(perSecond: 100, burst: 256) }
}
