import CLinux
import Wire

/// The connections of the ports of this host, for ACLs of the action `allow-related` (OVN's connection tracking, with a
/// zone for each port).
///
/// In memory that all pollers write to and that outlives the forwarder. Nothing in the memory is trusted: no number in
/// it is used as a place. A connection is in one of 16 places; a byte for each place tells which of them may have it,
/// so that a search reads two words and mostly one row.
public struct ConnectionTable: @unchecked Sendable {
    /// Connections of all ports of a host.
    public static let hostCountMaximum = 1_000_000
    /// Connections of one port that are not closed: an eighth of a host's.
    public static let portCountMaximum = 131_072
    /// Connections of one port that were not answered, fragmented packets among them: what a flood of a guest, or to
    /// one, leaves to all others. The oldest of these gives way to the next, so that it leaves something to that guest,
    /// too: an honest end that answers sooner than so many others begin.
    public static let portHalfOpenMaximum = 32_768
    /// Buckets of a host: 1.4 rows for each connection, so that with two buckets to choose from none is turned away for
    /// want of a place. 178 MiB, of which only what is used takes memory; and 4 to 128 KiB for each port, by the number
    /// of its connections that were half open at once.
    public static let usualBucketCount = 180_224

    /// Rows of a bucket: a byte of one word for each.
    static let rowsPerBucket = 8
    /// Ports that are told apart by counts: more than one host has. Two that meet share their limits.
    static let counterCount = 1 << 12
    /// The first word of the memory, with the version of its layout.
    private static let mark: UInt64 = 0x4845_4444_4c45_4302
    /// A cache line that is only read, and one with two counts that each new connection changes.
    private static let headerByteCount = 128
    /// Attempts to write a row that other pollers write, too.
    static let attemptMaximum = 16

    let memory: UnsafeMutablePointer<UInt64>
    let bucketCount: Int

    /// The octets of the memory.
    public static func byteCount(bucketCount: Int = usualBucketCount) -> Int {
        headerByteCount + 3 * counterCount * 8 + bucketCount * (8 + rowsPerBucket * ConnectionRow.byteCount)
            + counterCount * halfOpenMaximum(bucketCount) * 4
    }

    /// A table in memory that is all zero, or that another process has used.
    /// - Parameters:
    ///   - memory: `byteCount` octets at a multiple of 64.
    ///   - key: for memory that is all zero: spreads connections, so that guests cannot choose such as meet.
    /// - Returns: `nil` if another version has used the memory.
    public init?(_ memory: UnsafeMutableRawPointer, bucketCount: Int = usualBucketCount, key: SipHashKey) {
        let words = memory.bindMemory(to: UInt64.self, capacity: Self.byteCount(bucketCount: bucketCount) / 8)
        if words[0] == 0 {
            (words[1], words[2], words[4]) = (key.low, key.high, UInt64(bucketCount))
            words[0] = Self.mark
        }
        guard words[0] == Self.mark, words[4] == UInt64(bucketCount),
            bucketCount * Self.rowsPerBucket <= ConnectionReference.rowCountMaximum
        else { return nil }
        self.memory = words
        self.bucketCount = bucketCount
    }

    /// The finding about a packet.
    struct Lookup: BitwiseCopyable {
        enum Finding {
            /// It would begin a connection.
            case new
            /// It is of a connection, in the direction of the packet that has opened it.
            case original
            /// It is of a connection, in the other direction.
            case reply
            /// It is an error about a packet of a connection.
            case related
            /// It is a fragment of a packet whose first one has passed.
            case fragment
            /// It is of no connection and begins none, or cannot be of the one that it claims.
            case invalid
        }

        var finding: Finding
        /// The connection as it is after the packet.
        var connection: Connection
        /// The row's number; -1 for none.
        fileprivate let row: Int
        fileprivate let sequence: UInt64
        /// The hash of the connection's key; 0 if it was not looked for.
        fileprivate let hash: UInt64

        fileprivate init(
            _ finding: Finding,
            _ connection: Connection,
            row: Int = -1,
            sequence: UInt64 = 0,
            hash: UInt64 = 0
        ) {
            self.finding = finding
            self.connection = connection
            self.row = row
            self.sequence = sequence
            self.hash = hash
        }

        /// The finding where nothing is known of former packets.
        init(_ packet: TrackedPacket, now: UInt64) {
            self = Self.opening(packet, zone: 0, now: now)
        }

