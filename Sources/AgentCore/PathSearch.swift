/// Finds the size that the path to one other host carries, by datagrams that may not be cut and that the other end
/// answers (as RFC 8899 does for transports). Nothing else is believed, ICMP messages least of all.
///
/// Probes are sent in rounds: some sizes at once, each several times while there is no answer, so that a loss or two
/// tells nothing about a size. The largest answered size is the lower end of the next range. All sizes are octets of
/// whole IP packets on the underlay.
public struct PathSearch: Hashable, Sendable {
    /// The size that is taken to come through whatever the path is: IPv6's least MTU (RFC 8200 section 5), which every
    /// network of today carries of IPv4 as well.
    public static let floor = 1280
    /// Sizes of a round: with eight of them an MTU between 1280 and 9000 is found in five rounds, in three up to 1500.
    static let sizesPerRound = 8
    /// The number of probes of a size in a round.
    static let triesPerRound = 3
    /// The rounds without any answer after which the other end counts as one that answers no probes.
    static let muteRounds = 3
    /// The interval at which the present size is probed again: a path that carries less is noticed within it.
    static let verifyInterval = Duration.seconds(5)
    /// The interval at which a larger size is tried, if this host's routes allow it.
    static let raiseInterval = Duration.seconds(30)
    /// The shortest time between two searches that changes have caused: routing daemons change routes without end.
    static let hurryInterval = Duration.seconds(2)
    /// The interval at which a silent end is asked again.
    static let muteInterval = Duration.seconds(30)
    /// The silence after which an earlier result no longer counts: the other end may be another
    /// program by then.
    static let age = Duration.seconds(600)
    /// The wait of the first round; later ones wait as many times longer as there were rounds.
    static let firstPatience = Duration.milliseconds(500)
    /// The bounds of how long a round waits once it is known how soon answers come.
    static let patienceRange = Duration.milliseconds(300) ... .seconds(2)

    enum State: Hashable, Sendable {
        /// Nothing has been answered yet; so many rounds are over.
        case asking(rounds: Int)
        /// The other end answers nothing.
        case mute
        /// `carried` comes through, `limit` does not.
        case searching(limit: Int)
        /// `carried` comes through, and more does not, or is not allowed.
        case found
        /// `carried` was not answered; it may be that less comes through, or that the other end is away.
        case doubting
    }

    /// A question: a datagram that makes an IP packet of `byteCount` octets.
    public struct Probe: Hashable, Sendable {
        /// Octets of the whole IP packet.
        public var byteCount: Int
        /// The number that the answer has to repeat.
        public var nonce: UInt64
    }

    private struct Round: Hashable, Sendable {
        /// The sizes, rising.
        var sizes: [Int]
        /// The questions under way, by nonce.
        var sizesByNonce: [UInt64: Int] = [:]
        var largestAnswered = 0
        var tries = 0
        var startedAt: Duration
        var patience: Duration
        /// When the next copies go out, or the round is over.
        var nextAt: Duration
    }

    /// The size that this host's devices and routes allow.
    private(set) var bound: Int
    /// The largest size that has been answered and not been refuted since; 0 before the first answer.
    private(set) var carried = 0
    private(set) var state = State.asking(rounds: 0)
    private var round: Round?
    /// The time that an answer takes.
    private var delay: Duration?
    private var answeredAt: Duration
    private var raisedAt: Duration
    private var hurriedAt: Duration
    /// The time when there is something to do.
    public private(set) var nextAt: Duration

    public init(bound: Int, now: Duration) {
        self.bound = bound
        nextAt = now
        answeredAt = now
        raisedAt = now
        hurriedAt = now
    }

    /// The size in use: the one that was found, or the allowed one if nothing is known.
    public var mtu: Int { carried == 0 ? bound : min(bound, carried) }

    /// True if the other end has answered.
    public var isAnswered: Bool { carried > 0 }

    /// True if it has answered the last that was asked.
    public var isDoubtful: Bool { state == .doubting }

    /// True if the size is decided: after the first answer, or when none is expected any more.
    public var isDecided: Bool {
        if case .asking = state { return false }
        return true
    }

    /// The routes or devices of this host allow something else now.
    public mutating func setBound(_ bound: Int, now: Duration) {
        guard bound != self.bound else { return }
        let hasRisen = bound > self.bound
        self.bound = bound
        carried = min(carried, bound)
        round = nil
        nextAt = now
        switch state {
        case .asking, .mute: state = .asking(rounds: 0)
        case .searching(let limit): settle(limit: hasRisen ? bound + 1 : min(limit, bound + 1), now: now)
        case .found, .doubting:
            guard hasRisen else { return state = .found }
            raisedAt = now
            settle(limit: bound + 1, now: now)
        }
    }

    /// Probes again at once, also larger sizes: something on this host has changed that may have changed the path.
    public mutating func hurry(now: Duration) {
        guard round == nil, now - hurriedAt >= Self.hurryInterval else { return }
        hurriedAt = now
        switch state {
        case .mute: state = .asking(rounds: 0)
        case .found: raisedAt = now - Self.raiseInterval
        case .asking, .searching, .doubting: break
        }
        nextAt = now
    }

