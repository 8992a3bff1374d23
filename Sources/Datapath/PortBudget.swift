/// A limit on events: on average, and at once after a pause.
public struct RateLimit: Equatable, Sendable {
    /// Times a second, more than 0.
    public let perSecond: Int
    /// Times at once, more than 0.
    public let burst: Int

    /// Answers to ARP requests and neighbor solicitations of a port. A burst fills a host's neighbor table, of which
    /// Linux keeps 1024 entries (`gc_thresh3`), twice; the rate fills it anew each second, which no honest host does.
    public static var neighborAnswers: RateLimit { RateLimit(perSecond: 1000, burst: 2000) }
    /// Answers to DHCP messages and router solicitations of a port: a client asks a few times when it starts and then
    /// once in minutes, so a burst is for some hundred clients behind one port.
    public static var configurationAnswers: RateLimit { RateLimit(perSecond: 100, burst: 400) }
    /// Answers to DNS queries of a port: what a busy host asks that keeps nothing.
    public static var nameAnswers: RateLimit { RateLimit(perSecond: 2000, burst: 4000) }
    /// "Too big" answers to a port: one for each destination, which a host then remembers for minutes. Linux itself
    /// sends as many errors (`icmp_msgs_per_sec`), for a whole host.
    public static var tooBigAnswers: RateLimit { RateLimit(perSecond: 1000, burst: 1000) }
    /// Words to a port that ACLs reject its packets: a Linux host sends as many errors (`icmp_msgs_per_sec`).
    public static var rejections: RateLimit { RateLimit(perSecond: 1000, burst: 1000) }
    /// Claims of virtual addresses by a port. A burst is for a host with dozens of addresses that all move at once; the
    /// rate bounds how often central hears of two parents that take an address from each other without end.
    public static var virtualClaims: RateLimit { RateLimit(perSecond: 1, burst: 64) }
    /// Copies that a host makes of a port's broadcasts, multicasts and frames to unknown MACs, beyond the first one,
    /// which any frame costs: on the port's own host for its ports and for other hosts, there for their ports. They
    /// take about a third of what one processor hands on, and are 500 broadcasts a second to 500 hosts, or a stream of
    /// 1.4 Gbit/s to three.
    public static var floodCopies: RateLimit { RateLimit(perSecond: 250_000, burst: 250_000) }
    /// MACs that are learnt behind a port, or move there: a burst is a bridge of as many guests as one port may have,
    /// the rate is far above what moves of guests cause. Each is a reason to decide anew on flows of the switch.
    public static var learntMACs: RateLimit { RateLimit(perSecond: 200, burst: LearntMACs.portCountMaximum) }
    /// Statements about multicast groups in the reports of a port: a burst is all groups that one port may have, twice,
    /// as many as a switch has by default; the rate has a member of each answer within ten seconds.
    public static var membershipRecords: RateLimit { RateLimit(perSecond: 200, burst: 2048) }
    /// Copies of a port's frames to its mirrors, segments of superpackets counted: as many as a busy guest sends, while
    /// one processor makes three times as many.
    public static var mirrorCopies: RateLimit { RateLimit(perSecond: 200_000, burst: 200_000) }
}

/// The used part of a port's limits. All zero is nothing.
///
/// A limit is a bucket that leaks (ITU-T I.371, the generic cell rate algorithm), in one word: the time at which all
/// that was taken is paid for. More may be taken as long as that is not too far ahead.
public struct PortBudget {
    private var neighborAnswers = Meter()
    private var configurationAnswers = Meter()
    private var nameAnswers = Meter()
    private var tooBigAnswers = Meter()
    private var rejections = Meter()
    private var floodCopies = Meter()
    private var virtualClaims = Meter()
    private var membershipRecords = Meter()
    private var mirrorCopies = Meter()
    private var storms = StormMeters()
    /// The used part of the limit of what the guest sends.
    public var sending = SendingBudget()

    public init() {}

    /// Takes an answer of the pipeline.
    /// - Parameters:
    ///   - now: of a clock that never goes back.
    ///   - shareCount: those who share the port's limit, each with a budget of its own: its queues.
    /// - Returns: the reason to drop the frame instead if the limit is reached.
    public mutating func takeAnswer(_ kind: AnswerKind, now: Duration, shareCount: Int = 1) -> DropReason? {
        switch kind {
        case .neighbor:
            neighborAnswers.take(1, of: .neighborAnswers, now: now, shareCount: shareCount) ? nil : .neighborAnswerLimit
        case .dhcpOffer, .dhcpAcknowledgement, .dhcpRefusal, .dhcpv6Advertisement, .dhcpv6Reply, .router:
            configurationAnswers.take(1, of: .configurationAnswers, now: now, shareCount: shareCount)
                ? nil : .configurationAnswerLimit
        case .name: nameAnswers.take(1, of: .nameAnswers, now: now, shareCount: shareCount) ? nil : .nameAnswerLimit
        case .rejection: rejections.take(1, of: .rejections, now: now, shareCount: shareCount) ? nil : .rejectionLimit
        }
    }

    public mutating func takeTooBigAnswer(now: Duration, shareCount: Int = 1) -> Bool {
        tooBigAnswers.take(1, of: .tooBigAnswers, now: now, shareCount: shareCount)
    }

    public mutating func takeVirtualClaim(now: Duration, shareCount: Int = 1) -> Bool {
        virtualClaims.take(1, of: .virtualClaims, now: now, shareCount: shareCount)
    }

    /// Takes the statements of a report about multicast groups.
    public mutating func takeMembershipRecords(_ count: Int, now: Duration, shareCount: Int = 1) -> Bool {
        membershipRecords.take(count, of: .membershipRecords, now: now, shareCount: shareCount)
    }

    /// Takes the copies of a frame for many, those beyond the first.
    public mutating func takeFloodCopies(_ count: Int, now: Duration, shareCount: Int = 1) -> Bool {
        count <= 0 || floodCopies.take(count, of: .floodCopies, now: now, shareCount: shareCount)
    }

    /// Takes a frame for many, or the segments of a superpacket.
    public mutating func takeStorm(
        _ count: Int,
        of kind: StormLimits.Kind,
        _ limits: StormLimits,
        now: Duration,
        shareCount: Int = 1
    ) -> Bool {
        storms.take(count, of: kind, limits, now: now, shareCount: shareCount)
    }

    /// Takes the copies of a frame, or of the segments of a superpacket, to a mirror.
    public mutating func takeMirrorCopies(_ count: Int, now: Duration, shareCount: Int = 1) -> Bool {
        mirrorCopies.take(count, of: .mirrorCopies, now: now, shareCount: shareCount)
    }
}

/// The used part of a limit.
struct Meter {
    /// When all that was taken is paid for, in nanoseconds.
    private var paidAt: Int64 = 0

    /// Takes `count` at once, or nothing.
    mutating func take(_ count: Int, of limit: RateLimit, now: Duration, shareCount: Int) -> Bool {
        let (seconds, attoseconds) = now.components
        let now = seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000
        guard let next = Self.next(paidAt, Int64(count) &* Int64(shareCount), of: limit, now: now) else { return false }
        paidAt = next
        return true
    }

    /// The time at which all is paid for when so much more is taken, in nanoseconds; `nil` if that is too far ahead.
    static func next(_ paidAt: Int64, _ count: Int64, of limit: RateLimit, now: Int64) -> Int64? {
        let price = 1_000_000_000 / Int64(limit.perSecond)
        let next = max(paidAt, now) &+ count &* price
        return next &- now <= Int64(limit.burst) &* price ? next : nil
    }
}
