/// The bounds of one HTTP/2 connection, beside those of ``HTTPLimits`` that hold for each of its requests.
///
/// A client beyond a budget of frames gets GOAWAY with ENHANCE_YOUR_CALM, and the connection ends.
public struct HTTP2Limits: Equatable, Sendable {
    /// Requests under way at once (SETTINGS_MAX_CONCURRENT_STREAMS). More: the stream is refused, or the
    /// connection ends if the client has acknowledged the maximum. A request whose stream was reset counts until its
    /// handler is done with it, so that resetting does not buy more work.
    public var streamMaximum = 128
    /// Bytes of answers that wait for the client's windows. While there are more, no further request is handed out.
    public var answerByteCountMaximum = 256 * 1024
    /// Bytes of a body that a client may send before the server takes them (SETTINGS_INITIAL_WINDOW_SIZE).
    public var streamWindowByteCount = 256 * 1024
    /// The same for all bodies of a connection together.
    public var connectionWindowByteCount = 1 << 20
    /// CONTINUATION frames of one head. More: the connection ends. With frames of 16 KiB it bounds the coded head.
    public var continuationMaximum = 8
    /// A head that grows to so many times ``HTTPLimits/headByteCountMaximum`` when its compression is taken off ends
    /// the connection; shorter ones, beyond the maximum, get 431.
    public var headBombFactor = 2
    /// SETTINGS_HEADER_TABLE_SIZE of both directions, in bytes.
    public var headerTableByteCount = 4096
    /// Entries of one SETTINGS frame. More: the connection ends.
    public var settingMaximum = 32
    /// Acknowledgements of PING and SETTINGS that wait because the client does not read. More: the connection ends.
    public var acknowledgementMaximum = 100
    /// Streams that the client resets (rapid reset, CVE-2023-44487): at once, and then per second.
    public var clientResets = Budget(burst: 200, perSecond: 20)
    /// Invalid frames, and streams that the server had to reset because of what the client sent (MadeYouReset,
    /// CVE-2025-8671).
    public var serverResets = Budget(burst: 100, perSecond: 10)
    /// Frames that carry nothing of a request: PING, SETTINGS, PRIORITY, refused streams, DATA without
    /// bytes, and windows widened by less than ``windowUpdateByteCountMinimum`` (CVE-2019-9511 to 9518).
    public var controlFrames = Budget(burst: 300, perSecond: 100)
    /// A WINDOW_UPDATE of fewer bytes counts among ``controlFrames``: it would make the server send crumbs.
    public var windowUpdateByteCountMinimum = 1024
    /// The time after the announcement of a shutdown in which new requests are accepted from a client that does not
    /// acknowledge it (RFC 9113 section 6.8).
    public var shutdownNoticeTime: Duration = .seconds(1)

    /// So many at once, and then so many per second.
    public struct Budget: Equatable, Sendable {
        /// Events at once after a quiet time.
        public var burst: Int
        /// Events per second in the long run.
        public var perSecond: Int

        public init(burst: Int, perSecond: Int) {
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    public init() {}
}

/// The rest of a budget: a bucket that fills at a constant rate up to its brim.
public struct RemainingBudget {
    private let budget: HTTP2Limits.Budget
    private var left: Duration
    private var updated: Duration

    /// A full bucket. Time is kept in place of events, so that no fraction is lost.
    public init(_ budget: HTTP2Limits.Budget, now: Duration) {
        self.budget = budget
        left = Self.time(of: budget.burst, budget)
        updated = now
    }

    /// Takes one event; `false` if none is left.
    public mutating func take(now: Duration) -> Bool {
        left = min(left + max(.zero, now - updated), Self.time(of: budget.burst, budget))
        updated = now
        let cost = Self.time(of: 1, budget)
        guard left >= cost else { return false }
        left -= cost
        return true
    }

    private static func time(of count: Int, _ budget: HTTP2Limits.Budget) -> Duration {
        .seconds(1) * count / max(budget.perSecond, 1)
    }
}