        /// A connection that begins, if one can begin so.
        fileprivate static func opening(
            _ packet: TrackedPacket,
            zone: UInt64,
            now: UInt64,
            row: Int = -1,
            sequence: UInt64 = 0,
            hash: UInt64 = 0
        ) -> Lookup {
            guard packet.kind == .packet, var connection = Connection(packet, zone: zone) else {
                return Lookup(.invalid, Connection(fragmentsOf: packet.tuple, zone: zone))
            }
            connection.time = now
            return Lookup(.new, connection, row: row, sequence: sequence, hash: hash)
        }

        /// The connection in its row; none if it has no row yet.
        var reference: ConnectionReference {
            guard row >= 0, finding == .original || finding == .reply, connection.number != 0 else { return .none }
            return ConnectionReference(row: row, number: connection.number, isOriginal: finding == .original)
        }

    }

    // On the packet path

    /// A number for a port's connections, which other ports do not have.
    func zone(of port: UnsafePointer<PortRow>, vni: UInt32) -> UInt64 {
        spread(UInt64(vni) &<< 16 | UInt64(port.pointee.key), port.pointee.idHigh, port.pointee.idLow, seed: key.low)
    }

    /// Finds what a packet is of; changes nothing.
    /// - Parameter now: milliseconds of a clock that all processes have.
    func look(_ packet: TrackedPacket, zone: UInt64, now: UInt64) -> Lookup {
        switch packet.kind {
        case .untracked, .invalid: return Lookup(packet, now: now)
        case .packet, .laterFragment, .error: break
        }
        let key = ConnectionKey(packet.tuple, zone: zone)
        let hash = key.hash(self.key)
        guard var found = find(key, hash, now: now) else {
            return Lookup.opening(packet, zone: zone, now: now, hash: hash)
        }
        if packet.kind == .laterFragment { return Lookup(.fragment, found.connection) }
        if packet.kind == .error { return Lookup(.related, found.connection) }
        let isOriginal = packet.tuple.isAscending == found.connection.isAscending
        switch found.connection.step(packet, isOriginal: isOriginal) {
        case .valid, .ignored:
            found.connection.time = now
            let finding = isOriginal ? Lookup.Finding.original : .reply
            return Lookup(finding, found.connection, row: found.row, sequence: found.sequence, hash: hash)
        case .invalid: return Lookup(.invalid, found.connection)
        case .restart:
            return Lookup.opening(packet, zone: zone, now: now, row: found.row, sequence: found.sequence, hash: hash)
        }
    }

    /// Notes a packet that passes; of one that does not, that its connection is blocked, which it does not move.
    /// - Returns: `false` if there is no room for a new connection.
    func keep(_ lookup: Lookup, _ packet: TrackedPacket, now: UInt64) -> Bool {
        if lookup.finding == .new { return begin(lookup, now: now) }
        guard lookup.row >= 0 else { return true }
        if !lookup.connection.isBlocked, update(lookup) { return true }
        // The other direction was faster: the packet is one more of what is there now.
        for _ in 0..<Self.attemptMaximum {
            guard var again = find(lookup.connection.key, lookup.hash, now: now) else { return true }
            // Another one has begun in its place.
            guard again.connection.number == lookup.connection.number else { return true }
            let isOriginal = packet.tuple.isAscending == again.connection.isAscending
            if !lookup.connection.isBlocked {
                switch again.connection.step(packet, isOriginal: isOriginal) {
                case .valid, .ignored: break
                case .invalid, .restart: return true
                }
            }
            again.connection.time = now
            again.connection.judgement = lookup.connection.judgement
            again.connection.isBlocked = lookup.connection.isBlocked
            if update(Lookup(.original, again.connection, row: again.row, sequence: again.sequence)) { return true }
        }
        return true
    }

    /// Notes that later fragments of a packet may pass, by the judgement on its first one.
    func keepFragments(of name: ConnectionTuple, like connection: Connection, now: UInt64) -> Bool {
        var fragments = Connection(fragmentsOf: name, zone: connection.key.zone)
        (fragments.vni, fragments.portKey) = (connection.vni, connection.portKey)
        fragments.ingressKey = connection.ingressKey
        fragments.judgement = connection.judgement
        fragments.time = now
        let hash = fragments.key.hash(key)
        return find(fragments.key, hash, now: now) != nil || insert(fragments, hash, now: now)
    }

