import Match
import TestSupport
import Testing

/// Answers about names as the twin does.
struct PlainScope: MatchScope {
    let frame: PlainFrame

    func port(_ side: PortSide, isNamed name: String) -> Bool { name == port(side) }

    func port(_ side: PortSide, isIn group: String) -> Bool {
        PlainExpression.groups[group]?.contains(port(side)) ?? false
    }

    func addressSet(_ name: String, contains address: UInt128, bitCount: Int) -> Bool {
        (PlainExpression.sets[name] ?? []).contains { member in
            let shift = UInt128(member.width - member.length)
            return member.width == bitCount && member.address >> shift == address >> shift
        }
    }

    private func port(_ side: PortSide) -> String { side == .inport ? frame.inport : frame.outport }
}

@Suite struct MatchTwinTests {
    @Test("random expressions say the same of random frames as plain ones, evaluated bit by bit")
    func agreement() throws {
        var generator = SeededGenerator(seed: 14)
        let frames = (0..<400).map { _ in PlainFrame(using: &generator) }
        var trueCount = 0
        for number in 0..<4000 {
            let plain = PlainExpression.random(depth: number % 4, using: &generator)
            let text = plain.text(using: &generator)
            guard let expression = try parsed(text) else { continue }
            for _ in 0..<12 {
                let frame = PlainFrame.pick(frames, &generator)
                let isTrue = plain.isTrue(of: frame)
                trueCount += isTrue ? 1 : 0
                let matches = expression.matches(MatchFrame(frame.bytes.span), in: PlainScope(frame: frame))
                try #require(matches == isTrue, "\(text) of \(frame.fields) \(frame.bytes)")
            }
        }
        #expect((12_000...36_000).contains(trueCount), "\(trueCount) of 48000 are true")
    }

    /// Nothing for the few that come to too many combinations.
    private func parsed(_ text: String) throws -> MatchExpression? {
        do {
            return try MatchExpression(text)
        } catch  where error.detail.contains("combinations") {
            return nil
        }
    }

    @Test("each field and each predicate is true of some frames and false of others")
    func coverage() throws {
        var generator = SeededGenerator(seed: 15)
        let frames = (0..<4000).map { _ in PlainFrame(using: &generator) }
        for field in PlainExpression.fields {
            let values = Set(
                frames.compactMap {
                    $0.fields[field.name == "vlan.vid" || field.name == "vlan.pcp" ? "vlan.tci" : field.name]
                }
            )
            #expect(values.count > 1, "\(field.name)")
            for value in values.sorted().prefix(3) where !field.name.hasPrefix("vlan.") {
                let expression = try MatchExpression("\(field.name) == \(value)")
                let plain = PlainExpression.comparison(
                    field.name,
                    nil,
                    "==",
                    [.value(value, mask: nil)],
                    isMirrored: false
                )
                for frame in frames.prefix(500) {
                    let matches = expression.matches(MatchFrame(frame.bytes.span), in: PlainScope(frame: frame))
                    try #require(matches == plain.isTrue(of: frame), "\(expression) of \(frame.fields)")
                }
            }
        }
        for (name, predicate) in plainPredicates {
            let expression = try MatchExpression(name)
            let truths = Set(frames.map(predicate))
            #expect(truths.count == 2, "\(name)")
            for frame in frames.prefix(1000) {
                let matches = expression.matches(MatchFrame(frame.bytes.span), in: PlainScope(frame: frame))
                try #require(matches == predicate(frame), "\(name) of \(frame.fields)")
            }
        }
    }

    @Test("a frame cut at any byte is read")
    func cuts() {
        var generator = SeededGenerator(seed: 16)
        for _ in 0..<60 {
            let frame = PlainFrame(using: &generator)
            for count in 0...frame.bytes.count {
                let cut = Array(frame.bytes[..<count])
                _ = MatchFrame(cut.span)
                if count == frame.bytes.count { #expect(MatchFrame(cut.span) == MatchFrame(frame.bytes.span)) }
            }
        }
    }

    @Test("the first octets of a frame have the fields that are in them")
    func starts() throws {
        var generator = SeededGenerator(seed: 18)
        let frames = (0..<400).map { _ in PlainFrame(using: &generator) }
        let plain = frames.filter { $0.fields["ip4.dst"] != nil && $0.fields["vlan.tci"] == nil }
        #expect(plain.count > 30)
        for frame in plain {
            let expression = try MatchExpression("ip4.dst == \(frame["ip4.dst"])")
            for count in 0..<frame.bytes.count {
                let start = MatchFrame(Array(frame.bytes[..<count]).span, of: frame.bytes.count)
                #expect(expression.matches(start, in: PortNames()) == (count >= 34), "\(count) of \(frame.bytes)")
            }
        }
    }
}
