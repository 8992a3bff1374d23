import HTTP
import HTTPTransport

/// Counts the wrong tokens of each host: beyond its budget a host gets 429 instead of 401.
///
/// A client with a valid token at the same host is served in any case: secrets of 256 bits are not guessed, and a
/// neighbor must not be locked out. Time is monotonic and comes with each call.
struct AttemptLimiter {
    /// Wrong tokens of one host: at once, and then per second.
    static let budget = HTTP2Limits.Budget(burst: 20, perSecond: 1)
    /// When one more attempt is looked at, in seconds.
    static let retrySeconds = 1

    private var budgets = HostTable<RemainingBudget>()

    /// Takes note of a wrong token; `false` if the host is beyond its budget.
    mutating func take(_ host: RemoteHost, now: Duration) -> Bool {
        budgets.update(host, now: now, default: RemainingBudget(Self.budget, now: now)) { $0.take(now: now) }
    }
}
