import Match

/// The rules of a list by the values of fields that they demand, so that a frame is asked few of many rules of one
/// kind: of a thousand that each demand a port, those that demand its own.
///
/// A rule is under one field at most; what is under none, each frame is asked. So an index leaves out only rules that
/// cannot be true.
struct RuleIndex {
    /// The values from one to another, both included.
    struct Interval: Hashable {
        var first: UInt128
        var last: UInt128
    }

    /// The rules under one field: of each value those of the last row that begins at it or before.
    struct FieldRules {
        var field: FilterField
        var rows: [(first: UInt128, rules: [UInt32])]
    }

    /// The intervals of each field that a rule demands one of.
    typealias Demands = [FilterField: [Interval]]

    private(set) var fields: [FieldRules] = []
    /// The rules under no field, ascending.
    private(set) var others: [UInt32]

    /// Fields of an index: those of the widest range of kinds, ports and addresses of both ends.
    static let fieldCountMaximum = 4
    /// Lists of fewer rules have none: to ask them costs no more.
    static let ruleCountMinimum = 8
    /// Intervals of one rule: more would make an index longer than the rules.
    private static let intervalCountMaximum = 16

    /// - Parameters:
    ///   - rules: the places of rules, ascending.
    ///   - demands: those of all rules, by place.
    init(of rules: [UInt32], _ demands: [Demands]) {
        others = rules
        guard rules.count >= Self.ruleCountMinimum else { return }
        var chosen = Self.choose(rules, demands)
        let counts = Dictionary(grouping: chosen.values, by: \.self).mapValues(\.count)
        let best = counts.filter { $0.value >= Self.ruleCountMinimum / 2 }
            .sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
            .prefix(Self.fieldCountMaximum).map(\.key)
        for field in best {
            let own = rules.filter { chosen[$0] == field }
            guard let rows = Self.rows(of: own, field, demands) else {
                for rule in own { chosen[rule] = nil }
                continue
            }
            fields.append(FieldRules(field: field, rows: rows))
        }
        let present = Set(fields.map(\.field))
        others = rules.filter { rule in chosen[rule].map { !present.contains($0) } ?? true }
    }

    /// The places in all lists of the index.
    var placeCount: Int { others.count + fields.reduce(0) { $0 + $1.rows.reduce(0) { $0 + $1.rules.count + 3 } } }

    /// The field of each rule: that whose values are demanded by the fewest others.
    private static func choose(_ rules: [UInt32], _ demands: [Demands]) -> [UInt32: FilterField] {
        struct Value: Hashable {
            var field: FilterField
            var interval: Interval
        }
        var counts: [Value: Int] = [:]
        for rule in rules {
            for (field, intervals) in demands[Int(rule)] {
                for interval in intervals { counts[Value(field: field, interval: interval), default: 0] += 1 }
            }
        }
        var chosen: [UInt32: FilterField] = [:]
        for rule in rules {
            var least: (cost: Int, field: FilterField)?
            for (field, intervals) in demands[Int(rule)] {
                let cost = intervals.reduce(0) { $0 + (counts[Value(field: field, interval: $1)] ?? 0) }
                if let least, (least.cost, least.field.rawValue) <= (cost, field.rawValue) { continue }
                least = (cost, field)
            }
            chosen[rule] = least?.field
        }
        return chosen
    }