    private func begin(_ lookup: Lookup, now: UInt64) -> Bool {
        var lookup = lookup
        add(1, to: lastNumber)
        lookup.connection.number = max(1, clinux_load_relaxed(lastNumber) & 0xff_ffff_ffff)
        guard lookup.row >= 0 else { return insert(lookup.connection, lookup.hash, now: now) }
        // In the place of the one that has ended.
        guard update(lookup) else { return insert(lookup.connection, lookup.hash, now: now) }
        lineUp(lookup.connection, at: lookup.row)
        return true
    }

    private func update(_ lookup: Lookup) -> Bool {
        let row = row(lookup.row)
        let former = row.state
        guard row.claim(lookup.sequence) else { return false }
        row.write(lookup.connection, lookup.sequence)
        if let former { recount(from: former, to: lookup.connection) }
        return true
    }

    private func insert(_ connection: Connection, _ hash: UInt64, now: UInt64) -> Bool {
        let counter = counters + 2 &* counter(connection.key.zone)
        let isTooMany =
            clinux_load_relaxed(counter) >= UInt64(Self.portCountMaximum)
            || clinux_load_relaxed(total) >= UInt64(hostCountMaximum)
        guard !isTooMany else { return false }
        for _ in 0..<4 {
            guard let place = place(for: hash, now: now) else { return false }
            let row = row(place.row)
            guard row.claim(place.sequence) else { continue }
            setTag(of: place.row, Self.tag(hash))
            row.write(connection, place.sequence)
            if let former = place.former { uncount(former.zone, former.state) }
            add(1, to: counter)
            add(1, to: total)
            if connection.state.isHalfOpen {
                add(1, to: counter + 1)
                lineUp(connection, at: place.row)
            }
            return true
        }
        return false
    }

    /// A place for a new connection: one that is free, in the bucket that has more of them, or else one whose
    /// connection has aged or is closed. What lives displaces nothing.
    private func place(
        for hash: UInt64,
        now: UInt64
    ) -> (row: Int, sequence: UInt64, former: (zone: UInt64, state: ConnectionState)?)? {
        let buckets = buckets(hash)
        var (bucket, ways) = roomier(buckets)
        while ways != 0 {
            let number = bucket &* Self.rowsPerBucket &+ ways.trailingZeroBitCount / 8
            ways &= ways &- 1
            let sequence = row(number).sequence
            if sequence & 1 == 0 { return (number, sequence, nil) }
        }
        for way in 0..<2 &* Self.rowsPerBucket {
            let bucket = way < Self.rowsPerBucket ? buckets.0 : buckets.1
            let number = bucket &* Self.rowsPerBucket &+ way % Self.rowsPerBucket
            let row = row(number)
            if row.isEmpty {
                let sequence = row.sequence
                if sequence & 1 == 0 { return (number, sequence, nil) }
            } else if let found = row.read(), !found.connection.isAlive(now: now) || found.connection.state == .closed {
                return (number, found.sequence, (found.connection.key.zone, found.connection.state))
            }
        }
        return nil
    }

    private func find(
        _ key: ConnectionKey,
        _ hash: UInt64,
        now: UInt64
    ) -> (connection: Connection, row: Int, sequence: UInt64)? {
        let tag = UInt64(Self.tag(hash))
        let buckets = buckets(hash)
        clinux_prefetch(tagWords + buckets.1)
        for number in 0..<2 {
            let bucket = number == 0 ? buckets.0 : buckets.1
            var tags = tags(bucket)
            var way = 0
            while tags != 0 {
                if tags & 0xff == tag, let found = settled(bucket &* Self.rowsPerBucket &+ way, key),
                    found.connection.isAlive(now: now)
                {
                    return (found.connection, bucket &* Self.rowsPerBucket &+ way, found.sequence)
                }
                tags &>>= 8
                way &+= 1
            }
        }
        // If a connection begins, its row is written before long.
        let (bucket, ways) = roomier(buckets)
        if ways != 0 { self.row(bucket &* Self.rowsPerBucket &+ ways.trailingZeroBitCount / 8).prefetch() }
        return nil
    }

