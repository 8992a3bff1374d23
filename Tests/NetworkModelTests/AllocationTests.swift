import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Testing
import Wire

/// The addresses that ports get of their switch, as OVN's IPAM gives them.
@Suite struct AllocationTests {
    /// The steps of OVN's test "ipam" (tests/ovn.at), with the addresses that are expected there. Left out is what is
    /// refused here: a port that asks before its switch has a subnet, or when that is exhausted; in place of the MAC
    /// address that OVN gives then, a port of another switch gets it.
    @Test func `a series of ports and switches gets the addresses that OVN gives`() {
        let bench = AllocationBench(macPrefix: "0a:00:00")
        bench.put(switch: "sw0", ["subnet": "192.168.1.0/24"])
        for number in 0...9 {
            let suffix = String(number + 3, radix: 16)
            #expect(bench.put("p\(number)", on: "sw0") == "0a:00:00:a8:01:0\(suffix) 192.168.1.\(number + 2)")
        }
        // MAC addresses are unique over all switches, IP addresses within each.
        bench.put(switch: "sw1", ["subnet": "192.168.1.0/24"])
        for number in 10...19 {
            let suffix = String(number + 0x103, radix: 16).suffix(2)
            #expect(bench.put("p\(number)", on: "sw1") == "0a:00:00:a8:01:\(suffix) 192.168.1.\(number - 8)")
        }
        // Static addresses count as used, several in one string too.
        bench.put("p0", on: "sw0", "0a:00:00:a8:01:17 192.168.1.2 192.168.1.12 192.168.1.14")
        #expect(bench.put("p20", on: "sw0") == "0a:00:00:a8:01:18 192.168.1.13")
        bench.put("rp-sw0", on: "sw0", "0a:00:00:a8:01:19 192.168.1.1")
        #expect(bench.put("p21", on: "sw0") == "0a:00:00:a8:01:1a 192.168.1.15")
        // An address that is free again is given again at once.
        bench.delete("p0")
        #expect(bench.put("p23", on: "sw0") == "0a:00:00:a8:01:03 192.168.1.2")
        bench.put("p25", on: "sw0", "0a:00:00:a8:01:1b 192.168.1.12", "0a:00:00:a8:01:1c 192.168.1.14")
        #expect(bench.put("p26", on: "sw0") == "0a:00:00:a8:01:17 192.168.1.16")
        bench.put(switch: "sw2", ["subnet": "172.16.1.0/30"])
        #expect(bench.put("p27", on: "sw2") == "0a:00:00:10:01:03 172.16.1.2")
        #expect(bench.refusal(of: "p28", on: "sw2") == .addressesExhausted)
        bench.put(switch: "mac", ["mac_only": true])
        #expect(bench.put("p28", on: "mac") == "0a:00:00:00:00:01")
        bench.put(switch: "sw3", [:])
        bench.put("p29", on: "sw3", "0a:00:00:a8:01:18")
        #expect(bench.put("p30", on: "sw0") == "0a:00:00:a8:01:1d 192.168.1.17")
        // A MAC address of the user's own, which comes and goes.
        #expect(bench.put("p31", on: "sw0", "fe:dc:ba:98:76:54 dynamic") == "fe:dc:ba:98:76:54 192.168.1.18")
        #expect(bench.put("p31", on: "sw0", "fe:dc:ba:98:76:55 dynamic") == "fe:dc:ba:98:76:55 192.168.1.18")
        #expect(bench.put("p31", on: "sw0") == "0a:00:00:a8:01:1e 192.168.1.18")
        #expect(bench.put("p31", on: "sw0", "fe:dc:ba:98:76:56 dynamic") == "fe:dc:ba:98:76:56 192.168.1.18")
        exclusions(on: bench)
        families(on: bench)
        saidAddresses(on: bench)
    }

    private func exclusions(on bench: AllocationBench) {
        let excluded: JSONValue = ["192.168.1.19", "192.168.1.21", "192.168.1.23..192.168.1.50"]
        bench.patch(switch: "sw0", ["exclude_ips": excluded])
        #expect(bench.put("p32", on: "sw0") == "0a:00:00:a8:01:1e 192.168.1.20")
        #expect(bench.put("p33", on: "sw0") == "0a:00:00:a8:01:1f 192.168.1.22")
        #expect(bench.put("p34", on: "sw0") == "0a:00:00:a8:01:34 192.168.1.51")
        bench.patch(switch: "sw0", ["exclude_ips": []])
        #expect(bench.put("p35", on: "sw0") == "0a:00:00:a8:01:20 192.168.1.19")
        #expect(bench.put("p36", on: "sw0") == "0a:00:00:a8:01:21 192.168.1.21")
        bench.put("p36", on: "sw0", [])
        #expect(bench.dynamic("p36") == nil)
    }

