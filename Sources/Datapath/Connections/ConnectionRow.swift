import CLinux

/// A connection in memory that all pollers write to: 16 words, two cache lines. The first word is a sequence, as that
/// of `DynamicState`: odd while somebody writes.
struct ConnectionRow {
    static let byteCount = 128
    /// Bits of a time in milliseconds, of which an end of an offer leaves no more: 34 years.
    private static var timeBitCount: UInt64 { 40 }
    private static var timeMask: UInt64 { 1 &<< timeBitCount &- 1 }

    let words: UnsafeMutablePointer<UInt64>

    /// Its sequence, also if it is being written.
    var sequence: UInt64 { clinux_load_acquire(words) }

    /// Fetches both of its cache lines, which will be read or written soon.
    func prefetch() {
        clinux_prefetch(words)
        clinux_prefetch(words + 8)
    }

    /// True if it has never been written, or was emptied.
    var isEmpty: Bool { clinux_load_relaxed(words + 9) & 0xff == 0 }

    /// The state of its connection, if it has one.
    var state: ConnectionState? { ConnectionState(rawValue: UInt8(truncatingIfNeeded: clinux_load_relaxed(words + 9))) }

    /// A copy of a few words, as `read`.
    func readState() -> (zone: UInt64, state: ConnectionState, number: UInt64, sequence: UInt64)? {
        let sequence = clinux_load_acquire(words)
        let (zone, status) = (clinux_load_relaxed(words + 1), clinux_load_relaxed(words + 9))
        guard sequence & 1 == 0, let state = ConnectionState(rawValue: UInt8(truncatingIfNeeded: status)) else {
            return nil
        }
        clinux_fence_acquire()
        guard clinux_load_relaxed(words) == sequence else { return nil }
        return (zone, state, status &>> ConnectionReference.numberShift, sequence)
    }

    /// A copy of what all agree on, with its sequence; `nil` if it is empty or being written.
    func read() -> (connection: Connection, sequence: UInt64)? {
        let sequence = clinux_load_acquire(words)
        guard sequence & 1 == 0 else { return nil }
        func word(_ index: Int) -> UInt64 { clinux_load_relaxed(words + index) }
        let status = word(9)
        guard let state = ConnectionState(rawValue: UInt8(truncatingIfNeeded: status)) else { return nil }
        let key = ConnectionKey(
            zone: word(1),
            lowerHigh: word(2),
            lowerLow: word(3),
            upperHigh: word(4),
            upperLow: word(5),
            rest: word(6)
        )
        var connection = Connection(key: key, state: state)
        let place = word(7)
        connection.vni = UInt32(truncatingIfNeeded: place) & 0xff_ffff
        connection.portKey = UInt16(truncatingIfNeeded: place &>> 24)
        connection.ingressKey = UInt16(truncatingIfNeeded: place &>> 40)
        connection.judgement = word(8)
        connection.isAscending = status &>> 8 & 1 != 0
        connection.isFromPort = status &>> 9 & 1 != 0
        connection.isBlocked = status &>> 10 & 1 != 0
        connection.isPickedUp = status &>> 11 & 1 != 0
        connection.number = status &>> ConnectionReference.numberShift
        connection.time = word(10) & Self.timeMask
        connection.offer = Self.offer(status, word(10))
        connection.original = Self.end(word(11), word(12), word(15))
        connection.reply = Self.end(word(13), word(14), word(15) &>> 32)
        clinux_fence_acquire()
        return clinux_load_relaxed(words) == sequence ? (connection, sequence) : nil
    }

    /// Takes the row for writing, if nobody has written since the sequence.
    func claim(_ sequence: UInt64) -> Bool {
        guard sequence & 1 == 0, clinux_replace(words, sequence, sequence &+ 1) != 0 else { return false }
        clinux_fence_release()
        return true
    }

    /// Writes a row that was claimed, and lets it go.
    func write(_ connection: Connection, _ sequence: UInt64) {
        func store(_ index: Int, _ value: UInt64) { clinux_store_relaxed(words + index, value) }
        let key = connection.key
        store(1, key.zone)
        store(2, key.lowerHigh)
        store(3, key.lowerLow)
        store(4, key.upperHigh)
        store(5, key.upperLow)
        store(6, key.rest)
        store(
            7,
            UInt64(connection.vni) & 0xff_ffff | UInt64(connection.portKey) &<< 24
                | UInt64(connection.ingressKey) &<< 40
        )
        store(8, connection.judgement)
        var status = UInt64(connection.state.rawValue)
        if connection.isAscending { status |= 1 &<< 8 }
        if connection.isFromPort { status |= 1 &<< 9 }
        if connection.isBlocked { status |= 1 &<< 10 }
        if connection.isPickedUp { status |= 1 &<< 11 }
        status |= connection.number &<< ConnectionReference.numberShift
        if let offer = connection.offer { status |= 1 &<< 17 | UInt64(offer.scale.map { $0 &+ 1 } ?? 0) &<< 12 }
        store(9, status)
        write(connection.original, connection.reply, connection.offer, time: connection.time, sequence)
    }

