import Match
import Southbound
import Testing

@testable import Datapath

/// The index by which few of many rules are asked.
@Suite struct RuleIndexTests {
    private static func demands(_ matches: [String]) throws -> [RuleIndex.Demands] {
        try matches.map { RuleIndex.demands(try MatchExpression($0).term) }
    }

    private static func index(_ matches: [String]) throws -> RuleIndex {
        RuleIndex(of: matches.indices.map { UInt32($0) }, try demands(matches))
    }

    /// The rules that are asked of a value of a field, others included.
    private static func asked(_ index: RuleIndex, _ field: FilterField, _ value: UInt128) -> [UInt32] {
        let rows = index.fields.first { $0.field == field }?.rows ?? []
        return ((rows.last { $0.first <= value }?.rules ?? []) + index.others).sorted()
    }

    @Test func `Rules of one kind are found by what each demands`() throws {
        let ports = try Self.index((0..<1000).map { "ip4.src == 10.0.0.0/8 && tcp.dst == \($0 + 1)" })
        #expect(ports.fields.map(\.field) == [.destinationPort] && ports.others == [])
        #expect(Self.asked(ports, .destinationPort, 500) == [499] && Self.asked(ports, .destinationPort, 0) == [])
        #expect(Self.asked(ports, .destinationPort, 1001) == [])
        // By the rarer of two values.
        let senders = try Self.index((0..<1000).map { "ip4.src == 10.0.\($0 / 250).\($0 % 250) && tcp.dst == 22" })
        #expect(senders.fields.map(\.field) == [.ipv4Source])
    }

    @Test func `Ranges that overlap, sets of values and what demands nothing are asked where they may be true`() throws
    {
        let matches =
            (0..<20).map { "\($0 * 10) <= udp.dst && udp.dst < \($0 * 10 + 15)" }
            + ["tcp.dst == {7, 205} || udp.dst == 9", "ip4", "tcp.dst != 7", "tcp.dst == 7 || ip6", "tcp.dst == 65535"]
        let index = try Self.index(matches)
        #expect(index.others == [21, 22, 23])
        for value in [0, 7, 9, 12, 100, 205, 65_535] as [UInt128] {
            let asked = Self.asked(index, .destinationPort, value)
            #expect(asked.contains(20) == [7, 9, 205].contains(value) && asked.contains(24) == (value == 65_535))
            for number in 0..<20 {
                let first = UInt128(number * 10)
                #expect(asked.contains(UInt32(number)) == (value >= first && value < first + 15))
            }
        }
    }

    @Test func `Few rules, and such as would make long lists, have no index`() throws {
        #expect(try Self.index((0..<7).map { "tcp.dst == \($0)" }).fields.isEmpty)
        let nested = try Self.index((0..<1000).map { "udp.dst < \($0 * 60 + 60)" })
        #expect(nested.fields.isEmpty && nested.others.count == 1000)
        // A field that makes a decision one for each frame is none of an index.
        #expect(try Self.index((0..<100).map { "ip.ttl == \($0)" }).fields.isEmpty)
        let many = (0..<20).map {
            "tcp.dst == {" + (0..<17).map { "\($0 * 2)" }.joined(separator: ", ") + "} && ip.ttl == \($0)"
        }
        #expect(try Self.index(many).fields.isEmpty)
    }
}
