/// A checked expression: tests, joined by `&&` and `||`. `!` is carried into the tests when it is read.
package indirect enum MatchTerm: Hashable, Sendable {
    case constant(Bool)
    case bits(BitTest)
    case port(PortTest)
    case all([MatchTerm])
    case any([MatchTerm])

    /// The opposite. It says nothing of prerequisites: those are terms like others here.
    var negation: MatchTerm {
        switch self {
        case .constant(let value): return .constant(!value)
        case .bits(var test):
            test.comparison = test.comparison.opposite
            return .bits(test)
        case .port(var test):
            test.isNegated.toggle()
            return .port(test)
        case .all(let terms): return .any(terms.map(\.negation))
        case .any(let terms): return .all(terms.map(\.negation))
        }
    }

    /// The number of tests and of constants in them.
    var weight: Int {
        switch self {
        case .constant: 1
        case .bits(let test): 1 + test.values.count + test.addressSets.count
        case .port(let test): 1 + test.names.count + test.groups.count
        case .all(let terms), .any(let terms): terms.reduce(0) { $0 + $1.weight }
        }
    }

    /// True if a test in it asks for a name.
    var hasNames: Bool {
        switch self {
        case .constant: false
        case .bits(let test): !test.addressSets.isEmpty
        case .port: true
        case .all(let terms), .any(let terms): terms.contains { $0.hasNames }
        }
    }

    /// The number of conjunctions of tests that the term is a union of, which is what a table of rules needs for it.
    var conjunctionCount: Int {
        switch self {
        case .constant, .bits, .port: 1
        case .any(let terms): terms.reduce(0) { $0.saturatingSum($1.conjunctionCount) }
        case .all(let terms): terms.reduce(1) { $0.saturatingProduct($1.conjunctionCount) }
        }
    }
}

/// One of the ways to compare a field with a constant.
package enum MatchComparison: Hashable, Sendable {
    /// With a set: equal to one of its members.
    case equal
    /// With a set: equal to none of its members.
    case notEqual
    case less
    case lessOrEqual
    case greater
    case greaterOrEqual

    var isEquality: Bool { self == .equal || self == .notEqual }

    /// True exactly if this one is false.
    var opposite: MatchComparison {
        switch self {
        case .equal: .notEqual
        case .notEqual: .equal
        case .less: .greaterOrEqual
        case .lessOrEqual: .greater
        case .greater: .lessOrEqual
        case .greaterOrEqual: .less
        }
    }

    /// The same with its sides exchanged.
    var mirrored: MatchComparison {
        switch self {
        case .equal, .notEqual: self
        case .less: .greater
        case .lessOrEqual: .greaterOrEqual
        case .greater: .less
        case .greaterOrEqual: .lessOrEqual
        }
    }

    var pointsRight: Bool { self == .greater || self == .greaterOrEqual }
}

/// A comparison of bits of a field with constants.
package struct BitTest: Hashable, Sendable {
    package var field: MatchField
    /// The bits, the lowest being 0.
    package var range: ClosedRange<Int>
    package var comparison: MatchComparison
    package var values: [MaskedValue] = []
    /// Names; whole fields of addresses only.
    package var addressSets: [String] = []

    package struct MaskedValue: Hashable, Sendable {
        package var value: UInt128
        /// The bits that count.
        package var mask: UInt128
    }
}

/// A comparison of a port with names.
package struct PortTest: Hashable, Sendable {
    package var side: PortSide
    package var isNegated: Bool
    package var names: [String] = []
    package var groups: [String] = []
}

extension Int {
    fileprivate func saturatingSum(_ other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }

    fileprivate func saturatingProduct(_ other: Int) -> Int {
        let (product, overflows) = multipliedReportingOverflow(by: other)
        return overflows ? .max : product
    }
}
