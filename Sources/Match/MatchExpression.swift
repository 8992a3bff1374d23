/// An expression of OVN's match language (ovn-sb(5), column `match` of `Logical_Flow`) about frames of layer 2 to 4.
///
///     inport == @web && ip4.src == $office && tcp.dst == {80, 443}
///
/// It is checked when it is read: names, widths, and what a field presupposes. `matches` says of a frame if it is
/// true. A test of a field is false if its prerequisite is (`tcp.dst != 80` is about TCP alone, and so is
/// `!(tcp.dst == 80)`), and `!` before a predicate is its whole opposite (`!tcp` is true of ARP), as in OVN. What
/// differs, tells `docs/match.md`.
public struct MatchExpression: Hashable, Sendable, CustomStringConvertible {
    /// The user's words.
    public let description: String
    /// The names in it.
    public let references: MatchReferences
    /// The number of tests and constants, prerequisites and expanded predicates included: the cost of a frame.
    public let weight: Int
    /// True if it asks for ports, port groups or address sets, which others than frames know.
    public var hasNames: Bool { term.hasNames }
    /// The tests that it is made of.
    package let term: MatchTerm

    /// The longest text, in octets: a set of 500 IPv6 addresses; a larger one belongs into an address set.
    public static let byteCountMaximum = 16_384
    /// The deepest nesting of parentheses, OVN's: the stack of a thread stays small.
    public static let depthMaximum = 100
    /// The most tests and constants, prerequisites and expanded predicates included: what one frame may cost.
    public static let weightMaximum = 4_096
    /// The most conjunctions that the expression is a union of: rows that a table needs for it.
    public static let conjunctionCountMaximum = 4_096
    /// The longest name of a port, a port group or an address set, in octets, as in every object.
    public static let nameByteCountMaximum = 128

    /// The expression that `text` is.
    /// - Throws: the place of the first fault, and the word that was expected there.
    public init(_ text: String) throws(MatchError) {
        let octets = Array(text.utf8.prefix(Self.byteCountMaximum + 1))
        guard octets.count <= Self.byteCountMaximum else {
            let detail = "an expression has at most \(Self.byteCountMaximum) bytes; put addresses into an address set"
            throw MatchError(offset: Self.byteCountMaximum, found: "", detail: detail)
        }
        var parser = MatchParser(octets, symbols: .all)
        term = try parser.wholeExpression()
        references = parser.references
        weight = term.weight
        description = text
    }

    /// True if the expression is true of the frame.
    public func matches(_ frame: MatchFrame, in scope: some MatchScope) -> Bool { term.isTrue(of: frame, in: scope) }
}

/// The names that an expression uses, so that its writer can be told of those that are not there.
public struct MatchReferences: Hashable, Sendable {
    /// Ports by name: `inport == "vm1"`.
    public internal(set) var ports: Set<String> = []
    /// `@name`.
    public internal(set) var portGroups: Set<String> = []
    /// `$name`.
    public internal(set) var addressSets: Set<String> = []
}
