import Wire

/// One end of a TCP connection, by what it has sent.
struct TCPEnd: BitwiseCopyable, Equatable {
    /// After the last octet that it has sent.
    var end: UInt32 = 0
    /// After the last octet that it may send: what the other end has acknowledged, and the window of that.
    var maxEnd: UInt32 = 0
    /// The largest window that it has offered, in octets.
    var maxWindow: UInt32 = 0
    /// The highest number that it has acknowledged.
    var acknowledged: UInt32 = 0
    var scale: UInt8 = 0
    var marks: Marks = []

    struct Marks: OptionSet {
        let rawValue: UInt8

        /// It has sent something.
        static let isSeen = Marks(rawValue: 1)
        /// It has offered to scale windows.
        static let scales = Marks(rawValue: 2)
        /// It has sent FIN.
        static let isFinished = Marks(rawValue: 4)
        /// It has acknowledged something.
        static let acknowledges = Marks(rawValue: 8)
    }
}

/// A SYN that was let pass though the connection is there: if the end that gets it agrees, both have forgotten the
/// connection.
struct TCPOffer: BitwiseCopyable, Equatable {
    /// After the SYN; the lowest 24 bits, so that it has room beside a time.
    var end: UInt32
    /// Its window scale, if it has one.
    var scale: UInt8?

    /// Bits of `end`.
    static let endMask: UInt32 = 0xff_ffff
}

/// The outcome of a packet for its connection.
enum ConnectionStep {
    case valid
    /// It passes and moves neither end: the one that gets it has to answer.
    case ignored
    case invalid
    /// It opens another connection between the same ends.
    case restart
}

/// A TCP connection (RFC 9293 section 3.3.2), with checks of windows by the equations that firewalls have (Guido van
/// Rooij, "Real stateful TCP packet filtering in IP Filter", 2000), so that nobody who does not see the packets can
/// end it or put data in.
struct TCPConnection: BitwiseCopyable {
    var state: ConnectionState
    /// The end that has opened the connection.
    var original = TCPEnd()
    var reply = TCPEnd()
    /// True if its opening was not seen: its windows have a scale that nobody knows, so that they are not checked.
    var isPickedUp = false
    /// The last SYN that was let pass since.
    var offer: TCPOffer?

    /// The window that an offer may have had: the largest of a SYN.
    private static let offeredWindow: UInt32 = 65_535
    /// Octets that acknowledgments may lag behind if the window is smaller: the largest window without scale, and a
    /// segment.
    private static let lagMinimum: UInt32 = 66_000

    /// - Returns: `nil` if no connection begins so.
    init?(opening segment: TrackedSegment) {
        let has = segment.has
        guard !has.reset, !has.finish, !has.synchronize || !has.acknowledgment else { return nil }
        state = .opening
        isPickedUp = !has.synchronize
        Self.note(segment, of: &original)
        if isPickedUp { Self.noteAcknowledgment(segment, of: &original, about: &reply) }
    }

    init(state: ConnectionState, original: TCPEnd, reply: TCPEnd, isPickedUp: Bool, offer: TCPOffer?) {
        self.offer = offer
        self.state = state
        self.original = original
        self.reply = reply
        self.isPickedUp = isPickedUp
    }

    /// Moves on by a segment.
    mutating func step(_ segment: TrackedSegment, isOriginal: Bool) -> ConnectionStep {
        let has = segment.has
        let opens = has.synchronize && !has.acknowledgment
        if opens, state == .closed || state == .opening && isOriginal { return .restart }
        var sender = isOriginal ? original : reply
        var receiver = isOriginal ? reply : original
        switch state {
        case .opening:
            // The opener is answered before it sends anything else.
            if isOriginal, !has.reset, !isPickedUp { return .invalid }
            if !isOriginal, !has.synchronize, !has.reset, !isPickedUp { return .invalid }
            if !isOriginal, has.reset, !isPickedUp {
                guard has.acknowledgment, segment.acknowledgment == receiver.end else { return .invalid }
                state = .closed
                return .valid
            }
        case .answered, .established, .closing, .lastAcknowledgment:
            // A host that has lost a connection opens it anew, and ends the old one by the answer (RFC 5961 section 4).
            if opens {
                guard isOriginal else { return .invalid }
                offer = TCPOffer(end: segment.end & TCPOffer.endMask, scale: segment.scale)
                return .ignored
            }
            if has.synchronize {
                guard state == .answered || !isOriginal else { return .invalid }
                if !isOriginal, let offer, offer.end == segment.acknowledgment & TCPOffer.endMask {
                    open(offer, answeredBy: segment)
                    return .valid
                }
                if state != .answered { return .ignored }
            }
        case .closed: if has.synchronize { return .invalid }
        }
        if !sender.marks.contains(.isSeen) {
            Self.note(segment, of: &sender)
            if has.synchronize, !sender.marks.contains(.scales) || !receiver.marks.contains(.scales) {
                (sender.scale, receiver.scale) = (0, 0)
            }
        }
        guard isPickedUp || Self.isInWindow(segment, sender, receiver) else { return .invalid }
        Self.move(segment, &sender, &receiver)
        follow(segment, sender, receiver, isOriginal: isOriginal)
        (original, reply) = isOriginal ? (sender, receiver) : (receiver, sender)
        return .valid
    }

