/// The constants of one comparison, and the rules by which they fit a field.
struct MatchConstants {
    private(set) var all: [Constant] = []
    var areInBraces = false

    struct Constant {
        var value: Value
        var place: Range<Int>
    }

    enum Value {
        case number(MatchNumber)
        case port(String)
        case addressSet(String)
        case portGroup(String)
    }

    /// A constant that does not fit.
    struct Fault: Error {
        /// One clause.
        let sentence: String
        let place: Range<Int>

        init(_ sentence: String, at place: Range<Int>) {
            self.sentence = sentence
            self.place = place
        }
    }

    mutating func append(_ constant: Constant) { all.append(constant) }

    /// The meaning of `0` and `1` alone.
    var truth: Bool? {
        guard !areInBraces, all.count == 1, case .number(let number) = all[0].value, number.mask == nil,
            number.addressBitCount == nil, number.value <= 1
        else { return nil }
        return number.value == 1
    }

    /// The comparison with what a name means.
    func test(of named: NamedSymbol, _ comparison: MatchComparison) throws(Fault) -> MatchTerm {
        switch named.symbol {
        case .predicate(let term):
            guard comparison.isEquality, let truth else {
                throw Fault(
                    "is true or false by itself; expected no comparison but == or != with 0 or 1",
                    at: named.place
                )
            }
            return truth == (comparison == .equal) ? term : term.negation
        case .port(let side): return .port(try portTest(side, comparison))
        case .bits(let bits): return .bits(try bitTest(bits, comparison))
        }
    }

    private func portTest(_ side: PortSide, _ comparison: MatchComparison) throws(Fault) -> PortTest {
        var test = PortTest(side: side, isNegated: comparison == .notEqual)
        for constant in all {
            guard comparison.isEquality else {
                throw Fault("ports have no order; expected == or != before it", at: constant.place)
            }
            switch constant.value {
            case .port(let name): test.names.append(name)
            case .portGroup(let name): test.groups.append(name)
            case .number, .addressSet:
                throw Fault("expected a port's name in double quotes, or @ and a port group", at: constant.place)
            }
        }
        return test
    }

    private func bitTest(_ bits: MatchBits, _ comparison: MatchComparison) throws(Fault) -> BitTest {
        var test = BitTest(field: bits.field, range: bits.range, comparison: comparison)
        for constant in all {
            if !comparison.isEquality {
                if areInBraces { throw Fault("a set has no order; expected == or != before it", at: constant.place) }
                if bits.field.isNominal {
                    throw Fault("\(bits.name) has no order; expected == or != before it", at: constant.place)
                }
            }
            switch constant.value {
            case .number(let number):
                test.values.append(try value(of: number, at: constant.place, for: bits, comparison))
            case .addressSet(let name):
                guard bits.isWhole, bits.field.isAddress, comparison.isEquality else {
                    throw Fault(
                        "expected an integer: sets have whole addresses, compared by == or !=",
                        at: constant.place
                    )
                }
                test.addressSets.append(name)
            case .port, .portGroup: throw Fault("expected \(expectation(of: bits))", at: constant.place)
            }
        }
        return test
    }

    private func value(
        of number: MatchNumber,
        at place: Range<Int>,
        for bits: MatchBits,
        _ comparison: MatchComparison
    ) throws(Fault) -> BitTest.MaskedValue {
        let bitCount = bits.range.count
        if let width = number.addressBitCount, width != bitCount {
            throw Fault("does not fit \(bits.name); expected \(expectation(of: bits))", at: place)
        }
        if max(number.value, number.mask ?? 0).significantBitCount > bitCount {
            throw Fault("is more than the \(bitCount) bits of \(bits.name) hold", at: place)
        }
        guard let mask = number.mask else {
            return BitTest.MaskedValue(value: number.value, mask: UInt128.lowBits(bitCount))
        }
        guard !bits.field.isNominal else { throw Fault("\(bits.name) takes no mask; write whole values", at: place) }
        guard comparison.isEquality else {
            throw Fault("a mask has no order; expected bits of the field, such as [0..7]", at: place)
        }
        return BitTest.MaskedValue(value: number.value, mask: mask)
    }

    private func expectation(of bits: MatchBits) -> String {
        switch bits.range.count {
        case 32: "an IPv4 address or an integer"
        case 48: "a MAC address or an integer"
        case 128: "an IPv6 address or an integer"
        default: "an integer"
        }
    }
}
