import HTTP
import HTTPTypes
import Reactor
import Security

/// The time of one loop that each of its users takes, over all of their connections.
///
/// Many connections that each ask for little are much together. Who takes more than a fair share while others ask, too,
/// is not served at once but in turn.
struct TurnShares {
    /// The time over which shares are compared: short enough that a burst is noticed before others have waited for
    /// long.
    static let window: Duration = .milliseconds(20)
    /// The most users that are told apart in a window; all others count as one.
    static let userCountMaximum = 1024
    /// The share of the window that everybody may take, however many users there are: an eighth.
    private static let leastShare = window / 8

    private var begun: Duration = .zero
    private var used: [Int: Duration] = [:]
    /// The users who took too much in the window before.
    private var greedy: Set<Int> = []

    /// Takes note of a piece of work for a user.
    mutating func note(_ time: Duration, of user: Int, now: Duration) {
        if now - begun >= Self.window { begin(now) }
        if used[user] != nil || used.count < Self.userCountMaximum {
            used[user, default: .zero] += time
        } else {
            used[0, default: .zero] += time
        }
    }

    /// True if a user has taken more than a fair share lately, to the cost of others.
    func isGreedy(_ user: Int) -> Bool { !greedy.isEmpty && greedy.contains(user) }

    private mutating func begin(_ now: Duration) {
        // After a quiet time nobody is.
        greedy = []
        if used.count > 1, now - begun < Self.window * 2 {
            let share = max(Self.window / (used.count + 1), Self.leastShare)
            for (user, time) in used where time > share { greedy.insert(user) }
        }
        used.removeAll(keepingCapacity: true)
        begun = now
    }
}

extension ServerLink {
    /// The number of the one who asks, in this process: of the secret or certificate that is shown, or of the address.
    func user(of request: HTTPRequest) -> Int {
        if let secret = request.headerFields[.authorization] { return secret.hashValue }
        if case .certificate(let certificate) = credentials { return certificate.uris.hashValue }
        guard case .ip(let address, _) = peer else { return 1 }
        return RemoteHost(address).hashValue
    }
}
