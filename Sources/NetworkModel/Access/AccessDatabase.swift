import JSON
import Persistent

/// The joining of a chassis: its first certificate and all renewals name it, and none is valid without it.
public struct Enrolment: Equatable, Sendable {
    /// 16 hexadecimal digits, new with each joining.
    public let id: String
    /// The id of the token that it was done with.
    public let token: String
    /// When, in seconds since 1970, UTC.
    public let time: Int64
}

/// Tokens and the joinings of chassis.
public struct AccessDatabase: Sendable {
    /// A token as it is shown.
    public struct Entry: Sendable {
        public let token: Token
        /// The revision of the last commit that changed it.
        public let revision: UInt64
        /// Its canonical JSON, without the hash.
        public let bytes: [UInt8]
    }

    /// The most tokens at a time, spent ones included: two for each of the most chassis.
    public static let tokenCountMaximum = 20_000
    /// The time that a spent token is still shown, in seconds: a week. It then makes way for a new one.
    public static let spentTokenSeconds: Int64 = 7 * 86_400

    public private(set) var tokens = OrderedMap<String, Entry>()
    /// The joinings by the names of the chassis.
    public private(set) var enrolments = OrderedMap<String, Enrolment>()

    public init() {}

    /// Puts a token, or with `nil` deletes it.
    public mutating func setToken(_ token: Token?, id: String, revision: UInt64) {
        tokens[id] = token.map { Entry(token: $0, revision: revision, bytes: $0.json(revision: revision).bytes) }
    }

    /// Puts the joining of a chassis, or with `nil` deletes it.
    public mutating func setEnrolment(_ enrolment: Enrolment?, chassis: String) { enrolments[chassis] = enrolment }

    /// The log's row of a token; `nil` if there is none.
    public func tokenRow(_ id: String) -> [UInt8]? { tokens[id]?.token.row.bytes }

    /// The log's row of a joining; `nil` if there is none.
    public func enrolmentRow(_ chassis: String) -> [UInt8]? {
        enrolments[chassis].map { enrolment -> JSONValue in
            [
                "id": .string(enrolment.id), "token": .string(enrolment.token),
                "time": .string(Timestamp(seconds: enrolment.time).description),
            ]
        }?.bytes
    }

    /// Takes a row of the log for a token; false if it cannot be read.
    public mutating func restoreToken(_ row: JSONValue, id: String, revision: UInt64) -> Bool {
        guard let token = Token(row: row), token.id == id else { return false }
        setToken(token, id: id, revision: revision)
        return true
    }

    /// Takes a row of the log for a joining; false if it cannot be read.
    public mutating func restoreEnrolment(_ row: JSONValue, chassis: String) -> Bool {
        guard let id = row["id"]?.stringValue, let token = row["token"]?.stringValue,
            let time = row["time"]?.stringValue.flatMap(Timestamp.init)
        else { return false }
        setEnrolment(Enrolment(id: id, token: token, time: time.seconds), chassis: chassis)
        return true
    }
}
