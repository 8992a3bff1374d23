import JSON

/// A token: a secret that was shown once, of which only the hash is kept.
public struct Token: Equatable, Sendable {
    /// The rights of the bearer.
    public enum Grant: Hashable, Sendable {
        /// Requests at the northbound port, until the token expires or is revoked.
        case role(Role)
        /// One certificate for the chassis with this name.
        case join(chassis: String)
    }

    /// The part of the text that may be shown: 16 hexadecimal digits.
    public let id: String
    /// The rights of the bearer.
    public let grant: Grant
    /// SHA-256 of the secret, as 64 hexadecimal digits. The secret has 256 random bits, so that nothing slower than one
    /// hash is needed to keep it from being guessed.
    public let hash: String
    /// The user who made it.
    public let createdBy: String
    /// Seconds since 1970, UTC.
    public let createdAt: Int64
    /// When it ceases to hold, in seconds since 1970, UTC.
    public let expiresAt: Int64
    /// When a join token was used, in seconds since 1970, UTC.
    public internal(set) var usedAt: Int64?

    public static let idDigitCount = 16
    /// The hexadecimal digits of a secret, and of a hash.
    public static let secretDigitCount = 64
    /// The shortest and the longest life of a token in seconds, up to ten years.
    public static let lifetimeRange: ClosedRange<Int64> = 1...(10 * 365 * 86_400)
    /// The life of a token with a role, unless said otherwise: a year.
    public static let lifetimeDefault: Int64 = 365 * 86_400
    /// The life of a join token, unless said otherwise: a day.
    public static let joinLifetimeDefault: Int64 = 86_400

    /// True if it can let nobody in any more.
    public func isSpent(at time: Int64) -> Bool { usedAt != nil || expiresAt <= time }
}

extension Token {
    /// `{"id","role","chassis","created_by","created_at","expires_at","used_at","revision"}`: what users see.
    public func json(revision: UInt64) -> JSONValue {
        var object = members
        object["revision"] = .integer(Int64(clamping: revision))
        return .object(object)
    }

    /// The same with the hash: what the log keeps.
    var row: JSONValue {
        var object = members
        object["hash"] = .string(hash)
        return .object(object)
    }

    private var members: JSONObject {
        var object = JSONObject()
        object["id"] = .string(id)
        object["role"] = .null
        object["chassis"] = .null
        switch grant {
        case .role(let role): object["role"] = .string(role.rawValue)
        case .join(let chassis): object["chassis"] = .string(chassis)
        }
        object["created_by"] = .string(createdBy)
        object["created_at"] = .string(Timestamp(seconds: createdAt).description)
        object["expires_at"] = .string(Timestamp(seconds: expiresAt).description)
        object["used_at"] = usedAt.map { .string(Timestamp(seconds: $0).description) } ?? .null
        return object
    }

    /// The token that a row of the log holds.
    init?(row: JSONValue) {
        let grant: Grant
        switch (row["role"]?.stringValue.flatMap(Role.init), row["chassis"]?.stringValue) {
        case (let role?, nil): grant = .role(role)
        case (nil, let chassis?): grant = .join(chassis: chassis)
        default: return nil
        }
        guard let id = row["id"]?.stringValue, let hash = row["hash"]?.stringValue,
            let createdBy = row["created_by"]?.stringValue,
            let createdAt = row["created_at"]?.stringValue.flatMap(Timestamp.init),
            let expiresAt = row["expires_at"]?.stringValue.flatMap(Timestamp.init)
        else { return nil }
        self.init(
            id: id,
            grant: grant,
            hash: hash,
            createdBy: createdBy,
            createdAt: createdAt.seconds,
            expiresAt: expiresAt.seconds
        )
        usedAt = row["used_at"]?.stringValue.flatMap(Timestamp.init)?.seconds
    }
}
