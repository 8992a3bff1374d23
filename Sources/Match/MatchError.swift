import Wire

/// The reason why a text is no match expression, and its place.
public struct MatchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The octets of the text before the place.
    public let offset: Int
    /// The text at the place, at most 40 octets of it; empty at the end.
    public let found: String
    /// One clause: the word that was expected, or the fault and its remedy.
    public let detail: String

    static let foundByteCountMaximum = 40

    /// `at byte 14, "=": expected …`, bytes counted from 1, fit for a terminal.
    public var description: String {
        "at byte \(offset + 1), \(found.isEmpty ? "the end" : "\"\(found.printable)\""): \(detail)"
    }
}
