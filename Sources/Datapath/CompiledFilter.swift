import Match
import Southbound
import Wire

/// The ACLs of one direction as rows, before they lie in a file.
///
/// Each expression becomes a chain of tests, each of which names the next one for either outcome: so no expression is
/// longer there than in the user's words, whatever it joins, and a frame is tested no more than its writer can count.
struct CompiledFilter {
    private(set) var rules: [RuleRow] = []
    private(set) var reads: FilterReads = []
    private var tests: [TestRow] = []
    /// The values of tests that have several intervals.
    private var lists: [[ValueInterval]] = []
    /// The list of each test; -1 for one without.
    private var listOfTest: [Int] = []
    private var names: PacketFilter
    /// The ports and groups of which a rule demands one, in the order of rules; `nil` if it demands none.
    private var owners: [Set<RuleOwner>?] = []
    /// The values that each rule demands.
    private var demands: [RuleIndex.Demands] = []
    private var choices = RuleChoices()
    /// The row by which it lies in the present file, but for the rules of ports; `nil` if it does not.
    private var place: FilterRow?

    private typealias ValueInterval = RuleIndex.Interval

    /// - Parameters:
    ///   - expressions: of each match that can be read.
    ///   - sets: get those that are tested.
    init(
        _ filter: PacketFilter,
        _ direction: PacketFilter.Direction,
        _ expressions: [String: MatchExpression],
        _ sets: inout CompiledSets
    ) {
        self.init(filter)
        let side = PortSide(direction)
        for (number, acl) in filter.acls.enumerated() where acl.direction == direction {
            let expression = expressions[acl.match]
            let start = tests.count
            let end = expression.map { emit($0.term, yes: .isTrue, no: .isFalse, &sets) } ?? .isTrue
            let action =
                switch acl.action {
                case .drop: RuleRow.drop
                case .reject: RuleRow.reject
                case .allow, .allowRelated: RuleRow.allow
                case .allowStateless: RuleRow.allowStateless
                case .pass: RuleRow.pass
                }
            rules.append(
                RuleRow(
                    identity: acl.identity,
                    first: turn(from: start, end),
                    number: UInt32(number),
                    action: expression == nil ? RuleRow.drop : action,
                    tier: UInt16(acl.tier),
                    logs: acl.log == nil ? 0 : 1
                )
            )
            if acl.action == .allowStateless { reads.insert(.stateless) }
            owners.append(expression.flatMap { Self.owners($0.term, side) })
            demands.append(expression.map { RuleIndex.demands($0.term) } ?? [:])
        }
        choices = RuleChoices(owners, demands, names)
    }

    /// The QoS rules of a direction: the action of each is the code point that it gives.
    init(
        markingBy filter: PacketFilter,
        _ direction: PacketFilter.Direction,
        _ expressions: [String: MatchExpression],
        _ sets: inout CompiledSets
    ) {
        self.init(filter)
        let side = PortSide(direction)
        for (number, rule) in filter.markings.enumerated() where rule.direction == direction {
            guard let expression = expressions[rule.match] else { continue }
            let start = tests.count
            let end = emit(expression.term, yes: .isTrue, no: .isFalse, &sets)
            rules.append(
                RuleRow(
                    identity: 0,
                    first: turn(from: start, end),
                    number: UInt32(number),
                    action: UInt32(rule.dscp),
                    tier: 0,
                    logs: 0
                )
            )
            owners.append(Self.owners(expression.term, side))
            demands.append(RuleIndex.demands(expression.term))
        }
        choices = RuleChoices(owners, demands, names)
    }

    private init(_ names: PacketFilter) { self.names = names }

    /// Takes over other members of sets and groups.
    /// - Returns: `false` if its rules are to be chosen for all ports anew.
    mutating func take(_ filter: PacketFilter, _ patch: FilterPatch) -> Bool {
        names = filter
        return choices.take(patch.portGroups, demands)
    }

    /// Appends the tests of a term, the last one first: those that a test goes on to are there before it.
    private mutating func emit(
        _ term: MatchTerm,
        yes: TestTarget,
        no: TestTarget,
        _ sets: inout CompiledSets
    ) -> TestTarget {
        switch term {
        case .constant(let value): return value ? yes : no
        case .all(let terms): return terms.reversed().reduce(yes) { emit($1, yes: $0, no: no, &sets) }
        case .any(let terms): return terms.reversed().reduce(no) { emit($1, yes: yes, no: $0, &sets) }
        case .port(let test): return emit(test, yes: yes, no: no, &sets)
        case .bits(let test): return emit(test, yes: yes, no: no, &sets)
        }
    }

