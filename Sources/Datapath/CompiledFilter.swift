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
    private var listOfSet: [SetName: Int] = [:]
    private var names: PacketFilter
    /// The ports and groups of which a rule demands one, in the order of rules; `nil` if it demands none.
    private var owners: [Set<Owner>?] = []
    /// The rules that can be true for ports, by their keys, ascending.
    private var ports: [(key: UInt16, list: Int)] = []
    /// Lists of rules; the first is that of all ports that are not named.
    private var choices: [RuleIndex] = []
    /// The values that each rule demands.
    private var demands: [RuleIndex.Demands] = []

    private typealias ValueInterval = RuleIndex.Interval

    /// A port, or all of a group.
    private struct Owner: Hashable {
        var isGroup: Bool
        var name: String
    }

    /// An address set as fields of a width read it, or a port group.
    private struct SetName: Hashable {
        var isGroup: Bool
        var name: String
        var bitCount: Int
    }

    /// The most places in all lists of rules for ports, 1 MiB of them; with more, each port is asked all rules.
    private static let placeCountMaximum = 1 << 18

    /// - Parameter expressions: of each match that can be read.
    init(_ filter: PacketFilter, _ direction: PacketFilter.Direction, _ expressions: [String: MatchExpression]) {
        names = filter
        let side = PortSide(direction)
        for (number, acl) in filter.acls.enumerated() where acl.direction == direction {
            let expression = expressions[acl.match]
            let start = tests.count
            let end = expression.map { emit($0.term, yes: .isTrue, no: .isFalse) } ?? .isTrue
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
        choosePorts()
    }

    /// Takes over a filter that has other addresses in its sets, and else is the same.
    /// - Returns: `false` if it is not, or a set becomes empty or was so, for which there is no test; nothing is taken
    ///   then.
    mutating func takeSets(of filter: PacketFilter) -> Bool {
        guard filter.acls == names.acls, filter.ports == names.ports, filter.portGroups == names.portGroups else {
            return false
        }
        var lists = lists
        for (set, list) in listOfSet where !set.isGroup {
            guard filter.addressSets[set.name] != names.addressSets[set.name] else { continue }
            let intervals = Self.addresses(of: set, filter)
            guard intervals.isEmpty == lists[list].isEmpty else { return false }
            lists[list] = intervals
        }
        (names, self.lists) = (filter, lists)
        return true
    }

    /// Appends the tests of a term, the last one first: those that a test goes on to are there before it.
    private mutating func emit(_ term: MatchTerm, yes: TestTarget, no: TestTarget) -> TestTarget {
        switch term {
        case .constant(let value): return value ? yes : no
        case .all(let terms): return terms.reversed().reduce(yes) { emit($1, yes: $0, no: no) }
        case .any(let terms): return terms.reversed().reduce(no) { emit($1, yes: yes, no: $0) }
        case .port(let test): return emit(test, yes: yes, no: no)
        case .bits(let test): return emit(test, yes: yes, no: no)
        }
    }

    private mutating func emit(_ test: PortTest, yes: TestTarget, no: TestTarget) -> TestTarget {
        let (yes, no) = test.isNegated ? (no, yes) : (yes, no)
        let field = FilterField(test.side)
        var target = no
        for group in test.groups {
            let key = SetName(isGroup: true, name: group, bitCount: 16)
            target = emit(key, of: field, 0...15, yes: yes, no: target)
        }
        let keys = Self.intervals(test.names.compactMap { names.ports[$0] })
        return emit(keys, of: field, 0...15, yes: yes, no: target)
    }

    private mutating func emit(_ test: BitTest, yes: TestTarget, no: TestTarget) -> TestTarget {
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
            let key = SetName(isGroup: false, name: set, bitCount: test.range.count)
            target = emit(key, of: field, test.range, yes: yes, no: target)
        }
        return emit(Self.joined(intervals), of: field, test.range, yes: yes, no: target)
    }

    /// A test with a set or a group, whose intervals all such tests share: what a file has of them has one bound.
    private mutating func emit(
        _ key: SetName,
        of field: FilterField,
        _ range: ClosedRange<Int>,
        yes: TestTarget,
        no: TestTarget
    ) -> TestTarget {
        let list: Int
        if let present = listOfSet[key] {
            list = present
        } else {
            list = lists.count
            let keys = names.portGroups[key.name] ?? []
            lists.append(key.isGroup ? Self.intervals(keys) : Self.addresses(of: key, names))
            listOfSet[key] = list
        }
        guard !lists[list].isEmpty else { return no }
        var row = Self.row(field, range, yes: yes, no: no)
        row.kind = TestRow.intervals
        return append(row, list: list)
    }

    private static func intervals(_ keys: [UInt16]) -> [ValueInterval] {
        joined(keys.map { ValueInterval(first: UInt128($0), last: UInt128($0)) })
    }

    private static func addresses(of set: SetName, _ names: PacketFilter) -> [ValueInterval] {
        let intervals = (names.addressSets[set.name] ?? []).compactMap { prefix -> ValueInterval? in
            let first: UInt128
            switch prefix.address {
            case .v4(let address): first = UInt128(address.rawValue)
            case .v6(let address): first = UInt128(address.high) << 64 | UInt128(address.low)
            }
            guard prefix.address.bitCount == set.bitCount else { return nil }
            let free = set.bitCount - prefix.length
            let rest = free >= 128 ? UInt128.max : (1 << UInt128(free)) - 1
            return ValueInterval(first: first & ~rest, last: first | rest)
        }
        return joined(intervals)
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

    /// The same intervals in order, those that meet being one.
    static func joined(_ intervals: [RuleIndex.Interval]) -> [RuleIndex.Interval] {
        var joined: [RuleIndex.Interval] = []
        for interval in intervals.sorted(by: { $0.first < $1.first }) {
            if let last = joined.last, interval.first <= last.last || interval.first == last.last &+ 1 {
                joined[joined.count - 1].last = max(last.last, interval.last)
            } else {
                joined.append(interval)
            }
        }
        return joined
    }

    /// The ports or groups of which a term demands one of its side.
    private static func owners(_ term: MatchTerm, _ side: PortSide) -> Set<Owner>? {
        switch term {
        case .port(let test):
            test.side == side && !test.isNegated
                ? Set(test.names.map { Owner(isGroup: false, name: $0) })
                    .union(test.groups.map { Owner(isGroup: true, name: $0) }) : nil
        case .all(let terms): terms.lazy.compactMap { owners($0, side) }.first
        case .constant, .bits, .any: nil
        }
    }

    /// Finds the rules that each port has to be asked: those that demand it, and those that demand none. Ports of the
    /// same groups share a list.
    private mutating func choosePorts() {
        var shared: [UInt32] = []
        var rulesOfOwner: [Owner: [UInt32]] = [:]
        for (index, owners) in owners.enumerated() {
            guard let owners else {
                shared.append(UInt32(index))
                continue
            }
            for owner in owners { rulesOfOwner[owner, default: []].append(UInt32(index)) }
        }
        var signatures: [UInt16: Set<Owner>] = [:]
        for owner in rulesOfOwner.keys {
            let group = names.portGroups[owner.name] ?? []
            for key in owner.isGroup ? group : names.ports[owner.name].map({ [$0] }) ?? [] {
                signatures[key, default: []].insert(owner)
            }
        }
        var listOfSignature: [Set<Owner>: Int] = [[]: 0]
        choices = [RuleIndex(of: shared, demands)]
        var placeCount = choices[0].placeCount
        for (key, signature) in signatures.sorted(by: { $0.key < $1.key }) {
            let list = listOfSignature[signature] ?? choices.count
            if list == choices.count {
                listOfSignature[signature] = list
                let rules = Set(signature.flatMap { rulesOfOwner[$0] ?? [] } + shared).sorted()
                choices.append(RuleIndex(of: rules, demands))
                placeCount += choices[list].placeCount
            }
            ports.append((key, list))
            guard placeCount <= Self.placeCountMaximum else {
                (ports, choices) = ([], [RuleIndex(of: rules.indices.map { UInt32($0) }, demands)])
                return
            }
        }
    }

    /// Lays the rows into a file.
    func append(to file: TableFile) -> FilterRow {
        guard !rules.isEmpty else { return .empty }
        let lists = choices.map { $0.append(to: file) }
        let extents = self.lists.map { list in
            file.append(list.map { IntervalRow(first: WideValue($0.first), last: WideValue($0.last)) })
        }
        var tests = tests
        for (index, list) in listOfTest.enumerated() where list >= 0 { tests[index].intervals = extents[list] }
        return FilterRow(
            rules: file.append(rules),
            tests: file.append(tests),
            ports: file.append(ports.map { PortRulesRow(key: UInt64($0.key), rules: lists[$0.list]) }),
            others: lists[0],
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