    private func families(on bench: AllocationBench) {
        bench.patch(switch: "sw0", ["ipv6_prefix": "aef0::"])
        #expect(bench.put("p37", on: "sw0") == "0a:00:00:a8:01:21 192.168.1.21 aef0::800:ff:fea8:121")
        bench.put(switch: "sw4", ["ipv6_prefix": "bef0::", "subnet": "192.168.2.0/30"])
        #expect(bench.put("p38", on: "sw4") == "0a:00:00:a8:02:03 192.168.2.2 bef0::800:ff:fea8:203")
        bench.put(switch: "sw4b", ["ipv6_prefix": "bef0::"])
        let own = bench.put("p39", on: "sw4b", "f0:00:00:00:10:12 dynamic")
        #expect(own == "f0:00:00:00:10:12 bef0::f200:ff:fe00:1012")
        #expect(bench.put("p40", on: "sw4b") == "0a:00:00:00:00:02 bef0::800:ff:fe00:2")
        bench.put(switch: "sw5", ["subnet": "192.168.1.0/24"])
        #expect(bench.put("p41", on: "sw5") == "0a:00:00:a8:01:22 192.168.1.2")
        bench.delete("p41")
        bench.patch(switch: "sw5", ["subnet": .null, "ipv6_prefix": "aef0::/64"])
        #expect(bench.put("p41", on: "sw5") == "0a:00:00:00:00:03 aef0::800:ff:fe00:3")
        let changed = bench.put("p41", on: "sw5", "f0:00:00:00:10:2b dynamic")
        #expect(changed == "f0:00:00:00:10:2b aef0::f200:ff:fe00:102b")
        bench.put("p41", on: "sw5", [])
        bench.patch(switch: "sw5", ["subnet": "192.168.1.0/24", "ipv6_prefix": .null])
    }