    /// The rules of all values between two that some rule begins or ends at; `nil` if the lists would be too long.
    private static func rows(
        of rules: [UInt32],
        _ field: FilterField,
        _ demands: [Demands]
    ) -> [(first: UInt128, rules: [UInt32])]? {
        var bounds: Set<UInt128> = [0]
        for rule in rules {
            for interval in demands[Int(rule)][field] ?? [] {
                bounds.insert(interval.first)
                if interval.last < .max { bounds.insert(interval.last + 1) }
            }
        }
        let sorted = bounds.sorted()
        let numbers = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($0.element, $0.offset) })
        var lists = [[UInt32]](repeating: [], count: sorted.count)
        var left = 16 * rules.count
        for rule in rules {
            for interval in demands[Int(rule)][field] ?? [] {
                let start = numbers[interval.first] ?? 0
                let end = interval.last < .max ? numbers[interval.last + 1] ?? sorted.count : sorted.count
                left -= end - start
                guard left >= 0 else { return nil }
                for number in start..<end { lists[number].append(rule) }
            }
        }
        return zip(sorted, lists).map { ($0, $1) }
    }

    /// The intervals of which a term demands one, for each field that it does so of.
    static func demands(_ term: MatchTerm) -> Demands {
        switch term {
        case .bits(let test):
            guard let field = FilterField(test.field), let bitCount = field.indexedBitCount,
                test.comparison != .notEqual, test.addressSets.isEmpty, test.range == 0...bitCount - 1
            else { return [:] }
            let all = bitCount >= 128 ? UInt128.max : (1 << UInt128(bitCount)) - 1
            var intervals: [Interval] = []
            for value in test.values {
                guard let interval = interval(value, test.comparison, all) else { return [:] }
                intervals.append(interval)
            }
            return bounded([field: CompiledSets.joined(intervals)])
        case .all(let terms):
            let all = terms.lazy.map(demands).reduce(into: Demands()) { $0.merge($1, uniquingKeysWith: common) }
            return bounded(all)
        case .any(let terms):
            guard var union = terms.first.map(demands) else { return [:] }
            for term in terms.dropFirst() {
                let other = demands(term)
                union = union.reduce(into: [:]) { both, entry in
                    if let more = other[entry.key] { both[entry.key] = CompiledSets.joined(entry.value + more) }
                }
            }
            return bounded(union)
        case .port, .constant: return [:]
        }
    }

    /// The values that two lists of intervals have in common.
    private static func common(_ one: [Interval], _ other: [Interval]) -> [Interval] {
        one.flatMap { left in
            other.compactMap { right in
                let (first, last) = (max(left.first, right.first), min(left.last, right.last))
                return first <= last ? Interval(first: first, last: last) : nil
            }
        }
    }

    private static func bounded(_ demands: Demands) -> Demands {
        demands.filter { !$0.value.isEmpty && $0.value.count <= intervalCountMaximum }
    }

    /// The values that a comparison with a constant is true of; `nil` for none, or if they are no interval.
    static func interval(
        _ constant: BitTest.MaskedValue,
        _ comparison: MatchComparison,
        _ all: UInt128
    ) -> Interval? {
        let value = constant.value
        switch comparison {
        case .equal, .notEqual:
            let free = ~constant.mask & all
            return free & (free &+ 1) == 0 ? Interval(first: value, last: value | free) : nil
        case .less: return value == 0 ? nil : Interval(first: 0, last: value - 1)
        case .lessOrEqual: return Interval(first: 0, last: value)
        case .greater: return value == all ? nil : Interval(first: value + 1, last: all)
        case .greaterOrEqual: return Interval(first: value, last: all)
        }
    }

    /// Lays the rows into a file.
    func append(to file: TableFile) -> RuleListRow {
        let fields = fields.map { field in
            let rows = field.rows.map { IndexedRulesRow(first: WideValue($0.first), rules: file.append($0.rules)) }
            return RuleIndexRow(rows: file.append(rows), field: UInt64(field.field.rawValue))
        }
        return RuleListRow(others: file.append(others), fields: file.append(fields))
    }
}

extension FilterField {
    /// The bits of a field that an index may have: one that the keys of kept flows have, so that to read it costs no
    /// decision anything; `nil` for others.
    fileprivate var indexedBitCount: Int? {
        switch self {
        case .ethernetSource, .ethernetDestination: 48
        case .ipv4Source, .ipv4Destination: 32
        case .ipv6Source, .ipv6Destination: 128
        case .sourcePort, .destinationPort: 16
        case .inport, .outport, .ethernetType, .vlanTag, .ipProtocol, .ipDSCP, .ipECN, .ipTTL, .ipFragment, .ipv6Label,
            .messageType, .messageCode, .arpOperation, .arpSenderIP, .arpSenderMAC, .arpTargetIP, .arpTargetMAC,
            .sctpSourcePort, .sctpDestinationPort, .tcpFlags:
            nil
        }
    }
}
