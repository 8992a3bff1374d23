import Persistent

/// A change of who is let in.
public struct AccessRequest: Sendable {
    public enum Change: Sendable {
        /// A token with this id and the hash of its secret is made, for so many seconds.
        case create(Token.Grant, id: String, hash: String, lifetime: Int64)
        /// A token holds no more.
        case revoke(id: String, Precondition)
        /// A chassis joins with a token, whose secret has this hash.
        case enrol(chassis: String, token: String, hash: String, enrolment: String)
    }

    public var change: Change
    /// The author for the commit log.
    public var author: String
    /// The request's identity, as the commit log will say it.
    public var requestID: String
    /// True if it is only checked, and nothing changes.
    public var isDryRun = false

    public init(_ change: Change, author: String, requestID: String) {
        self.change = change
        self.author = author
        self.requestID = requestID
    }
}

extension AccessDatabase {
    /// Carries out a change.
    /// - Parameters:
    ///   - revision: that of the commit.
    ///   - time: seconds since 1970, UTC.
    /// - Returns: the tokens and the chassis whose rows change.
    public mutating func perform(
        _ request: AccessRequest,
        revision: UInt64,
        time: Int64
    ) throws(Refusal) -> (tokens: Set<String>, chassis: Set<String>) {
        switch request.change {
        case .create(let grant, let id, let hash, let lifetime):
            var touched = forgetSpentTokens(at: time)
            guard tokens.count < Self.tokenCountMaximum else {
                throw Refusal(
                    .limitExceeded,
                    "There are \(Self.tokenCountMaximum) tokens, which is the maximum; revoke some first."
                )
            }
            let token = Token(
                id: id,
                grant: grant,
                hash: hash,
                createdBy: request.author,
                createdAt: time,
                expiresAt: time + lifetime
            )
            setToken(token, id: id, revision: revision)
            touched.insert(id)
            return (touched, [])
        case .revoke(let id, let precondition):
            guard let entry = tokens[id] else { throw Refusal(.notFound, "There is no token \(quoted(id)).") }
            try precondition.check(revisions: entry.revision...entry.revision, "token")
            setToken(nil, id: id, revision: revision)
            return ([id], [])
        case .enrol(let chassis, let id, let hash, let enrolment):
            var token = try joinToken(id, hash: hash, chassis: chassis, time: time)
            token.usedAt = time
            setToken(token, id: id, revision: revision)
            setEnrolment(Enrolment(id: enrolment, token: id, time: time), chassis: chassis)
            return ([id], [chassis])
        }
    }

    /// The token that lets a chassis join.
    /// - Throws: a refusal that says what is wrong with it and what to do.
    public func joinToken(
        _ id: String,
        hash: String,
        chassis: String,
        time: Int64
    ) throws(Refusal) -> Token {
        let remedy = "make one with 'heddle token create --chassis \(chassis)' on central's host"
        // The hashes are always compared, and to the last byte, so that the time tells nothing about them.
        let isRight = isSame(tokens[id]?.token.hash ?? String(repeating: "0", count: hash.utf8.count), hash)
        guard let token = tokens[id]?.token, isRight, case .join(let bound) = token.grant else {
            throw Refusal(.forbidden, "The join token is not one of this central, or was revoked; \(remedy).")
        }
        guard bound == chassis else {
            throw Refusal(
                .forbidden,
                "The join token is for the chassis \(quoted(bound)), and this one is \(quoted(chassis)); \(remedy)."
            )
        }
        if let usedAt = token.usedAt {
            throw Refusal(
                .forbidden,
                "The join token was used at \(Timestamp(seconds: usedAt)), and it works only once; \(remedy)."
            )
        }
        guard token.expiresAt > time else {
            throw Refusal(
                .forbidden,
                "The join token expired at \(Timestamp(seconds: token.expiresAt)); \(remedy)."
            )
        }
        return token
    }

    private mutating func forgetSpentTokens(at time: Int64) -> Set<String> {
        let forgotten = tokens.filter { entry in
            let end = min(entry.value.token.usedAt ?? .max, entry.value.token.expiresAt)
            return end < time - Self.spentTokenSeconds
        }.map(\.key)
        for id in forgotten { setToken(nil, id: id, revision: 0) }
        return Set(forgotten)
    }
}

/// True if two texts are the same, in a time that depends on their lengths only.
public func isSame(_ left: String, _ right: String) -> Bool {
    guard left.utf8.count == right.utf8.count else { return false }
    var difference: UInt8 = 0
    for (one, other) in zip(left.utf8, right.utf8) { difference |= one ^ other }
    return difference == 0
}
