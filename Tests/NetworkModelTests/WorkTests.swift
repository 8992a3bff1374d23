import JSON
import NetworkModel
import TestSupport
import Testing

/// The work of one request grows with its length and not faster, whatever it contains.
@Suite struct WorkTests {
    private static func database() -> DatabaseBench {
        let bench = DatabaseBench()
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls1"), body: [:])))
        _ = bench.run(Operation(.logicalSwitchPort, .replace(.name("p"), body: ["switch": "ls1"])))
        return bench
    }

    private static func members(_ count: Int, _ value: JSONValue = "v") -> JSONValue {
        .object(JSONObject(distinct: (0..<count).map { (name: "name\($0)", value: value) }))
    }

    private static func ips(_ count: Int, _ separator: String = " ") -> String {
        (0..<count).map { "10.\($0 >> 16 & 255).\($0 >> 8 & 255).\($0 & 255)" }.joined(separator: separator)
    }

    private static func member(_ what: String, _ count: Int) -> (field: String, value: JSONValue) {
        let mac = "02:00:00:00:00:01"
        func repeated(_ text: String) -> JSONValue { .string(String(repeating: text, count: count)) }
        switch what {
        case "labels": return ("labels", members(count))
        case "labels taken away": return ("labels", members(count, .null))
        case "options": return ("options", members(count))
        case "a label's key of combining marks": return ("labels", .object(mark(count)))
        case "IP addresses in one string": return ("addresses", [.string("\(mac) \(ips(count))")])
        case "one IP address": return ("addresses", [.string(mac + String(repeating: " 10.0.0.1", count: count))])
        case "one long address": return ("addresses", [.string(ips(count, "."))])
        case "blanks": return ("addresses", [repeated(" ")])
        case "prefixes in one string": return ("port_security", [.string("\(mac) \(ips(count))")])
        case "many addresses": return ("addresses", .array(Array(repeating: .string(mac), count: count)))
        case "many chassis": return ("requested_chassis", .array((0..<count).map { .string("h\($0)") }))
        case "unknown members": return ("x", members(count))
        case "a long name": return ("name", repeated("e\u{301}"))
        case "a long type": return ("type", repeated("t"))
        default: return ("switch", repeated("\u{301}\u{327}"))
        }
    }

    private static func mark(_ count: Int) -> JSONObject {
        JSONObject(distinct: [(name: "e" + String(repeating: "\u{301}\u{327}", count: count), value: "v")])
    }

    @Test(arguments: [
        "labels", "labels taken away", "options", "a label's key of combining marks", "IP addresses in one string",
        "one IP address", "one long address", "blanks", "prefixes in one string", "many addresses", "many chassis",
        "unknown members", "a long name", "a long type", "a long switch",
    ])
    func `a member of a body`(what: String) {
        for isPatch in [true, false] {
            let bench = Self.database()
            let growth = workGrowth(from: 2000) { count in
                let (field, member) = Self.member(what, count)
                let body: JSONValue = .object(JSONObject(distinct: [(name: field, value: member)]))
                let action: Operation.Action =
                    isPatch ? .patch(.name("p"), body: body) : .replace(.name("p"), body: body)
                let operation = Operation(.logicalSwitchPort, action)
                let text = body.bytes
                // Requests that the API refuses never come to the core.
                return { if (try? JSONParser.parse(request: text)) != nil { _ = bench.attempt(operation) } }
            }
            #expect(growth < workGrowthMaximum)
        }
    }

    @Test(arguments: [
        "labels", "labels taken away", "options", "a label's key of combining marks", "IP addresses in one string",
        "one IP address", "one long address", "blanks", "prefixes in one string", "many addresses", "many chassis",
        "unknown members", "a long name", "a long type", "a long switch",
    ])
    func `a refusal is short`(what: String) {
        let (field, member) = Self.member(what, 10_000)
        let body: JSONValue = .object(JSONObject(distinct: [(name: field, value: member)]))
        let operation = Operation(.logicalSwitchPort, .replace(.name("p"), body: body))
        guard case .failure(let refusal) = Self.database().attempt(operation) else { return }
        #expect(refusal.detail.utf8.count < 600)
        #expect(refusal.pointer?.utf8.count ?? 0 < 1200)
    }