    /// Returns the probes to send now, at `nextAt` or later.
    /// - Parameter nonce: draws a random number.
    public mutating func due(now: Duration, nonce: () -> UInt64) -> [Probe] {
        guard nextAt <= now else { return [] }
        if var current = round {
            guard current.tries >= Self.triesPerRound else {
                return ask(&current, now: now, nonce: nonce)
            }
            round = nil
            conclude(current, now: now)
            guard nextAt <= now else { return [] }
        }
        var next = begin(now: now)
        return ask(&next, now: now, nonce: nonce)
    }

    /// The other end has answered a question.
    public mutating func answered(_ nonce: UInt64, now: Duration) {
        guard var current = round, let size = current.sizesByNonce.removeValue(forKey: nonce) else { return }
        let taken = max(now - current.startedAt, .zero)
        delay = delay.map { ($0 * 3 + taken) / 4 } ?? taken
        answeredAt = now
        current.largestAnswered = max(current.largestAnswered, size)
        if size > carried, size <= bound { carried = size }
        guard current.largestAnswered == current.sizes.last else {
            round = current
            return
        }
        // No size of the round is left to wait for.
        round = nil
        conclude(current, now: now)
    }

    // Rounds

    private mutating func begin(now: Duration) -> Round {
        let usual = delay.map { $0 * 4 + .milliseconds(100) } ?? Self.firstPatience
        var patience = min(max(usual, Self.patienceRange.lowerBound), Self.patienceRange.upperBound)
        let sizes: [Int]
        switch state {
        case .asking(let rounds):
            patience = Self.firstPatience * (rounds + 1)
            sizes = [least, bound]
        case .mute: sizes = [least]
        case .searching(let limit): sizes = Self.between(carried, limit)
        case .found: sizes = [carried]
        case .doubting: sizes = Self.between(least, carried) + [least, carried]
        }
        return Round(sizes: Set(sizes).sorted(), startedAt: now, patience: patience, nextAt: now)
    }

    private mutating func ask(_ current: inout Round, now: Duration, nonce: () -> UInt64) -> [Probe] {
        var probes: [Probe] = []
        // The largest first: where it is answered nothing else matters.
        for size in current.sizes.reversed() where size > current.largestAnswered {
            let probe = Probe(byteCount: size, nonce: nonce())
            current.sizesByNonce[probe.nonce] = size
            probes.append(probe)
        }
        current.tries += 1
        current.nextAt = now + current.patience / Self.triesPerRound
        nextAt = current.nextAt
        round = current
        return probes
    }

    private mutating func conclude(_ round: Round, now: Duration) {
        nextAt = now
        let answered = round.largestAnswered
        // Answers may come too late to count: the next round waits longer.
        if answered == 0 { delay = delay.map { min($0 * 2, Self.patienceRange.upperBound) } }
        let refuted = round.sizes.first { $0 > answered }
        switch state {
        case .asking(let rounds):
            if answered > 0 { return settle(limit: refuted ?? bound + 1, now: now) }
            state = .asking(rounds: rounds + 1)
            guard rounds + 1 >= Self.muteRounds else { return }
            state = .mute
            nextAt = now + Self.muteInterval
        case .mute:
            if answered > 0 { state = .asking(rounds: 0) } else { nextAt = now + Self.muteInterval }
        case .searching(let limit):
            settle(limit: min(limit, refuted ?? limit), now: now)
        case .found:
            guard answered > 0 else { return state = .doubting }
            guard carried < bound, now - raisedAt >= Self.raiseInterval else {
                nextAt = now + Self.verifyInterval
                return
            }
            raisedAt = now
            state = .searching(limit: bound + 1)
        case .doubting:
            if answered > 0 {
                carried = answered
                return settle(limit: refuted ?? answered + 1, now: now)
            }
            // Not even the least comes back: this says nothing about sizes.
            guard now - answeredAt < Self.age else {
                carried = 0
                state = .asking(rounds: 0)
                return
            }
            nextAt = now + Self.verifyInterval
        }
    }

    /// Goes on between what comes through and what does not, or is done.
    private mutating func settle(limit: Int, now: Duration) {
        guard limit - carried > 1 else {
            state = .found
            nextAt = now + Self.verifyInterval
            return
        }
        state = .searching(limit: limit)
        nextAt = now
    }

    /// The least size that is asked for.
    private var least: Int { min(Self.floor, bound) }

    /// Sizes spread between two bounds, which are not probed themselves, the largest as near to the upper one as
    /// possible.
    private static func between(_ lower: Int, _ upper: Int) -> [Int] {
        let room = upper - lower - 1
        guard room > 0 else { return [] }
        let count = min(sizesPerRound, room)
        return (1...count).map { lower + (room * $0 + count - 1) / count }
    }
}
