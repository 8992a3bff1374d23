import Foundation
import TestSupport
import Testing

@testable import Match

@Suite struct MatchParsingTests {
    @Test("faults are told with their place and the word that was expected")
    func faults() {
        let texts = [
            "", "  ", "tcp &&", "tcp && && udp", "tcp udp", "(tcp", "tcp)", "()", "tcp = 1", "tcp & udp", "tcp | udp",
            "tcp && udp || arp", "!tcp.dst == 80", "!!tcp", "tpc", "eth", "tcp == 2", "tcp < 1", "{0, 1} == tcp",
            "!(!(vlan.pcp))", "tcp.dst == 080", "tcp[0]",
            "ip4.src ==",
            "ip4.src == tcp", "ip4.src == 10.0.0.256", "ip4.src == 10.0.0.5/8", "ip4.src == 10.0.0.0/33",
            "ip4.src == 10.0.0.0/ff::", "ip4.src == fe80::1", "ip4.src == 02:00:00:00:00:01", "ip6.src == 10.0.0.1",
            "ip4.src == 0x1ffffffff", "ip4.src == $", "ip4.src == $office-2 && tcp.dst == $office",
            "ip4.src[0..7] == $office",
            "ip4.src < $office", "ip4.src == @web", "ip4.src == \"vm1\"", "eth.src == 02:00:00:00:00:01/24",
            "eth.src == 02:00:00:00:00:01/ff:ff:ff:00:00:00", "eth.src < 02:00:00:00:00:01/ff:ff:ff:ff:ff:ff",
            "tcp.dst", "tcp.dst == 65536", "tcp.dst == 80,", "tcp.dst == {80", "tcp.dst == {}", "tcp.dst == {80; 81}",
            "tcp.dst < {80, 443}", "tcp.dst[16]", "tcp.dst[8..3] == 1", "tcp.dst[8..", "tcp.dst[..8]", "tcp.dst[0x1",
            "tcp.dst == 80/x", "tcp.dst == 80/80/80", "eth.type < 0x800", "eth.type[0]", "eth.type == 0x800/0xff00",
            "ip.proto == -1", "ip.ttl > 5", "1 < tcp.dst > 5", "1 == tcp.dst < 5", "1 < tcp.dst == 5",
            "2",
            "{1}", "10.0.0.1", "$office", "\"vm1\"", "inport", "!inport", "inport == vm1", "inport == \"vm1",
            "inport == 5",
            "inport < \"vm1\"", "inport[0] == \"vm1\"", "inport == \"a\\\"b\"", "inport == $office", "inport == @",
            "tcp /* comment", "tcp #", "tcp\u{1b}[2J", "réseau", "ct.est", "ct_mark == 1", "reg0 == 1", "xxreg1[3]",
            "flags.loopback", "pkt.mark == 1", "icmp4.frag_mtu == 1500", "is_chassis_resident(\"vm1\")",
            "tcp.dst == ^PORT", "ip4.src == 10.0.0.1 || ip4.dst", "0x",
            "0x == 1",
            "12ab == tcp.dst", "tcp.dst == 340282366920938463463374607431768211456",
        ]
        let lines = texts.map { text in
            do {
                return "\(text.printableForTest)  is \(try MatchExpression(text).term)\n"
            } catch {
                return "\(text.printableForTest)\n    \(error)\n"
            }
        }
        let mismatch = goldenMismatch(lines.joined(), named: "faults")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test("every name of the table has its expansion, and every predicate of OVN's its name")
    func symbols() {
        for (name, _) in MatchSymbols.predicates {
            guard case .predicate? = MatchSymbols.all.byName[name] else {
                Issue.record("\(name) has no expansion")
                continue
            }
        }
        for field in MatchField.allCases {
            guard case .bits(let bits)? = MatchSymbols.all.byName[field.rawValue] else {
                Issue.record("\(field) has no symbol")
                continue
            }
            #expect((bits.prerequisite == nil) == (field.prerequisite == nil), "\(field)")
        }
    }

    @Test("the document names every field and predicate")
    func document() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../docs/match.md"
        )
        let text = try String(contentsOf: file, encoding: .utf8)
        for name in MatchSymbols.all.byName.keys.sorted() where !name.hasPrefix("rarp.") {
            #expect(text.contains("`\(name)`"), "\(name)")
        }
    }

    @Test("names that an expression uses are told once each")
    func references() throws {
        let text =
            "inport == {@web, \"vm1\"} && (ip4.src == {$office, 10.0.0.0/8} || ip6.src == $office) && outport != \"\""
        let references = try MatchExpression(text).references
        #expect(references.ports == ["vm1"])
        #expect(references.portGroups == ["web"])
        #expect(references.addressSets == ["office"])
    }

    @Test("spellings of one expression mean the same")
    func spellings() throws {
        let pairs = [
            ("!vlan.pcp", "vlan.pcp == 0"), ("!(vlan.pcp)", "vlan.pcp == 0"), ("eth.type[0..15] == 5", "eth.type == 5"),
            ("!(tcp.dst == {1, 2} && arp)", "tcp.dst != {1, 2} || !arp"), ("0 != tcp", "tcp == 1"),
            ("!(1 < tcp.dst <= 4)", "tcp.dst <= 1 || tcp.dst > 4"), ("((((1))))", "!0"), ("tcp == 0", "!(tcp)"),
            ("ip4.src == 10.0.0.0/255.0.0.0", "ip4.src == 0x0A000000/0xff000000"),
            ("vlan.vid == 3", "vlan.vid[0..11] == 3"),
            ("!(tcp || (udp && !arp))", "!tcp && (!udp || arp)"), ("tcp.dst=={1 2,3,}", "tcp.dst == {1, 2, 3}"),
            ("eth.mcast", "eth.dst[40] != 0"), ("!eth.mcast", "eth.dst[40] == 0"),
        ]
        for (one, other) in pairs {
            #expect(try MatchExpression(one).term == MatchExpression(other).term, "\(one)")
        }
    }

    @Test("bounds in bytes, depth, tests and combinations are reached and not passed")
    func bounds() throws {
        func detail(_ text: String) -> String {
            do {
                _ = try MatchExpression(text)
                return ""
            } catch {
                return error.detail
            }
        }
        let padding = MatchExpression.byteCountMaximum - 3
        #expect(detail("tcp" + String(repeating: " ", count: padding)).isEmpty)
        #expect(detail("tcp" + String(repeating: " ", count: padding + 1)).contains("16384 bytes"))
        func nested(_ depth: Int) -> String {
            String(repeating: "(", count: depth) + "tcp" + String(repeating: ")", count: depth)
        }
        #expect(detail(nested(MatchExpression.depthMaximum)).isEmpty)
        #expect(detail(nested(MatchExpression.depthMaximum + 1)).contains("nest deeper than 100"))
        #expect(detail(nested(8000)).contains("nest deeper than 100"))
        // A test of two constants weighs 3.
        func set(_ count: Int) -> String {
            "eth.type == {" + (0..<count).map { _ in "1" }.joined(separator: " ") + "}"
        }
        #expect(detail(set(MatchExpression.weightMaximum - 1)).isEmpty)
        #expect(detail(set(MatchExpression.weightMaximum)).contains("4096 tests"))
        func grid(_ count: Int) -> String {
            (0..<count).map { "(eth.src == \($0) || eth.dst == \($0))" }.joined(separator: " && ")
        }
        #expect(detail(grid(12)).isEmpty)
        #expect(detail(grid(13)).contains("4096 combinations"))
        #expect(detail(grid(200)).contains("4096 combinations"))
        let name = String(repeating: "a", count: MatchExpression.nameByteCountMaximum)
        #expect(detail("inport == \"\(name)\"").isEmpty)
        #expect(detail("inport == \"\(name)a\"").contains("128 bytes"))
        #expect(detail("inport == @\(name)a").contains("128 bytes"))
    }

    @Test("a text cut at any byte, or with any byte changed, is an expression or refused with a place in it")
    func changed() {
        var generator = SeededGenerator(seed: 17)
        for number in 0..<150 {
            let octets = Array(
                PlainExpression.random(depth: number % 3, using: &generator).text(using: &generator).utf8
            )
            for count in 0...octets.count {
                var cut = Array(octets[..<count])
                check(cut)
                guard count > 0 else { continue }
                cut[count - 1] = UInt8.random(in: 0...255, using: &generator)
                check(cut)
            }
        }
    }

    private func check(_ octets: [UInt8]) {
        let text = String(decoding: octets, as: UTF8.self)
        do {
            _ = try MatchExpression(text)
        } catch {
            #expect((0...text.utf8.count).contains(error.offset), "\(text)")
        }
    }
}

extension String {
    fileprivate var printableForTest: String { isEmpty ? "(nothing)" : replacing("\u{1b}", with: "ESC") }
}
