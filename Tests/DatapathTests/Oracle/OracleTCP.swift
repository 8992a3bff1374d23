/// A TCP connection as a firewall sees it, by what each end has said so far (docs/acls.md, and the rules of Linux).
struct OracleTCP {
    var state = OracleConnections.State.opening
    var opener = End()
    var other = End()
    /// It was met in its midst.
    var isPickedUp = false
    /// The last SYN that passed though the connection was there: after it (24 bits), and its scale.
    var offer: (end: Int, scale: Int?)?

    /// The end of one side, by what that has sent.
    struct End {
        /// After all that it has sent; `nil` if nothing was seen.
        var sent: Int?
        /// After all that it may send.
        var mayReach = 0
        /// The largest window that it has told.
        var window = 0
        var acknowledged: Int?
        var scale = 0
        var hasOfferedScale = false
        var hasFinished = false
        /// Its place by the words of the other end, if it has not been seen.
        var supposed = 0
    }

    struct Segment {
        var sequence = 0
        var acknowledgment = 0
        var window = 0
        var count = 0
        var isSYN = false
        var isACK = false
        var isFIN = false
        var isRST = false
        var scale: Int?

        var end: Int { wrap(sequence + count + (isSYN ? 1 : 0) + (isFIN ? 1 : 0)) }
    }

    enum Step { case valid, ignored, invalid, restart }

    /// `nil` if no connection begins so.
    init?(_ segment: Segment) {
        if segment.isRST || segment.isFIN || segment.isSYN == segment.isACK { return nil }
        isPickedUp = segment.isACK
        opener.appear(segment)
        if isPickedUp { opener.acknowledge(segment, of: &other) }
    }

    mutating func step(_ segment: Segment, isOriginal: Bool) -> Step {
        let opens = segment.isSYN && !segment.isACK
        if opens, state == .closed || (state == .opening && isOriginal) { return .restart }
        var (sender, receiver) = isOriginal ? (opener, other) : (other, opener)
        switch state {
        case .closed:
            if segment.isSYN { return .invalid }
        case .opening where isPickedUp: break
        case .opening where isOriginal:
            // Nothing but an RST before the answer.
            if !segment.isRST { return .invalid }
        case .opening where segment.isRST:
            guard segment.isACK, segment.acknowledgment == receiver.sent else { return .invalid }
            state = .closed
            return .valid
        case .opening:
            if !segment.isSYN { return .invalid }
        case .answered, .established, .closing, .lastAcknowledgment:
            if opens {
                if !isOriginal { return .invalid }
                offer = (segment.end % (1 << 24), segment.scale)
                return .ignored
            }
            if segment.isSYN {
                if isOriginal, state != .answered { return .invalid }
                if !isOriginal, let offer, offer.end == segment.acknowledgment % (1 << 24) {
                    reopen(offer.scale, segment)
                    return .valid
                }
                if state != .answered { return .ignored }
            }
        }
        if sender.sent == nil {
            sender.appear(segment)
            if segment.isSYN, !(sender.hasOfferedScale && receiver.hasOfferedScale) {
                sender.scale = 0
                receiver.scale = 0
            }
        }
        if !isPickedUp, !isInWindow(segment, sender, receiver) { return .invalid }
        if !segment.isRST { sender.send(segment, to: &receiver) }
        (opener, other) = isOriginal ? (sender, receiver) : (receiver, sender)
        follow(segment, sender, receiver, isOriginal: isOriginal)
        return .valid
    }

    private mutating func reopen(_ scale: Int?, _ answer: Segment) {
        (state, isPickedUp, offer) = (.answered, false, nil)
        (opener, other) = (End(), End())
        other.appear(answer)
        opener.sent = answer.acknowledgment
        opener.mayReach = answer.acknowledgment
        opener.window = 65_535
        opener.hasOfferedScale = scale != nil
        if let scale, answer.scale != nil { opener.scale = scale } else { other.scale = 0 }
        other.mayReach = wrap(answer.end + 65_535)
        other.acknowledge(answer, of: &opener)
    }

    private mutating func follow(_ segment: Segment, _ sender: End, _ receiver: End, isOriginal: Bool) {
        if segment.isRST {
            let isExact = receiver.acknowledged == nil || receiver.acknowledged == segment.sequence
            if state == .opening || state == .answered || isPickedUp || isExact { state = .closed }
            return
        }
        if state == .opening, !isOriginal {
            state = segment.isSYN ? .answered : .established
        } else if state == .answered, !segment.isSYN, segment.isACK, isOriginal || receiver.acknowledged != nil {
            state = .established
        }
        guard [.established, .closing, .lastAcknowledgment].contains(state) else { return }
        if sender.hasFinished, receiver.hasFinished {
            let isAll = sender.acknowledged ?? 0 == receiver.sent && receiver.acknowledged ?? 0 == sender.sent
            state = isAll ? .closed : .lastAcknowledgment
        } else if sender.hasFinished || receiver.hasFinished {
            state = .closing
        }
    }

    private func isInWindow(_ segment: Segment, _ sender: End, _ receiver: End) -> Bool {
        if isLater(segment.sequence, than: sender.mayReach) { return false }
        let isEmpty = segment.end == segment.sequence && !segment.isRST
        let end = isEmpty ? sender.sent ?? 0 : segment.end
        // Not all of it older than a window.
        if receiver.window > 0, !isLater(end, than: wrap((sender.sent ?? 0) - receiver.window - 1)) { return false }
        if segment.isRST, let acknowledged = receiver.acknowledged, isLater(acknowledged, than: segment.sequence) {
            return false
        }
        guard segment.isACK, let sent = receiver.sent else { return true }
        if isLater(segment.acknowledgment, than: sent) { return false }
        return isLater(segment.acknowledgment, than: wrap(sent - max(sender.window, 66_000) - 1))
    }
}

extension OracleTCP.End {
    /// The first segment of an end.
    mutating func appear(_ segment: OracleTCP.Segment) {
        sent = segment.end
        window = max(1, segment.window)
        mayReach = segment.isSYN ? segment.end : wrap(segment.end + window)
        if let scale = segment.scale {
            self.scale = scale
            hasOfferedScale = true
        }
    }

    mutating func send(_ segment: OracleTCP.Segment, to receiver: inout OracleTCP.End) {
        if isLater(segment.end, than: mayReach), receiver.window != 0 {
            receiver.window = min(wrap(receiver.window + wrap(segment.end - mayReach)), 1 << 30)
        }
        if isLater(segment.end, than: sent ?? supposed) { sent = segment.end }
        if segment.isFIN { hasFinished = true }
        acknowledge(segment, of: &receiver)
    }

    mutating func acknowledge(_ segment: OracleTCP.Segment, of receiver: inout OracleTCP.End) {
        let told = segment.isSYN ? segment.window : wrap(segment.window << scale)
        window = max(window, told)
        guard segment.isACK else { return }
        if let acknowledged, !isLater(segment.acknowledgment, than: acknowledged) {
            // An older one.
        } else {
            acknowledged = segment.acknowledgment
        }
        if receiver.sent == nil {
            (receiver.supposed, receiver.mayReach) = (segment.acknowledgment, segment.acknowledgment)
        }
        let limit = wrap(segment.acknowledgment + max(told, 1))
        if isLater(limit, than: receiver.mayReach) { receiver.mayReach = limit }
    }
}

/// Sequence numbers are 0 ..< 2^32.
private func wrap(_ number: Int) -> Int { number & 0xffff_ffff }

/// By at most half of all numbers.
private func isLater(_ number: Int, than other: Int) -> Bool { (1..<1 << 31).contains(wrap(number - other)) }
