import HTTPCore
import Wire

/// Counts the wrong tokens of each address: beyond its budget an address hears 429 in place of 401.
///
/// Who has a right token behind the same address is served in any case: secrets of 256 bits are not guessed, and a
/// neighbour must not be locked out. Time is monotonic and comes with each call.
struct AttemptLimiter {
    /// Wrong tokens of one address: at once, and then per second.
    static let budget = HTTP2Limits.Budget(burst: 20, perSecond: 1)
    /// When one more attempt is looked at, in seconds.
    static let retrySeconds = 1
    /// Addresses remembered at once. More: all are forgotten, which gives each its budget anew.
    static let addressMaximum = 4096

    private var budgets: [IPAddress: RemainingBudget] = [:]

    /// Takes note of a wrong token; `false` where the address is beyond its budget.
    mutating func take(_ address: IPAddress, now: Duration) -> Bool {
        if budgets.count >= Self.addressMaximum, budgets[address] == nil { budgets = [:] }
        return budgets[address, default: RemainingBudget(Self.budget, now: now)].take(now: now)
    }
}
