import NetworkModel
import TestSupport
import Testing
import Wire

@Suite struct LogicalAddressTests {
    private func canonical(_ text: String) -> String {
        do { return try LogicalAddress(parsing: text).description } catch { return "\(error)" }
    }

    private func canonicalRule(_ text: String) -> String {
        do { return try PortSecurityRule(parsing: text).description } catch { return "\(error)" }
    }

    @Test func `addresses and port security as users may spell them`() {
        var text = ""
        for address in [
            "02:ac:10:ff:00:11", "2:AC:10:ff:0:11", "  02:ac:10:ff:00:11   172.16.255.11  ",
            "02:ac:10:ff:00:11 172.16.255.11 2001:DB8:0:0::1 fe80::1", "unknown", "unknown 10.0.0.1", "", " ",
            "dynamic", "02:ac:10:ff:00:11 dynamic", "dynamic 10.0.0.1", "router", "10.0.0.1",
            "10.0.0.1 02:ac:10:ff:00:11", "f0:00:00:00:00:13 192.168.0.13 invalid 192.169.0.13",
            "02:ac:10:ff:00:11 10.0.0.1/24", "02:ac:10:ff:00:11,10.0.0.1", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01",
            "00:00:00:00:00:00", "02:ac:10:ff:00", "02:ac:10:ff:00:11 224.0.0.1", "02:ac:10:ff:00:11 0.0.0.0",
            "02:ac:10:ff:00:11 ff02::1", "02:ac:10:ff:00:11 10.0.0.1 10.0.0.1", "02:ac:10:ff:00:11\t10.0.0.1",
        ] { text += "\"\(address)\" -> \(canonical(address))\n" }
        text += "\nport security\n"
        for rule in [
            "02:ac:10:ff:00:11", "02:AC:10:FF:00:11  10.0.0.0/24 10.0.0.5/24 10.0.0.7/32 2001:DB8::/64",
            "VRRPv3 02:ac:10:ff:00:11", "VRRPv3",
            "VRRPv3 02:ac:10:ff:00:11 00:00:5E:0:1:5 0:0:5e:0:2:80/41 10.0.0.5 fd00::5",
            "VRRPv3 02:ac:10:ff:00:11 02:ac:10:ff:00:12", "VRRPv3 02:ac:10:ff:00:11 00:00:5e:00:01:00", "unknown", "",
            "02:ac:10:ff:00:11 10.0.0.1,10.0.0.2",
            "02:ac:10:ff:00:11 10.0.0.0/33", "03:ac:10:ff:00:11", "10.0.0.1", "02:ac:10:ff:00:11 10.0.0.1 x",
            "02:ac:10:ff:00:11 10.0.0.1 10.0.0.1/32",
        ] { text += "\"\(rule)\" -> \(canonicalRule(rule))\n" }
        let mismatch = goldenMismatch(text, named: "addresses")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }

    @Test func `a canonical spelling is its own`() throws {
        for text in [
            "02:ac:10:ff:00:11 172.16.255.11 2001:db8::1", "unknown", "02:ac:10:ff:00:11", "dynamic",
            "02:ac:10:ff:00:11 dynamic", "dynamic 10.0.0.1", "dynamic 2001:db8::1", "dynamic 10.0.0.1 2001:db8::1",
        ] { #expect(canonical(text) == text) }
        #expect(
            canonicalRule("02:ac:10:ff:00:11 10.0.0.0/24 2001:db8::1") == "02:ac:10:ff:00:11 10.0.0.0/24 2001:db8::1"
        )
    }

    @Test func `cut and damaged strings are refused or read, and never more`() {
        let samples = ["02:ac:10:ff:00:11 172.16.255.11/24 2001:db8::1:2/64 fe80::1", "unknown", "dynamic 10.0.0.1"]
        var generator = SeededGenerator(seed: 7)
        for sample in samples {
            let bytes = Array(sample.utf8)
            for end in 0...bytes.count {
                var damaged = Array(bytes[..<end])
                for _ in 0..<4 {
                    let text = String(decoding: damaged, as: UTF8.self)
                    if canonical(text).hasPrefix("invalid") == false, let address = try? LogicalAddress(parsing: text) {
                        #expect((try? LogicalAddress(parsing: address.description)) == address)
                    }
                    if let rule = try? PortSecurityRule(parsing: text) {
                        #expect((try? PortSecurityRule(parsing: rule.description)) == rule)
                    }
                    guard !damaged.isEmpty else { break }
                    damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(
                        in: 0...255,
                        using: &generator
                    )
                }
            }
        }
    }
}