    @Test func `a patch names no more labels than can be added and taken away`() {
        let bench = Self.database()
        func patch(_ labels: JSONValue) -> Refusal? {
            let operation = Operation(.logicalSwitchPort, .patch(.name("p"), body: ["labels": labels]))
            guard case .failure(let refusal) = bench.attempt(operation) else { return nil }
            return refusal
        }
        #expect(patch(Self.members(Limits.labelCountMaximum)) == nil)
        // All of them exchanged for as many others.
        let added = (0..<Limits.labelCountMaximum).map { (name: "other\($0)", value: JSONValue.string("v")) }
        let removed = Self.members(Limits.labelCountMaximum, .null).objectValue?.members ?? []
        #expect(patch(.object(JSONObject(distinct: added + removed))) == nil)
        let tooMany = patch(Self.members(Limits.patchedLabelCountMaximum + 1, .null))
        #expect(tooMany?.code == .limitExceeded)
        #expect(tooMany?.pointer == "/labels")
        #expect(patch(Self.members(1))?.code == .limitExceeded)
    }

    private static func object(of kind: String, _ index: Int) -> JSONValue {
        guard kind == "ports" else { return ["name": .string("n\(index)")] }
        let address = "02:00:00:00:\(String(index >> 8, radix: 16)):\(String(index & 255, radix: 16))"
        return ["name": .string("n\(index)"), "switch": "ls1", "addresses": [.string(address)]]
    }

    @Test(arguments: ["switches", "ports"])
    func `a topology of many objects`(kind: String) {
        let growth = workGrowth(from: 500) { count in
            let bench = Self.database()
            let bodies = (0..<count).map { Self.object(of: kind, $0) }
            let kind: ObjectKind = kind == "switches" ? .logicalSwitch : .logicalSwitchPort
            let request = TopologyRequest(owner: "o", bodies: [kind: bodies])
            return {
                var draft = Transaction(on: bench.network, time: 0)
                _ = try? draft.apply(request, using: &bench.generator)
            }
        }
        #expect(growth < workGrowthMaximum)
    }
}

@Suite struct OlderObjectTests {
    /// Objects that an older version allowed stay, and their other members can be changed.
    @Test func `objects that would be refused now are loaded and patched`() throws {
        let bench = DatabaseBench()
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls1"), body: ["labels": ["key": "value"]])))
        let body: JSONValue = [
            "switch": "ls1", "addresses": ["02:00:00:00:00:01 10.0.0.1"], "labels": ["key": "value"],
        ]
        _ = bench.run(Operation(.logicalSwitchPort, .replace(.name("p1"), body: body)))
        func older(_ bytes: [UInt8]?) throws -> [UInt8] {
            var text = String(decoding: try #require(bytes), as: UTF8.self)
            let old = [
                (#""ls1""#, #""..""#), (#""p1""#, #"".""#), (#""value""#, #""a\n\u001b[2J""#),
                ("10.0.0.1", "127.0.0.1"),
            ]
            for (now, then) in old { text.replace(now, with: then) }
            return Array(text.utf8)
        }
        let loaded = DatabaseBench()
        loaded.network.revision = bench.network.revision
        try loaded.network.northbound.restore(
            .logicalSwitch,
            bytes: try older(bench.database.logicalSwitch(.name("ls1"))?.bytes)
        )
        let older = try older(bench.database.port(.name("p1"))?.bytes)
        try loaded.network.northbound.restore(.logicalSwitchPort, bytes: older)
        let port = try #require(loaded.database.port(.name(".")))
        #expect(port.value.logicalAddresses.count == 1)
        #expect(port.value.labels["key"] == "a\n\u{1b}[2J")
        let patch: JSONValue = ["enabled": false, "labels": ["more": "1"]]
        #expect(loaded.run(Operation(.logicalSwitchPort, .patch(.name("."), body: patch))).hasPrefix("changed"))
        let whole: JSONValue = ["name": ".", "switch": "..", "addresses": ["02:00:00:00:00:01"]]
        #expect(
            loaded.run(Operation(.logicalSwitchPort, .replace(.name("."), body: whole))).hasPrefix("changed")
        )
        #expect(loaded.run(Operation(.logicalSwitch, .delete(.name(".."), refusingPorts: true))).contains("a port;"))
    }
}
