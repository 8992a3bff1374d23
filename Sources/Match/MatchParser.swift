/// Reads the words of an expression by OVN's grammar and checks each comparison on the way.
///
/// The work is bounded by the length of the text: each word is read once, parentheses have a greatest depth, and the
/// weight of all tests is counted before they are kept.
struct MatchParser {
    private var lexer: MatchLexer
    private var token: MatchToken
    private let symbols: MatchSymbols
    private var depth = 0
    private var weight = 0
    private(set) var references = MatchReferences()
    /// The fault of the first word, if it has one: `init` throws nothing.
    private var fault: MatchError?

    init(_ text: [UInt8], symbols: MatchSymbols) {
        lexer = MatchLexer(text)
        self.symbols = symbols
        token = MatchToken(kind: .end, place: 0..<0)
        do { token = try lexer.next() } catch { fault = error }
    }

    /// The expression that the whole text is.
    mutating func wholeExpression() throws(MatchError) -> MatchTerm {
        if let fault { throw fault }
        let term = try expression(negated: false)
        guard token.kind == .end else { throw error("expected &&, || or the end") }
        guard term.conjunctionCount <= MatchExpression.conjunctionCountMaximum else {
            let most = MatchExpression.conjunctionCountMaximum
            throw lexer.error(
                at: 0..<token.place.lowerBound,
                "comes to more than \(most) combinations; join alternatives in sets, such as tcp.dst == {80, 443}"
            )
        }
        return term
    }

    /// Terms with && between them, or with || between them; both together need parentheses.
    private mutating func expression(negated: Bool) throws(MatchError) -> MatchTerm {
        var terms = [try operand(negated: negated)]
        guard token.kind == .mark(.and) || token.kind == .mark(.or) else { return terms[0] }
        let joint = token.kind
        while token.kind == joint {
            try advance()
            terms.append(try operand(negated: negated))
        }
        if token.kind == .mark(.and) || token.kind == .mark(.or) {
            throw error("expected parentheses: && and || have no order when they meet")
        }
        return (joint == .mark(.and)) != negated ? .all(terms) : .any(terms)
    }

    private mutating func operand(negated: Bool) throws(MatchError) -> MatchTerm {
        guard token.kind == .mark(.not) else { return try primary(negated: negated).term }
        let start = token.place.lowerBound
        try advance()
        let operand = try primary(negated: !negated)
        guard operand.isAtomic else {
            throw lexer.error(at: start..<token.place.lowerBound, "expected parentheses around the operand of !")
        }
        return operand.term
    }

    /// - Returns: also, if the text needs no parentheses behind a `!`.
    private mutating func primary(
        negated: Bool
    ) throws(MatchError) -> (term: MatchTerm, isAtomic: Bool) {
        if token.kind == .mark(.leftParenthesis) { return (try parenthesis(negated: negated), true) }
        if case .identifier = token.kind {
            let symbol = try symbol()
            if let comparison = token.comparison {
                try advance()
                return (try test(symbol, comparison, try constants(), negated: negated), false)
            }
            return (try bare(symbol, negated: negated), true)
        }
        guard token.beginsConstant else {
            throw error("expected a field, a predicate, a constant, ! or (")
        }
        let left = try constants()
        guard let first = token.comparison else {
            guard let value = left.truth else { throw error("expected a comparison: ==, !=, <, <=, > or >=") }
            try count(1)
            return (.constant(value != negated), true)
        }
        try advance()
        let symbol = try symbol()
        let lower = try test(symbol, first.mirrored, left, negated: negated)
        guard let second = token.comparison else { return (lower, false) }
        guard !first.isEquality, !second.isEquality, first.pointsRight == second.pointsRight else {
            throw error("expected a range to be written as 1 < field < 9 or 9 > field > 1, with <= and >= as needed")
        }
        try advance()
        let upper = try test(symbol, second, try constants(), negated: negated)
        return (negated ? .any([lower, upper]) : .all([lower, upper]), false)
    }

    private mutating func parenthesis(negated: Bool) throws(MatchError) -> MatchTerm {
        guard depth < MatchExpression.depthMaximum else {
            throw error("parentheses nest deeper than \(MatchExpression.depthMaximum)")
        }
        depth += 1
        try advance()
        let term = try expression(negated: negated)
        guard token.kind == .mark(.rightParenthesis) else { throw error("expected &&, || or )") }
        depth -= 1
        try advance()
        return term
    }

