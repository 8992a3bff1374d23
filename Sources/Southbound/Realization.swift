import JSON

/// Which chassis have a revision in their tables, and which do not.
///
/// On the wire `{"revision","state":"complete"|"timeout","pending":[…],"excluded":[{"chassis","reason"}]}`.
public struct Realization: Equatable, Sendable {
    /// The revision that was asked for.
    public var revision: UInt64
    /// The live chassis whose share the revision or one before it changed and who have not said that they have it,
    /// in order of name. Empty when the revision is realized.
    public var pending: [String]
    /// The chassis that are not waited for because they are not live, in order of name.
    public var excluded: [String]

    /// The longest that an answer is held, in seconds: as long as an operator watches a roll-out by one request. A
    /// client that wants more asks again.
    public static let waitMaximum = 600

    /// True if every live chassis has it.
    public var isComplete: Bool { pending.isEmpty }

    public init(revision: UInt64, pending: [String], excluded: [String]) {
        self.revision = revision
        self.pending = pending
        self.excluded = excluded
    }

    public var json: JSONValue {
        [
            "revision": .integer(Int64(clamping: revision)),
            "state": isComplete ? "complete" : "timeout",
            "pending": .array(pending.map { .string($0) }),
            "excluded": .array(excluded.map { ["chassis": .string($0), "reason": "dead"] }),
        ]
    }
}
