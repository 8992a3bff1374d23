/// One word of a match expression.
struct MatchToken {
    var kind: Kind
    /// The octets of the text that it is.
    var place: Range<Int>

    enum Kind: Hashable {
        /// A field or a predicate: `eth.src`.
        case identifier(String)
        case number(MatchNumber)
        /// The name of a port, in double quotes.
        case string(String)
        /// `$name`, without the sign.
        case addressSet(String)
        /// `@name`, without the sign.
        case portGroup(String)
        case mark(Mark)
        case end
    }

    /// Everything that is neither a name nor a constant.
    enum Mark: String, CaseIterable {
        case and = "&&"
        case or = "||"
        case equal = "=="
        case notEqual = "!="
        case lessOrEqual = "<="
        case greaterOrEqual = ">="
        case ellipsis = ".."
        case less = "<"
        case greater = ">"
        case not = "!"
        case leftParenthesis = "("
        case rightParenthesis = ")"
        case leftBracket = "["
        case rightBracket = "]"
        case leftBrace = "{"
        case rightBrace = "}"
        case comma = ","
    }

    /// True for what can begin a constant or a set of them.
    var beginsConstant: Bool {
        switch kind {
        case .number, .string, .addressSet, .portGroup: true
        case .mark(let mark): mark == .leftBrace
        case .identifier, .end: false
        }
    }

    var comparison: MatchComparison? {
        guard case .mark(let mark) = kind else { return nil }
        return switch mark {
        case .equal: .equal
        case .notEqual: .notEqual
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        case .and, .or, .ellipsis, .not, .leftParenthesis, .rightParenthesis, .leftBracket, .rightBracket, .leftBrace,
            .rightBrace, .comma:
            nil
        }
    }
}