    /// A field, bits of one, a port or a predicate.
    private mutating func symbol() throws(MatchError) -> NamedSymbol {
        guard case .identifier(let name) = token.kind else { throw error("expected a field") }
        let start = token.place
        guard let symbol = symbols.byName[name] else {
            throw error(MatchSymbols.refusal(of: name) ?? "expected a field or a predicate, and this is neither")
        }
        try advance()
        guard token.kind == .mark(.leftBracket) else { return NamedSymbol(symbol: symbol, place: start) }
        guard case .bits(var bits) = symbol else { throw error("\(name) has no bits to choose from") }
        let range = try bitRange(of: name, below: bits.range.count)
        if bits.field.isNominal, range.count < bits.range.count {
            let detail = "\(name) has whole values only; compare it by == or != without [ ]"
            throw lexer.error(at: start.lowerBound..<token.place.lowerBound, detail)
        }
        bits.range = bits.range.lowerBound + range.lowerBound...bits.range.lowerBound + range.upperBound
        return NamedSymbol(symbol: .bits(bits), place: start)
    }

    private mutating func bitRange(of name: String, below count: Int) throws(MatchError) -> ClosedRange<Int> {
        try advance()
        let first = try bitNumber(of: name, below: count)
        var last = first
        if token.kind == .mark(.ellipsis) {
            try advance()
            let place = token.place
            last = try bitNumber(of: name, below: count)
            guard first <= last else { throw lexer.error(at: place, "expected the higher bit behind ..") }
        }
        guard token.kind == .mark(.rightBracket) else { throw error("expected .. or ]") }
        try advance()
        return first...last
    }

    private mutating func bitNumber(of name: String, below count: Int) throws(MatchError) -> Int {
        guard case .number(let number) = token.kind, number.mask == nil, number.addressBitCount == nil,
            number.value < UInt128(count)
        else { throw error("expected a bit of \(name), 0 to \(count - 1)") }
        try advance()
        return Int(number.value)
    }

    /// A symbol that nothing is compared with.
    private mutating func bare(
        _ named: NamedSymbol,
        negated: Bool
    ) throws(MatchError) -> MatchTerm {
        switch named.symbol {
        case .predicate(let term):
            try count(term.weight)
            return negated ? term.negation : term
        case .port: throw error("expected == or !=")
        case .bits(let bits):
            if bits.range.count > 1, !negated {
                throw error("expected a comparison; != 0 asks if any bit is set")
            }
            // Of more bits than one, ! asks if all are zero.
            let isSet = BitTest(
                field: bits.field,
                range: bits.range,
                comparison: negated ? .equal : .notEqual,
                values: [BitTest.MaskedValue(value: 0, mask: UInt128.lowBits(bits.range.count))]
            )
            return try joined(.bits(isSet), with: bits.prerequisite)
        }
    }

    private mutating func test(
        _ named: NamedSymbol,
        _ comparison: MatchComparison,
        _ constants: MatchConstants,
        negated: Bool
    ) throws(MatchError) -> MatchTerm {
        let test: MatchTerm
        do {
            test = try constants.test(of: named, negated ? comparison.opposite : comparison)
        } catch {
            throw lexer.error(at: error.place, error.sentence)
        }
        guard case .bits(let bits) = named.symbol else { return try joined(test, with: nil) }
        return try joined(test, with: bits.prerequisite)
    }

    /// The test and what it implies, weighed.
    private mutating func joined(_ test: MatchTerm, with prerequisite: MatchTerm?) throws(MatchError) -> MatchTerm {
        try count(test.weight + (prerequisite?.weight ?? 0))
        return prerequisite.map { .all([$0, test]) } ?? test
    }

    /// A constant, or constants in braces; commas between them may be left out, as in OVN.
    private mutating func constants() throws(MatchError) -> MatchConstants {
        var constants = MatchConstants()
        guard token.kind == .mark(.leftBrace) else {
            constants.append(try constant())
            return constants
        }
        constants.areInBraces = true
        try advance()
        repeat {
            constants.append(try constant())
            if token.kind == .mark(.comma) { try advance() }
        } while token.kind != .mark(.rightBrace)
        try advance()
        return constants
    }

    private mutating func constant() throws(MatchError) -> MatchConstants.Constant {
        let constant: MatchConstants.Value
        switch token.kind {
        case .number(let number): constant = .number(number)
        case .string(let name):
            if !name.isEmpty { references.ports.insert(name) }
            constant = .port(name)
        case .addressSet(let name):
            references.addressSets.insert(name)
            constant = .addressSet(name)
        case .portGroup(let name):
            references.portGroups.insert(name)
            constant = .portGroup(name)
        case .identifier, .mark, .end: throw error("expected a constant")
        }
        let place = token.place
        try advance()
        return MatchConstants.Constant(value: constant, place: place)
    }

    private mutating func count(_ more: Int) throws(MatchError) {
        weight += more
        guard weight <= MatchExpression.weightMaximum else {
            throw error("an expression has at most \(MatchExpression.weightMaximum) tests and constants")
        }
    }

    private mutating func advance() throws(MatchError) { token = try lexer.next() }

    private func error(_ detail: String) -> MatchError { lexer.error(at: token.place, detail) }
}