    private func saidAddresses(on bench: AllocationBench) {
        #expect(bench.put("p41", on: "sw5", "dynamic 192.168.1.100") == "0a:00:00:a8:01:65 192.168.1.100")
        #expect(bench.put("p42", on: "sw5", "dynamic 192.168.1.101") == "0a:00:00:a8:01:66 192.168.1.101")
        bench.macPrefix = MACPrefix("00:11:22")
        bench.put(switch: "sw6", ["subnet": "192.168.100.0/24"])
        for number in 1...3 {
            let expected = "00:11:22:a8:64:0\(number + 2) 192.168.100.\(number + 1)"
            #expect(bench.put("p5\(number)", on: "sw6") == expected)
        }
        // The ports of the former prefix keep their addresses.
        #expect(bench.put("p42", on: "sw5", "dynamic 192.168.1.101") == "0a:00:00:a8:01:66 192.168.1.101")
        bench.put(switch: "sw8", ["mac_only": true])
        for number in 1...3 { #expect(bench.put("p8\(number)", on: "sw8") == "00:11:22:00:00:0\(number)") }
        bench.put(switch: "sw10", ["ipv6_prefix": "ae01::"])
        #expect(bench.put("p101", on: "sw10", "dynamic ae01::1") == "00:11:22:00:00:04 ae01::1")
        bench.patch(switch: "sw10", ["subnet": "192.168.110.0/24"])
        let both = bench.put("p102", on: "sw10", "dynamic 192.168.110.10 ae01::2")
        #expect(both == "00:11:22:a8:6e:0b 192.168.110.10 ae01::2")
        // Host bits in a subnet do not count.
        bench.put(switch: "sw11", ["subnet": "172.16.1.254/29"])
        #expect(bench.put("p103", on: "sw11", "22:33:44:55:66:77 dynamic") == "22:33:44:55:66:77 172.16.1.250")
    }

    @Test func `without an operator's prefix MAC addresses begin as the network has chosen once`() throws {
        let bench = AllocationBench(macPrefix: nil)
        bench.bench.network.epoch = 0x1234_5678_9abc_def0
        bench.put(switch: "ls1", ["subnet": "10.0.0.0/24"])
        #expect(bench.put("p1", on: "ls1") == "be:de:f0:00:00:03 10.0.0.2")
        bench.bench.network.epoch = 1
        #expect(bench.put("p2", on: "ls1") == "be:de:f0:00:00:04 10.0.0.3")
    }

    @Test func `a port keeps its addresses whatever else of it changes`() {
        let bench = AllocationBench(macPrefix: "0a:00:00")
        bench.put(switch: "ls1", ["subnet": "10.0.0.0/24"])
        for name in ["a", "b", "c"] { bench.put(name, on: "ls1") }
        bench.delete("a")
        let held = "0a:00:00:00:00:04 10.0.0.3"
        bench.macPrefix = MACPrefix("00:11:22")
        #expect(bench.put("b", on: "ls1") == held)
        bench.run(.logicalSwitchPort, .patch(.name("b"), body: ["labels": ["a": "1"]]))
        #expect(bench.dynamic("b") == held)
        bench.run(.logicalSwitchPort, .patch(.name("b"), body: ["addresses": ["dynamic"], "enabled": false]))
        #expect(bench.dynamic("b") == held)
        bench.patch(switch: "ls1", ["subnet": "10.0.0.0/8"])
        bench.patch(switch: "ls1", ["ipv6_prefix": "2001:db8::"])
        // A family that the switch gets later goes to a port when it is written again, and takes nothing from it.
        #expect(bench.dynamic("b") == held)
        #expect(bench.put("b", on: "ls1") == held + " 2001:db8::800:ff:fe00:4")
        #expect(bench.put("b", on: "ls1", "dynamic 10.0.0.9") == "0a:00:00:00:00:04 10.0.0.9 2001:db8::800:ff:fe00:4")
        #expect(bench.put("b", on: "ls1") == "0a:00:00:00:00:04 10.0.0.9 2001:db8::800:ff:fe00:4")
        #expect(bench.put("d", on: "ls1") == "00:11:22:00:00:03 10.0.0.2 2001:db8::211:22ff:fe00:3")
    }

    @Test func `static addresses of the port itself are not given to it`() {
        let bench = AllocationBench(macPrefix: "0a:00:00")
        bench.put(switch: "ls1", ["subnet": "10.0.0.0/24"])
        #expect(bench.put("a", on: "ls1", "0a:00:00:00:00:04 10.0.0.2", "dynamic") == "0a:00:00:00:00:05 10.0.0.3")
        // It can get the address that it gives up.
        #expect(bench.put("a", on: "ls1", "0a:00:00:00:00:07 10.0.0.6", "unknown") == nil)
        #expect(bench.put("a", on: "ls1", "dynamic", "unknown") == "0a:00:00:00:00:03 10.0.0.2")
    }

    @Test func `hosts are told of given addresses as of all others, and filters find them`() throws {
        let bench = AllocationBench(macPrefix: "0a:00:00")
        bench.put(switch: "ls1", ["subnet": "10.0.0.0/24", "ipv6_prefix": "2001:db8::"])
        bench.put("a", on: "ls1", "dynamic", "unknown")
        let stored = try #require(bench.database.port(.name("a")))
        let binding = try #require(bench.bench.network.southbound.portBinding(stored.id))
        #expect(binding.addresses.map(\.mac.description) == ["0a:00:00:00:00:03"])
        #expect(binding.addresses.first?.ips.map(\.description) == ["10.0.0.2", "2001:db8::800:ff:fe00:3"])
        #expect(binding.hasUnknown)
        #expect(bench.bench.network.translationDifference().isEmpty)
        var filter = ObjectFilter()
        filter.ips = ValueCondition()
        filter.ips?.add(try #require(IPPrefix("10.0.0.2")), isNot: false)
        #expect(LogicalSwitchPort.candidates(filter, in: bench.bench.network)?.count == 1)
        #expect(LogicalSwitchPort.matches(stored, filter))
    }

    @Test func `port security can stand for what is given`() throws {
        let bench = AllocationBench(macPrefix: "0a:00:00")
        bench.put(switch: "ls1", ["subnet": "10.0.0.0/24"])
        let body: JSONValue = [
            "switch": "ls1", "addresses": ["dynamic"],
            "port_security": ["dynamic", "02:00:00:00:00:01 10.0.0.9"],
        ]
        bench.run(.logicalSwitchPort, .replace(.name("a"), body: body))
        func entries() throws -> [String] {
            let stored = try #require(bench.database.port(.name("a")))
            let binding = try #require(bench.bench.network.southbound.portBinding(stored.id))
            return binding.portSecurity.map { "\($0.mac) \($0.prefixes.map(\.description))" }
        }
        let own = #"0a:00:00:00:00:03 ["10.0.0.2"]"#
        #expect(try entries() == [#"02:00:00:00:00:01 ["10.0.0.9"]"#, own])
        bench.run(.logicalSwitchPort, .patch(.name("a"), body: ["port_security": ["dynamic"]]))
        #expect(try entries() == [own])
        #expect(bench.bench.network.translationDifference().isEmpty)
        func refusal(_ body: JSONValue) -> String {
            bench.bench.run(Operation(.logicalSwitchPort, .patch(.name("a"), body: body)))
        }
        // A port never loses its last entry, which would let everything pass.
        #expect(refusal(["addresses": ["02:00:00:00:00:01"]]).hasPrefix(#"invalid_value at "/port_security/0""#))
        #expect(refusal(["port_security": ["dynamic", "dynamic"]]).hasPrefix(#"invalid_value at "/port_security/1""#))
    }

    @Test func `what OVN warns of or passes over is refused`() {
        let bench = AllocationBench(macPrefix: "0a:00:00")
        bench.put(switch: "plain", [:])
        bench.put(switch: "v4", ["subnet": "10.0.0.0/29", "exclude_ips": ["10.0.0.2"]])
        bench.put(switch: "v6", ["ipv6_prefix": "2001:db8::"])
        bench.put("a", on: "v4")
        bench.put("b", on: "v4")
        bench.put("c", on: "v6", "02:00:00:00:00:01 dynamic")
        var text = ""
        func attempt(_ kind: ResourceKind, _ what: String, _ body: JSONValue) {
            text += "\(what) \(body.text)\n  \(bench.bench.run(Operation(kind, .patch(.name(what), body: body))))\n"
        }
        for body: JSONValue in [
            ["subnet": "10.0.0.0"], ["subnet": "10.0.0.0/31"], ["subnet": "10.0.0.0/7"], ["subnet": "127.0.0.0/8"],
            ["subnet": "224.0.0.0/24"], ["subnet": "fd00::/24"], ["subnet": 7], ["subnet": ""],
            ["ipv6_prefix": "2001:db8::/48"], ["ipv6_prefix": "fe80::"], ["ipv6_prefix": "ff02::"],
            ["ipv6_prefix": "::"], ["ipv6_prefix": "10.0.0.0/24"], ["exclude_ips": ["10.0.0.1"]],
            ["subnet": "10.0.0.0/24", "exclude_ips": ["10.0.0.4..10.0.0.2"]],
            ["subnet": "10.0.0.0/24", "exclude_ips": ["10.0.0.2 10.0.0.3"]],
            ["subnet": "10.0.0.0/24", "exclude_ips": ["10.0.0.2", "10.0.0.9..10.0.0.255"]],
            ["subnet": "10.0.0.0/24", "mac_only": true],
        ] { attempt(.logicalSwitch, "plain", body) }
        for body: JSONValue in [
            ["subnet": "10.0.0.0/30"], ["subnet": .null], ["exclude_ips": ["10.0.0.3..10.0.0.5"]],
            ["subnet": .null, "exclude_ips": [], "ipv6_prefix": "2001:db8::"],
            ["subnet": .null, "exclude_ips": []],
        ] { attempt(.logicalSwitch, "v4", body) }
        attempt(.logicalSwitch, "v6", ["ipv6_prefix": "2001:db9::"])
        attempt(.logicalSwitch, "v6", ["ipv6_prefix": .null, "mac_only": true])
        func port(_ home: String, _ addresses: String...) {
            let body: JSONValue = ["switch": .string(home), "addresses": .array(addresses.map { .string($0) })]
            let operation = Operation(.logicalSwitchPort, .replace(.name("new"), body: body))
            text += "PUT new \(body.text)\n  \(bench.bench.run(operation))\n"
        }
        port("plain", "dynamic")
        port("v4", "dynamic 10.0.0.7")
        port("v4", "dynamic 10.0.0.3")
        port("v4", "02:00:00:00:00:09 10.0.0.3")
        port("v4", "dynamic 2001:db8::1")
        port("v6", "dynamic 10.0.0.3")
        port("v6", "dynamic 2001:db9::1")
        port("v6", "02:00:00:00:00:01 dynamic")
        port("v6", "02:00:00:00:00:02 2001:db8::ff:fe00:1")
        for addresses in [
            ["dynamic", "dynamic"], ["dynamic", "02:00:00:00:00:02 dynamic"], ["dynamic 02:00:00:00:00:02"],
            ["02:00:00:00:00:02 dynamic 10.0.0.4"], ["dynamic dynamic"], ["dynamic 2001:db8::1 10.0.0.4"],
            ["dynamic 10.0.0.4 10.0.0.5"], ["01:00:00:00:00:02 dynamic"], ["dynamic 127.0.0.1"], ["Dynamic"],
            ["02:00:00:00:00:02 10.0.0.4", "dynamic 10.0.0.4"],
        ] { port("v4", addresses[0], addresses.count > 1 ? addresses[1] : "unknown") }
        for name in ["d", "e"] { bench.put(name, on: "v4") }
        port("v4", "dynamic")
        let mismatch = goldenMismatch(text, named: "allocation-refusals")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }

    @Test func `a switch may change what it gives as long as all have theirs`() {
        let bench = AllocationBench(macPrefix: "0a:00:00")
        bench.put(switch: "ls1", ["subnet": "10.0.0.0/24"])
        bench.put("a", on: "ls1")
        bench.put("b", on: "ls1", "dynamic 10.0.0.4")
        bench.put("static", on: "ls1", "02:00:00:00:00:01 10.0.0.200")
        // The user's own addresses, static or said, may be excluded.
        bench.patch(switch: "ls1", ["subnet": "10.0.0.0/29", "exclude_ips": ["10.0.0.4..10.0.0.6"]])
        #expect(bench.put("c", on: "ls1") == "0a:00:00:00:00:04 10.0.0.3")
        bench.run(.logicalSwitch, .patch(.name("ls1"), body: ["labels": ["a": "1"]]))
        #expect(bench.dynamic("b") == "0a:00:00:00:00:05 10.0.0.4")
    }
}

/// A network of switches that give addresses.
final class AllocationBench {
    let bench = DatabaseBench()
    var database: NorthboundDatabase { bench.database }
    /// The operator's prefix.
    var macPrefix: MACPrefix? {
        get { bench.macPrefix }
        set { bench.macPrefix = newValue }
    }

    init(macPrefix: String?) { bench.macPrefix = macPrefix.flatMap { MACPrefix($0) } }

    func run(_ kind: ResourceKind, _ action: Operation.Action) {
        let line = bench.run(Operation(kind, action))
        #expect(["created", "changed", "deleted"].contains { line.hasPrefix($0) }, "\(line)")
    }

    func put(switch name: String, _ body: JSONValue) { run(.logicalSwitch, .replace(.name(name), body: body)) }
    func patch(switch name: String, _ body: JSONValue) { run(.logicalSwitch, .patch(.name(name), body: body)) }
    func delete(_ port: String) { run(.logicalSwitchPort, .delete(.name(port), refusingPorts: false)) }

    private func operation(_ name: String, _ home: String, _ addresses: [String]) -> Operation {
        let body: JSONValue = ["switch": .string(home), "addresses": .array(addresses.map { .string($0) })]
        return Operation(.logicalSwitchPort, .replace(.name(name), body: body))
    }

    /// Puts a port, and returns what it was given.
    @discardableResult func put(_ name: String, on home: String, _ addresses: [String]) -> String? {
        let line = bench.run(operation(name, home, addresses))
        #expect(line.hasPrefix("created") || line.hasPrefix("changed"), "\(line)")
        return dynamic(name)
    }

    @discardableResult func put(_ name: String, on home: String, _ addresses: String...) -> String? {
        put(name, on: home, addresses.isEmpty ? ["dynamic"] : addresses)
    }

    func refusal(of name: String, on home: String) -> Refusal.Code? {
        if case .failure(let refusal) = bench.attempt(operation(name, home, ["dynamic"])) { refusal.code } else { nil }
    }

    /// A port's dynamic addresses.
    func dynamic(_ name: String) -> String? {
        database.port(.name(name))?.value.status.dynamicAddresses?.description
    }
}