    /// A copy of what packets of a connection move, with the time at which it was last seen and the row's sequence;
    /// `nil` if the row has another connection by now, one that ACLs do not allow, or is being written.
    func progress(
        of reference: ConnectionReference
    ) -> (connection: TCPConnection, time: UInt64, sequence: UInt64)? {
        let sequence = clinux_load_acquire(words)
        let status = clinux_load_relaxed(words + 9)
        guard sequence & 1 == 0, reference.isOf(status), status &>> 10 & 1 == 0,
            let state = ConnectionState(rawValue: UInt8(truncatingIfNeeded: status))
        else { return nil }
        let acknowledged = clinux_load_relaxed(words + 15)
        let connection = TCPConnection(
            state: state,
            original: Self.end(clinux_load_relaxed(words + 11), clinux_load_relaxed(words + 12), acknowledged),
            reply: Self.end(clinux_load_relaxed(words + 13), clinux_load_relaxed(words + 14), acknowledged &>> 32),
            isPickedUp: status &>> 11 & 1 != 0,
            offer: Self.offer(status, clinux_load_relaxed(words + 10))
        )
        let time = clinux_load_relaxed(words + 10) & Self.timeMask
        clinux_fence_acquire()
        return clinux_load_relaxed(words) == sequence ? (connection, time, sequence) : nil
    }

    /// Writes what packets move in a row that was claimed, and lets it go.
    func write(_ original: TCPEnd, _ reply: TCPEnd, _ offer: TCPOffer?, time: UInt64, _ sequence: UInt64) {
        func store(_ index: Int, _ value: UInt64) { clinux_store_relaxed(words + index, value) }
        store(10, time & Self.timeMask | UInt64(offer?.end ?? 0) &<< Self.timeBitCount)
        store(11, UInt64(original.end) | UInt64(original.maxEnd) &<< 32)
        store(12, Self.word(original))
        store(13, UInt64(reply.end) | UInt64(reply.maxEnd) &<< 32)
        store(14, Self.word(reply))
        store(15, UInt64(original.acknowledged) | UInt64(reply.acknowledged) &<< 32)
        clinux_store_release(words, sequence &+ 2)
    }

    /// Notes that the connection was seen, also while another writes the row: at worst a connection that has just taken
    /// its place is as young.
    func note(time: UInt64) { clinux_store_relaxed(words + 10, time) }

    /// Notes that the judgement on a connection holds for later ACLs, too.
    /// - Returns: `false` if the row has another connection by now, or is being written.
    func confirm(_ reference: ConnectionReference, _ generation: UInt32) -> Bool {
        let sequence = clinux_load_acquire(words)
        guard reference.isOf(clinux_load_relaxed(words + 9)), claim(sequence) else { return false }
        let link = clinux_load_relaxed(words + 8) & 0xffff_ffff
        clinux_store_relaxed(words + 8, UInt64(generation) &<< 32 | link)
        clinux_store_release(words, sequence &+ 2)
        return true
    }

    /// Empties a row that was claimed, and lets it go.
    func clear(_ sequence: UInt64) {
        clinux_store_relaxed(words + 9, 0)
        clinux_store_release(words, sequence &+ 2)
    }

    /// Empties a row that a process died over.
    func recover() {
        let sequence = clinux_load_relaxed(words)
        guard sequence & 1 != 0 else { return }
        clinux_store_relaxed(words + 9, 0)
        clinux_store_release(words, sequence &+ 1)
    }

    private static func offer(_ status: UInt64, _ time: UInt64) -> TCPOffer? {
        guard status &>> 17 & 1 != 0 else { return nil }
        let scale = UInt8(truncatingIfNeeded: status &>> 12) & 31
        return TCPOffer(
            end: UInt32(truncatingIfNeeded: time &>> timeBitCount),
            scale: scale == 0 ? nil : min(14, scale &- 1)
        )
    }

    private static func end(_ first: UInt64, _ second: UInt64, _ acknowledged: UInt64) -> TCPEnd {
        TCPEnd(
            end: UInt32(truncatingIfNeeded: first),
            maxEnd: UInt32(truncatingIfNeeded: first &>> 32),
            maxWindow: UInt32(truncatingIfNeeded: second),
            acknowledged: UInt32(truncatingIfNeeded: acknowledged),
            scale: UInt8(truncatingIfNeeded: second &>> 32) & 15,
            marks: TCPEnd.Marks(rawValue: UInt8(truncatingIfNeeded: second &>> 40))
        )
    }

    private static func word(_ end: TCPEnd) -> UInt64 {
        UInt64(end.maxWindow) | UInt64(end.scale) &<< 32 | UInt64(end.marks.rawValue) &<< 40
    }
}