    /// The bucket that has more free rows, with the lowest bit of each byte that is one's.
    private func roomier(_ buckets: (Int, Int)) -> (bucket: Int, ways: UInt64) {
        // Tags are odd.
        let first = ~tags(buckets.0) & 0x0101_0101_0101_0101
        let second = ~tags(buckets.1) & 0x0101_0101_0101_0101
        return first.nonzeroBitCount >= second.nonzeroBitCount ? (buckets.0, first) : (buckets.1, second)
    }

    /// The row of this number if it has the key; waits a moment for who writes it.
    private func settled(_ number: Int, _ key: ConnectionKey) -> (connection: Connection, sequence: UInt64)? {
        let row = row(number)
        for _ in 0..<256 {
            if let found = row.read() { return found.connection.key == key ? found : nil }
            if row.isEmpty, row.sequence & 1 == 0 { return nil }
        }
        return nil
    }

    private func recount(from former: ConnectionState, to connection: Connection) {
        let state = connection.state
        guard former != state else { return }
        let counter = counters + 2 &* counter(connection.key.zone)
        if former != .closed, state == .closed { take(counter) }
        if former == .closed, state != .closed { add(1, to: counter) }
        if former.isHalfOpen, !state.isHalfOpen { take(counter + 1) }
        if !former.isHalfOpen, state.isHalfOpen { add(1, to: counter + 1) }
    }

    /// Counts a connection of this state no more.
    func uncount(_ zone: UInt64, _ state: ConnectionState) {
        let counter = counters + 2 &* counter(zone)
        if state != .closed { take(counter) }
        if state.isHalfOpen { take(counter + 1) }
        take(total)
    }

    // The parts of the memory

    var key: SipHashKey {
        SipHashKey(low: clinux_load_relaxed(memory + 1), high: clinux_load_relaxed(memory + 2))
    }
    /// Connections of all ports.
    var total: UnsafeMutablePointer<UInt64> { memory + 8 }
    private var lastNumber: UnsafeMutablePointer<UInt64> { memory + 9 }
    var counters: UnsafeMutablePointer<UInt64> { memory + Self.headerByteCount / 8 }
    var tagWords: UnsafeMutablePointer<UInt64> { counters + 3 * Self.counterCount }
    var rows: UnsafeMutablePointer<UInt64> { tagWords + bucketCount }

    var rowCount: Int { bucketCount &* Self.rowsPerBucket }
    var hostCountMaximum: Int { min(Self.hostCountMaximum, rowCount) }

    func row(_ number: Int) -> ConnectionRow {
        ConnectionRow(words: rows + number &* (ConnectionRow.byteCount / 8))
    }

    func tags(_ bucket: Int) -> UInt64 { clinux_load_acquire(tagWords + bucket) }

    func setTag(of number: Int, _ tag: UInt8) {
        let word = tagWords + number / Self.rowsPerBucket
        let shift = UInt64(number % Self.rowsPerBucket &* 8)
        var isSet = false
        while !isSet {
            let former = clinux_load_acquire(word)
            isSet = clinux_replace(word, former, former & ~(0xff &<< shift) | UInt64(tag) &<< shift) != 0
        }
    }

    func buckets(_ hash: UInt64) -> (Int, Int) {
        func bucket(_ half: UInt64) -> Int { Int(truncatingIfNeeded: (half &* UInt64(bucketCount)) &>> 28) }
        return (bucket(hash & 0xfff_ffff), bucket(hash &>> 28 & 0xfff_ffff))
    }

    static func tag(_ hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: hash &>> 56) | 1 }

    func counter(_ zone: UInt64) -> Int { Int(truncatingIfNeeded: zone) & (Self.counterCount &- 1) }

    func add(_ count: UInt64, to word: UnsafeMutablePointer<UInt64>) { clinux_add_relaxed(word, count) }

    /// Takes one from a count, which another poller may have made too small.
    func take(_ word: UnsafeMutablePointer<UInt64>) {
        for _ in 0..<Self.attemptMaximum {
            let count = clinux_load_relaxed(word)
            if count == 0 || clinux_replace(word, count, count &- 1) != 0 { return }
        }
    }

    /// A time as words of rows have it.
    public static func milliseconds(_ time: Duration) -> UInt64 {
        // For each packet, so without a division: by units of 2^40 attoseconds, a little more than a microsecond.
        let units = UInt64(truncatingIfNeeded: max(0, time.attoseconds) &>> 40) &+ 1
        // 2^40 / 10^15, times 2^64.
        return units.multipliedFullWidth(by: 20_282_409_603_651_670).high
    }
}