    private mutating func emit(
        _ test: PortTest,
        yes: TestTarget,
        no: TestTarget,
        _ sets: inout CompiledSets
    ) -> TestTarget {
        let (yes, no) = test.isNegated ? (no, yes) : (yes, no)
        let field = FilterField(test.side)
        var target = no
        for group in test.groups {
            let name = CompiledSets.Name(isGroup: true, name: group, bitCount: 16)
            target = emit(sets.index(of: name, in: names), of: field, 0...15, yes: yes, no: target)
        }
        let keys = test.names.compactMap { names.ports[$0] }.map {
            ValueInterval(first: UInt128($0), last: UInt128($0))
        }
        return emit(CompiledSets.joined(keys), of: field, 0...15, yes: yes, no: target)
    }

    private mutating func emit(
        _ test: BitTest,
        yes: TestTarget,
        no: TestTarget,
        _ sets: inout CompiledSets
    ) -> TestTarget {
        // Central refuses what cannot be tested.
        guard let field = FilterField(test.field) else { return no }
        let all = test.range.count >= 128 ? UInt128.max : (1 << UInt128(test.range.count)) - 1
        switch field {
        case .sourcePort, .destinationPort, .sctpSourcePort, .sctpDestinationPort, .tcpFlags: reads.insert(.ports)
        case .messageType, .messageCode: reads.insert(.messages)
        case .inport, .outport, .ethernetSource, .ethernetDestination, .ethernetType, .vlanTag, .ipProtocol, .ipDSCP,
            .ipECN, .ipTTL, .ipFragment, .ipv4Source, .ipv4Destination, .ipv6Source, .ipv6Destination, .ipv6Label,
            .arpOperation, .arpSenderIP, .arpSenderMAC, .arpTargetIP, .arpTargetMAC:
            break
        }
        let isNegated = test.comparison == .notEqual
        let (yes, no) = isNegated ? (no, yes) : (yes, no)
        var intervals: [ValueInterval] = []
        var target = no
        for value in test.values {
            if let interval = RuleIndex.interval(value, test.comparison, all) {
                intervals.append(interval)
            } else if test.comparison == .equal || isNegated {
                var row = Self.row(field, test.range, yes: yes, no: target)
                row.kind = TestRow.mask
                (row.value, row.limit) = (WideValue(value.value), WideValue(value.mask & all))
                target = append(row, list: -1)
            }
        }
        for set in test.addressSets {
            let name = CompiledSets.Name(isGroup: false, name: set, bitCount: test.range.count)
            target = emit(sets.index(of: name, in: names), of: field, test.range, yes: yes, no: target)
        }
        return emit(CompiledSets.joined(intervals), of: field, test.range, yes: yes, no: target)
    }

    /// A test with a set or a group.
    private mutating func emit(
        _ set: Int,
        of field: FilterField,
        _ range: ClosedRange<Int>,
        yes: TestTarget,
        no: TestTarget
    ) -> TestTarget {
        var row = Self.row(field, range, yes: yes, no: no)
        row.kind = TestRow.set
        row.value = WideValue(UInt128(set))
        return append(row, list: -1)
    }

    private mutating func emit(
        _ intervals: [ValueInterval],
        of field: FilterField,
        _ range: ClosedRange<Int>,
        yes: TestTarget,
        no: TestTarget
    ) -> TestTarget {
        guard let first = intervals.first else { return no }
        var row = Self.row(field, range, yes: yes, no: no)
        guard intervals.count > 1 else {
            (row.value, row.limit) = (WideValue(first.first), WideValue(first.last))
            return append(row, list: -1)
        }
        row.kind = TestRow.intervals
        lists.append(intervals)
        return append(row, list: lists.count - 1)
    }

    private static func row(
        _ field: FilterField,
        _ range: ClosedRange<Int>,
        yes: TestTarget,
        no: TestTarget
    ) -> TestRow {
        TestRow(
            value: WideValue(0),
            limit: WideValue(0),
            intervals: .empty,
            onTrue: yes,
            onFalse: no,
            field: field.rawValue,
            shift: UInt8(range.lowerBound),
            bitCount: UInt8(range.count),
            kind: TestRow.range
        )
    }

