/// Rules about frames as steps without references, for readers that may neither allocate nor count any.
///
/// A step says where to go on if its test is true and if it is false: only ever to steps before it, so a frame costs no
/// more than there are steps. It knows no ports, groups and address sets: those with a name are others, and empty.
public struct MatchProgram: Hashable, Sendable {
    /// The most steps: a frame costs a few microseconds at most.
    public static let stepCountMaximum = 128

    /// The steps; they go on to others before them.
    public private(set) var steps: [Step] = []
    /// The step that a frame begins with, or an outcome.
    public private(set) var first: Int16

    /// The outcomes, in the place of a step.
    private static let yes: Int16 = -1
    private static let no: Int16 = -2

    /// One test of a field.
    public struct Step: Hashable, BitwiseCopyable, Sendable {
        /// The ways to compare; the others are these with the places to go on exchanged.
        public enum Comparison: UInt8, BitwiseCopyable, Sendable {
            case equal
            case less
            case lessOrEqual
        }

        public let field: MatchField
        public let comparison: Comparison
        /// The lowest of the bits of the field that are compared.
        public let lowestBit: UInt8
        /// The bits that count, above that one.
        public let mask: UInt128
        public let value: UInt128
        /// The number of the next step, or an outcome.
        public let ifTrue: Int16
        /// The same if the test is false.
        public let ifFalse: Int16

        /// - Parameter lowestBit: 0 ... 127.
        public init(
            field: MatchField,
            comparison: Comparison,
            lowestBit: UInt8,
            mask: UInt128,
            value: UInt128,
            ifTrue: Int16,
            ifFalse: Int16
        ) {
            self.field = field
            self.comparison = comparison
            self.lowestBit = lowestBit
            self.mask = mask
            self.value = value
            self.ifTrue = ifTrue
            self.ifFalse = ifFalse
        }

        func isTrue(of frame: MatchFrame) -> Bool {
            let bits = frame[field] &>> UInt128(lowestBit) & mask
            return switch comparison {
            case .equal: bits == value
            case .less: bits < value
            case .lessOrEqual: bits <= value
            }
        }
    }

    /// Rules in their order: the first whose expression is true of a frame decides.
    /// - Parameter otherwise: The outcome if none is.
    public init(_ rules: [(expression: MatchExpression, outcome: Bool)], otherwise: Bool) {
        first = otherwise ? Self.yes : Self.no
        for rule in rules.reversed() {
            first = add(rule.expression.term, ifTrue: rule.outcome ? Self.yes : Self.no, ifFalse: first)
        }
    }

    /// A program that somebody else has made; `nil` if it could run without end or beyond its steps.
    public init?(steps: [Step], first: Int16) {
        guard steps.count <= Self.stepCountMaximum, first >= Self.no, first < steps.count else { return nil }
        for (number, step) in steps.enumerated() {
            guard step.lowestBit < 128, step.ifTrue >= Self.no, step.ifTrue < number, step.ifFalse >= Self.no,
                step.ifFalse < number
            else { return nil }
        }
        self.steps = steps
        self.first = first
    }

    /// True of all frames.
    public static var always: MatchProgram { MatchProgram([], otherwise: true) }

    /// The outcome for a frame.
    public func outcome(of frame: MatchFrame) -> Bool { Self.outcome(of: frame, steps.span, first: first) }

    /// The outcome for a frame.
    /// - Parameters:
    ///   - steps: those of a program.
    ///   - first: the program's ``first``.
    public static func outcome(of frame: MatchFrame, _ steps: Span<Step>, first: Int16) -> Bool {
        var next = first
        while next >= 0 {
            let step = steps[Int(next)]
            next = step.isTrue(of: frame) ? step.ifTrue : step.ifFalse
        }
        return isTrue(next)
    }

    /// True if a place to go on is the outcome that a frame is one of those asked for.
    public static func isTrue(_ next: Int16) -> Bool { next == yes }

    // The way from an expression to steps: what comes later is added first.

    /// Adds the steps of a term.
    /// - Returns: the step to begin with.
    private mutating func add(_ term: MatchTerm, ifTrue: Int16, ifFalse: Int16) -> Int16 {
        switch term {
        case .constant(let value): return value ? ifTrue : ifFalse
        case .port(let test): return test.names.contains("") != test.isNegated ? ifTrue : ifFalse
        case .bits(let test): return add(test, ifTrue: ifTrue, ifFalse: ifFalse)
        case .all(let terms):
            return terms.reversed().reduce(ifTrue) { add($1, ifTrue: $0, ifFalse: ifFalse) }
        case .any(let terms):
            return terms.reversed().reduce(ifFalse) { add($1, ifTrue: ifTrue, ifFalse: $0) }
        }
    }

    private mutating func add(_ test: BitTest, ifTrue: Int16, ifFalse: Int16) -> Int16 {
        switch test.comparison {
        case .equal: addAny(test, ifTrue: ifTrue, ifFalse: ifFalse)
        case .notEqual: addAny(test, ifTrue: ifFalse, ifFalse: ifTrue)
        case .less: addAll(test, .less, ifTrue: ifTrue, ifFalse: ifFalse)
        case .lessOrEqual: addAll(test, .lessOrEqual, ifTrue: ifTrue, ifFalse: ifFalse)
        case .greater: addAll(test, .lessOrEqual, ifTrue: ifFalse, ifFalse: ifTrue)
        case .greaterOrEqual: addAll(test, .less, ifTrue: ifFalse, ifFalse: ifTrue)
        }
    }

    /// Adds a step for each constant, one of which the bits are equal to.
    private mutating func addAny(_ test: BitTest, ifTrue: Int16, ifFalse: Int16) -> Int16 {
        test.values.reversed().reduce(ifFalse) {
            append(test, .equal, $1.value, mask: $1.mask, ifTrue: ifTrue, ifFalse: $0)
        }
    }

    /// Adds the step of a comparison of order, which has one constant.
    private mutating func addAll(
        _ test: BitTest,
        _ comparison: Step.Comparison,
        ifTrue: Int16,
        ifFalse: Int16
    ) -> Int16 {
        guard let constant = test.values.first else { return ifTrue }
        let mask = UInt128.lowBits(test.range.count)
        return append(test, comparison, constant.value, mask: mask, ifTrue: ifTrue, ifFalse: ifFalse)
    }

    private mutating func append(
        _ test: BitTest,
        _ comparison: Step.Comparison,
        _ value: UInt128,
        mask: UInt128,
        ifTrue: Int16,
        ifFalse: Int16
    ) -> Int16 {
        steps.append(
            Step(
                field: test.field,
                comparison: comparison,
                lowestBit: UInt8(truncatingIfNeeded: test.range.lowerBound),
                mask: mask & UInt128.lowBits(test.range.count),
                value: value,
                ifTrue: ifTrue,
                ifFalse: ifFalse
            )
        )
        return Int16(truncatingIfNeeded: steps.count - 1)
    }
}