    /// Begins anew.
    private mutating func open(_ offer: TCPOffer, answeredBy segment: TrackedSegment) {
        self = TCPConnection(state: .answered, original: TCPEnd(), reply: TCPEnd(), isPickedUp: false, offer: nil)
        Self.note(segment, of: &reply)
        original.marks = offer.scale == nil ? [.isSeen] : [.isSeen, .scales]
        (original.end, original.maxEnd) = (segment.acknowledgment, segment.acknowledgment)
        original.maxWindow = Self.offeredWindow
        original.scale = offer.scale ?? 0
        if offer.scale == nil || segment.scale == nil { (original.scale, reply.scale) = (0, 0) }
        reply.maxEnd = segment.end &+ Self.offeredWindow
        Self.noteAcknowledgment(segment, of: &reply, about: &original)
    }

    /// The state after a segment that is in the window and moved the ends.
    private mutating func follow(
        _ segment: TrackedSegment,
        _ sender: TCPEnd,
        _ receiver: TCPEnd,
        isOriginal: Bool
    ) {
        let has = segment.has
        if has.reset {
            // Else it is the receiver who asks if it was meant (RFC 5961 section 3).
            let isExact = !receiver.marks.contains(.acknowledges) || segment.sequence == receiver.acknowledged
            if state.isHalfOpen || isPickedUp || isExact { state = .closed }
            return
        }
        switch state {
        case .opening:
            if !isOriginal { state = has.synchronize ? .answered : .established }
        case .answered:
            if !has.synchronize, has.acknowledgment, isOriginal || receiver.marks.contains(.acknowledges) {
                state = .established
            }
        case .established, .closing, .lastAcknowledgment, .closed: break
        }
        guard state == .established || state == .closing || state == .lastAcknowledgment else { return }
        let isFinished = (sender.marks.contains(.isFinished), receiver.marks.contains(.isFinished))
        switch isFinished {
        case (true, true):
            let isAll = sender.acknowledged == receiver.end && receiver.acknowledged == sender.end
            state = isAll ? .closed : .lastAcknowledgment
        case (true, false), (false, true): state = .closing
        case (false, false): break
        }
    }

    /// Notes an end by the first segment that it sends.
    private static func note(_ segment: TrackedSegment, of end: inout TCPEnd) {
        end.marks.insert(.isSeen)
        end.end = segment.end
        end.maxWindow = max(1, segment.window)
        end.maxEnd = segment.has.synchronize ? segment.end : segment.end &+ end.maxWindow
        if let scale = segment.scale {
            end.scale = scale
            end.marks.insert(.scales)
        }
    }

    /// The equations: data are not beyond what the receiver takes and not all old, and what is acknowledged was sent
    /// and is not long past.
    private static func isInWindow(_ segment: TrackedSegment, _ sender: TCPEnd, _ receiver: TCPEnd) -> Bool {
        let has = segment.has
        // Without data it may be as old as it is, as those of keep-alives are; RST may not.
        let isEmpty = segment.end == segment.sequence && !has.reset
        let end = isEmpty ? sender.end : segment.end
        guard !isAfter(segment.sequence, sender.maxEnd),
            receiver.maxWindow == 0 || isAfter(end, sender.end &- receiver.maxWindow &- 1)
        else { return false }
        // Of what was acknowledged nothing ends: its receiver takes such an RST for an old one (RFC 5961 section 3.2).
        if has.reset, receiver.marks.contains(.acknowledges), isAfter(receiver.acknowledged, segment.sequence) {
            return false
        }
        guard has.acknowledgment, receiver.marks.contains(.isSeen) else { return true }
        return !isAfter(segment.acknowledgment, receiver.end)
            && isAfter(segment.acknowledgment, receiver.end &- max(sender.maxWindow, lagMinimum) &- 1)
    }

    private static func move(_ segment: TrackedSegment, _ sender: inout TCPEnd, _ receiver: inout TCPEnd) {
        let has = segment.has
        guard !has.reset else { return }
        if isAfter(segment.end, sender.maxEnd), receiver.maxWindow != 0 {
            // A probe of a window that is shut.
            receiver.maxWindow = min(receiver.maxWindow &+ (segment.end &- sender.maxEnd), 1 << 30)
        }
        if isAfter(segment.end, sender.end) { sender.end = segment.end }
        if has.finish { sender.marks.insert(.isFinished) }
        noteAcknowledgment(segment, of: &sender, about: &receiver)
    }

    private static func noteAcknowledgment(
        _ segment: TrackedSegment,
        of sender: inout TCPEnd,
        about receiver: inout TCPEnd
    ) {
        // The window of a SYN has no scale (RFC 7323 section 2.2).
        let window = segment.has.synchronize ? segment.window : segment.window &<< UInt32(sender.scale & 15)
        sender.maxWindow = max(sender.maxWindow, window)
        guard segment.has.acknowledgment else { return }
        let number = segment.acknowledgment
        if !sender.marks.contains(.acknowledges) || isAfter(number, sender.acknowledged) {
            sender.acknowledged = number
        }
        sender.marks.insert(.acknowledges)
        // Also an end that has sent nothing that was seen has sent what is acknowledged.
        if !receiver.marks.contains(.isSeen) { (receiver.end, receiver.maxEnd) = (number, number) }
        let limit = number &+ max(window, 1)
        if isAfter(limit, receiver.maxEnd) { receiver.maxEnd = limit }
    }

    /// True if a number comes after another one, counted round (RFC 9293 section 3.4).
    private static func isAfter(_ number: UInt32, _ other: UInt32) -> Bool {
        Int32(bitPattern: number &- other) > 0
    }
}