    private mutating func append(_ row: TestRow, list: Int) -> TestTarget {
        if row.onTrue == row.onFalse { return row.onTrue }
        tests.append(row)
        listOfTest.append(list)
        return TestTarget(index: UInt32(tests.count - 1))
    }

    /// Brings the tests of a rule into the order in which they are asked.
    private mutating func turn(from start: Int, _ first: TestTarget) -> TestTarget {
        let last = start + tests.count - 1
        func turned(_ target: TestTarget) -> TestTarget {
            target == .isTrue || target == .isFalse ? target : TestTarget(index: UInt32(last - Int(target.index)))
        }
        tests[start...].reverse()
        listOfTest[start...].reverse()
        for index in start..<tests.count {
            tests[index].onTrue = turned(tests[index].onTrue)
            tests[index].onFalse = turned(tests[index].onFalse)
        }
        return turned(first)
    }

    /// The ports or groups of which a term demands one of its side.
    private static func owners(_ term: MatchTerm, _ side: PortSide) -> Set<RuleOwner>? {
        switch term {
        case .port(let test):
            test.side == side && !test.isNegated
                ? Set(test.names.map { RuleOwner(isGroup: false, name: $0) })
                    .union(test.groups.map { RuleOwner(isGroup: true, name: $0) }) : nil
        case .all(let terms): terms.lazy.compactMap { owners($0, side) }.first
        case .constant, .bits, .any: nil
        }
    }

    /// Forgets where it lies, as there is another file.
    mutating func forgetPlace() {
        place = nil
        choices.forgetPlaces()
    }

    /// Lays what does not lie in a file yet.
    mutating func lay(into file: TableFile) -> FilterRow {
        guard !rules.isEmpty else { return .empty }
        var row = place ?? layRules(into: file)
        place = row
        (row.ports, row.others) = choices.lay(into: file)
        return row
    }

    private func layRules(into file: TableFile) -> FilterRow {
        let extents = lists.map { list in
            file.append(list.map { IntervalRow(first: WideValue($0.first), last: WideValue($0.last)) })
        }
        var tests = tests
        for (index, list) in listOfTest.enumerated() where list >= 0 { tests[index].intervals = extents[list] }
        return FilterRow(
            rules: file.append(rules),
            tests: file.append(tests),
            ports: .empty,
            others: .empty,
            reads: reads
        )
    }
}

extension PortSide {
    /// The port whose own ACLs these are.
    fileprivate init(_ direction: PacketFilter.Direction) {
        switch direction {
        case .fromPort: self = .inport
        case .toPort: self = .outport
        }
    }
}

extension FilterField {
    fileprivate init(_ side: PortSide) {
        switch side {
        case .inport: self = .inport
        case .outport: self = .outport
        }
    }

    /// The field of the match language; `nil` for those of neighbor discovery, which ACLs cannot test.
    init?(_ field: MatchField) {
        switch field {
        case .ethernetSource: self = .ethernetSource
        case .ethernetDestination: self = .ethernetDestination
        case .ethernetType: self = .ethernetType
        case .vlanTag: self = .vlanTag
        case .ipProtocol: self = .ipProtocol
        case .ipDSCP: self = .ipDSCP
        case .ipECN: self = .ipECN
        case .ipTTL: self = .ipTTL
        case .ipFragment: self = .ipFragment
        case .ipv4Source: self = .ipv4Source
        case .ipv4Destination: self = .ipv4Destination
        case .ipv6Source: self = .ipv6Source
        case .ipv6Destination: self = .ipv6Destination
        case .ipv6Label: self = .ipv6Label
        case .icmpv4Type, .icmpv6Type: self = .messageType
        case .icmpv4Code, .icmpv6Code: self = .messageCode
        case .arpOperation: self = .arpOperation
        case .arpSenderIP: self = .arpSenderIP
        case .arpSenderMAC: self = .arpSenderMAC
        case .arpTargetIP: self = .arpTargetIP
        case .arpTargetMAC: self = .arpTargetMAC
        case .tcpSource, .udpSource: self = .sourcePort
        case .tcpDestination, .udpDestination: self = .destinationPort
        case .sctpSource: self = .sctpSourcePort
        case .sctpDestination: self = .sctpDestinationPort
        case .tcpFlags: self = .tcpFlags
        case .ndTarget, .ndSourceMAC, .ndTargetMAC: return nil
        }
    }
}
