/// A condition of `find`: a column, or the value of a map's key, compared with a value.
public struct Condition: Equatable, Sendable {
    /// The operators, the longer ones first where one begins another.
    public enum Comparison: String, CaseIterable, Sendable {
        case equalSet = "{=}"
        case differentSet = "{!=}"
        case subset = "{<=}"
        case superset = "{>=}"
        case properSubset = "{<}"
        case properSuperset = "{>}"
        case within = "{in}"
        case outside = "{not-in}"
        case different = "!="
        case atMost = "<="
        case atLeast = ">="
        case equal = "="
        case less = "<"
        case greater = ">"

        /// True if an absent key counts as an empty set.
        public var isOfSets: Bool { rawValue.first == "{" }
    }

    public var column: String
    /// The key of a map whose value is compared.
    public var key: Atom?
    public var comparison: Comparison
    public var value: Datum

    public init(column: String, key: Atom?, comparison: Comparison, value: Datum) {
        self.column = column
        self.key = key
        self.comparison = comparison
        self.value = value
    }

    /// True if a row with this value of the column fulfils it.
    public func holds(_ datum: Datum) -> Bool {
        guard let key else { return compare(datum) }
        guard let own = datum[key] else { return comparison.isOfSets && compare(Datum()) }
        return compare(Datum([own]))
    }

    private func compare(_ datum: Datum) -> Bool {
        switch comparison {
        case .equal, .equalSet: datum == value
        case .different, .differentSet: datum != value
        case .less: datum.order(to: value) < 0
        case .greater: datum.order(to: value) > 0
        case .atMost: datum.order(to: value) <= 0
        case .atLeast: datum.order(to: value) >= 0
        case .subset, .within: datum.isSubset(of: value)
        case .superset: value.isSubset(of: datum)
        case .properSubset: datum.isSubset(of: value) && datum != value
        case .properSuperset: value.isSubset(of: datum) && datum != value
        case .outside: Set(datum.elements).isDisjoint(with: value.elements)
        }
    }
}
