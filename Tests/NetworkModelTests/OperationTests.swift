import JSON
import NetworkModel
import Persistent
import TestSupport
import Testing
import Wire

@Suite struct OperationTests {
    private func transcript(_ bench: DatabaseBench, _ steps: [(String, Operation)]) -> String {
        steps.map { "\($0.0)\n  \(bench.run($0.1))\n" }.joined()
    }

    private func bodies(_ kind: ResourceKind, _ texts: [String]) throws -> [(String, Operation)] {
        try texts.map { text in
            ("POST \(text)", Operation(kind, .create(body: try JSONParser.parse(text), switch: nil)))
        }
    }

    @Test func `bodies of switches`() throws {
        let bench = DatabaseBench()
        let text = transcript(
            bench,
            try bodies(
                .logicalSwitch,
                [
                    #"{"name":"ls1","labels":{"b":"2","a":"1"},"vlan_passthru":true}"#, #"{"name":"ls1"}"#, "{}", "[]",
                    #"{"name":7}"#, #"{"name":"with blank"}"#, #"{"name":"ls2","colour":"red"}"#,
                    #"{"name":"ls2","labels":["a"]}"#, #"{"name":"ls2","labels":{"a/b~c":1}}"#,
                    #"{"name":".."}"#, #"{"name":"ls2","labels":{"k\u001b[31m":"x"}}"#,
                    #"{"name":"ls2","labels":{"k":"a\nb"}}"#,
                    #"{"name":"ls2","labels":{"":"x"}}"#, #"{"name":"ls2","vlan_passthru":"yes"}"#,
                    #"{"name":"ls2","vlan_passthru":null}"#,
                    #"{"name":"ls2","revision":9,"config_revision":"x","created_at":0,"updated_at":[],"status":{}}"#,
                    #"{"name":"ls3","id":"910a2dec-8902-4cc1-beeb-8da1658eec67"}"#,
                ]
            )
        )
        let mismatch = goldenMismatch(text, named: "switch-bodies")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }

    @Test func `bodies of ports`() throws {
        let bench = DatabaseBench()
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls1"), body: [:])))
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls2"), body: [:])))
        let text = transcript(
            bench,
            try bodies(
                .logicalSwitchPort,
                [
                    #"{"name":"p1","switch":"ls1","addresses":["2:0:0:0:0:1 10.0.0.1","unknown"],"#
                        + #""port_security":["2:0:0:0:0:1 10.0.0.1/32"],"enabled":false,"#
                        + #""requested_chassis":["hv1"],"options":{"disable_arp_nd_rsp":"true"},"labels":{"a":"b"}}"#,
                    #"{"name":"p1","switch":"ls2"}"#, #"{"name":"p2"}"#, #"{"name":"p2","switch":"ls9"}"#,
                    #"{"switch":"ls1"}"#, #"{"name":"p2","switch":"ls1","type":"router"}"#,
                    #"{"name":"p2","switch":"ls1","addresses":"02:00:00:00:00:02"}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["02:00:00:00:00:02",3]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["02:00:00:00:00:01"]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["02:00:00:00:00:02 10.0.0.1"]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["unknown","unknown"]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["02:00:00:00:00:02 10.0.0.2","#
                        + #""02:00:00:00:00:03 10.0.0.2"]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["02:00:00:00:00:02 127.0.0.1"]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["02:00:00:00:00:02 ::1"]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["02:00:00:00:00:02 240.0.0.1"]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["02:00:00:00:00:02 ::ffff:10.0.0.1"]}"#,
                    #"{"name":"p2","switch":"ls1","addresses":["dynamic"]}"#,
                    #"{"name":"p2","switch":"ls1","port_security":["unknown"]}"#,
                    #"{"name":"p2","switch":"ls1","port_security":["02:00:00:00:00:02","2:0:0:0:0:2"]}"#,
                    #"{"name":"p2","switch":"ls1","options":{"requested-tnl-key":"true"}}"#,
                    #"{"name":"p2","switch":"ls1","options":{"disable_arp_nd_rsp":"maybe"}}"#,
                    #"{"name":"p2","switch":"ls1","requested_chassis":["a b"]}"#,
                    #"{"name":"p2","switch":"ls1","requested_chassis":["."]}"#,
                    #"{"name":"p2","switch":"ls1","requested_chassis":["hv1","hv1"]}"#,
                    #"{"name":"p2","switch":"ls1","tag":5}"#,
                    #"{"name":"p2","switch":"ls2","addresses":["02:00:00:00:00:01 10.0.0.1"]}"#,
                ]
            )
        )
        let mismatch = goldenMismatch(text, named: "port-bodies")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }

    @Test func `operations on what is there and what is not`() {
        let bench = DatabaseBench()
        let missing = Reference("910a2dec-8902-8cc1-beeb-8da1658eec67")
        func port(_ action: Operation.Action, _ precondition: Precondition = .init()) -> Operation {
            Operation(.logicalSwitchPort, action, precondition: precondition)
        }
        func lswitch(_ action: Operation.Action, _ precondition: Precondition = .init()) -> Operation {
            Operation(.logicalSwitch, action, precondition: precondition)
        }
        let text = transcript(
            bench,
            [
                ("PUT switches/ls1", lswitch(.replace(.name("ls1"), body: ["labels": ["a": "1", "b": "2"]]))),
                ("PUT switches/ls1 absent", lswitch(.replace(.name("ls1"), body: [:]), .init(mustBeAbsent: true))),
                ("PUT switches/ls2 named ls3", lswitch(.replace(.name("ls2"), body: ["name": "ls3"]))),
                ("PUT switches/UUID", lswitch(.replace(missing, body: [:]))),
                ("PUT switches/a b", lswitch(.replace(.name("a b"), body: [:]))),
                (
                    "PUT switches/ls2 if it exists",
                    lswitch(.replace(.name("ls2"), body: [:]), .init(ifMatch: .anything))
                ),
                ("PUT switches/ls2", lswitch(.replace(.name("ls2"), body: [:]))),
                ("PATCH switches/ls1", lswitch(.patch(.name("ls1"), body: ["labels": ["a": .null, "c": "3"]]))),
                ("PATCH switches/ls1 no name", lswitch(.patch(.name("ls1"), body: ["name": .null]))),
                ("PATCH switches/ls1 name", lswitch(.patch(.name("ls1"), body: ["name": "other"]))),
                ("PATCH switches/ls1 unknown null", lswitch(.patch(.name("ls1"), body: ["colour": .null]))),
                (
                    "PATCH switches/ls1 server fields",
                    lswitch(.patch(.name("ls1"), body: ["revision": 1, "status": 2]))
                ),
                ("PATCH switches/ls1 id", lswitch(.patch(.name("ls1"), body: ["id": "x"]))),
                ("PATCH switches/ls1 array", lswitch(.patch(.name("ls1"), body: []))),
                ("PATCH switches/ls9", lswitch(.patch(.name("ls9"), body: [:]))),
                ("PUT ports/p1", port(.replace(.name("p1"), body: ["switch": "ls1", "enabled": false]))),
                ("PUT ports/p1 again, without the switch", port(.replace(.name("p1"), body: [:]))),
                ("PUT ports/p1 on ls2", port(.replace(.name("p1"), body: ["switch": "ls2"]))),
                ("PUT ports/p2 without a switch", port(.replace(.name("p2"), body: [:]))),
                ("PATCH ports/p1", port(.patch(.name("p1"), body: ["addresses": ["02:00:00:00:00:01"]]))),
                (
                    "PATCH ports/p1 to defaults",
                    port(.patch(.name("p1"), body: ["addresses": .null, "enabled": .null]))
                ),
                (
                    "PATCH ports/p1 options",
                    port(.patch(.name("p1"), body: ["options": ["disable_arp_nd_rsp": "true"], "labels": ["x": "1"]]))
                ),
                ("PATCH ports/p1 to other options", port(.patch(.name("p1"), body: ["options": ["mcast": .null]]))),
                ("PATCH ports/p1 no options", port(.patch(.name("p1"), body: ["options": .null, "labels": [:]]))),
                ("PATCH ports/p1 no switch", port(.patch(.name("p1"), body: ["switch": .null]))),
                ("PATCH ports/p1 labels that are none", port(.patch(.name("p1"), body: ["labels": ["x"]]))),
                ("PATCH ports/p1 if at 99", port(.patch(.name("p1"), body: [:]), .init(ifMatch: .revisions([99])))),
                ("POST switches/ls2/ports", port(.create(body: ["name": "p3"], switch: .name("ls2")))),
                (
                    "POST switches/ls2/ports on ls1",
                    port(.create(body: ["name": "p4", "switch": "ls1"], switch: .name("ls2")))
                ),
                ("POST switches/ls9/ports", port(.create(body: ["name": "p4"], switch: .name("ls9")))),
                ("DELETE switches/ls2, not its ports", lswitch(.delete(.name("ls2"), refusingPorts: true))),
                ("DELETE switches/ls2", lswitch(.delete(.name("ls2"), refusingPorts: false))),
                ("DELETE ports/p3", port(.delete(.name("p3"), refusingPorts: false))),
                ("DELETE ports/p1", port(.delete(.name("p1"), refusingPorts: false))),
                ("POST chassis", Operation(.chassis, .create(body: [:], switch: nil))),
            ]
        )
        let mismatch = goldenMismatch(text, named: "operations")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }

    /// Reading does not see the network, and yet what it finds is told in the order of a body's members.
    @Test func `of two faults the first is told, whether it is read or resolved`() {
        let bench = DatabaseBench()
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls1"), body: [:])))
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls2"), body: [:])))
        _ = bench.run(Operation(.logicalSwitchPort, .replace(.name("p"), body: ["switch": "ls1"])))
        let full = JSONValue.object(
            JSONObject(distinct: (0..<Limits.labelCountMaximum).map { (name: "k\($0)", value: "v") })
        )
        _ = bench.run(Operation(.logicalSwitch, .patch(.name("ls1"), body: ["labels": full])))
        let id: JSONValue = "910a2dec-8902-4cc1-beeb-8da1658eec67"
        func port(_ action: Operation.Action, _ precondition: Precondition = Precondition()) -> String {
            bench.run(Operation(.logicalSwitchPort, action, precondition: precondition))
        }
        let checks: [(told: String, String)] = [
            ("precondition_failed:", port(.create(body: [], switch: nil), .init(ifMatch: .anything))),
            ("not_found:", port(.patch(.name("none"), body: []))),
            ("unknown_field at \"/x\"", port(.replace(.name("p"), body: ["id": id, "x": 1]))),
            ("id_conflict at \"/id\"", port(.replace(.name("p"), body: ["id": id, "name": 1]))),
            ("invalid_value at \"/name\"", port(.replace(.name("p"), body: ["name": 1, "switch": "ls2"]))),
            ("immutable_field at \"/name\"", port(.replace(.name("p"), body: ["name": "q", "switch": 1]))),
            ("not_found:", port(.create(body: ["name": "q", "switch": 1], switch: .name("none")))),
            ("invalid_value at \"/switch\"", port(.create(body: ["name": "q", "switch": 1], switch: nil))),
            ("missing_field at \"/switch\"", port(.create(body: ["name": "q", "type": "x"], switch: nil))),
            ("immutable_field at \"/switch\"", port(.patch(.name("p"), body: ["switch": "ls2", "type": "x"]))),
            (
                "unsupported at \"/type\"",
                port(.create(body: ["name": "p", "switch": "ls1", "type": "x"], switch: nil))
            ),
            ("name_conflict at \"/name\"", port(.create(body: ["name": "p", "switch": "ls1"], switch: nil))),
            (
                "limit_exceeded at \"/labels\"",
                bench.run(
                    Operation(
                        .logicalSwitch,
                        .patch(.name("ls1"), body: ["labels": ["one": "more"], "vlan_passthru": 1])
                    )
                )
            ),
        ]
        for (told, answer) in checks { #expect(answer.hasPrefix(told), "\(answer)") }
    }

    @Test func `each limit is reached and named`() throws {
        let bench = DatabaseBench()
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls1"), body: [:])))
        func code(_ field: String, _ value: JSONValue) -> Refusal.Code? {
            let body: JSONValue = ["switch": "ls1"]
            let full = body.merged(with: object([(field, value)]))
            switch bench.attempt(Operation(.logicalSwitchPort, .replace(.name("p"), body: full))) {
            case .success: return nil
            case .failure(let refusal): return refusal.code
            }
        }
        func labels(_ count: Int) -> JSONValue {
            object((0..<count).map { ("k\($0)", "v") })
        }
        func addresses(_ count: Int, ips: Int = 0) -> JSONValue {
            .array(
                (0..<count).map { entry in
                    let list = (0..<ips).map { " 10.\(entry).\($0 / 250).\($0 % 250 + 1)" }.joined()
                    return .string("02:00:00:00:00:\(String(entry + 1, radix: 16))" + list)
                }
            )
        }
        #expect(code("labels", labels(Limits.labelCountMaximum)) == nil)
        #expect(code("labels", labels(Limits.labelCountMaximum + 1)) == .limitExceeded)
        let longKey = String(repeating: "k", count: Limits.labelKeyByteCountMaximum)
        let longValue = String(repeating: "v", count: Limits.labelValueByteCountMaximum)
        #expect(code("labels", object([(longKey, .string(longValue))])) == nil)
        #expect(code("labels", object([(longKey + "k", "v")])) == .limitExceeded)
        #expect(code("labels", ["k": .string(longValue + "v")]) == .limitExceeded)
        for field in ["addresses", "port_security"] {
            #expect(code(field, addresses(Limits.addressCountMaximum)) == nil)
            #expect(code(field, addresses(Limits.addressCountMaximum + 1)) == .limitExceeded)
            #expect(code(field, addresses(1, ips: Limits.ipCountMaximum)) == nil)
            #expect(code(field, addresses(2, ips: Limits.ipCountMaximum / 2 + 1)) == .limitExceeded)
        }
        let names = (0...Limits.requestedChassisCountMaximum).map { JSONValue.string("h\($0)") }
        #expect(code("requested_chassis", .array(Array(names.dropLast()))) == nil)
        #expect(code("requested_chassis", .array(names)) == .limitExceeded)
    }

    @Test func `an address is free again when its port lets go of it`() {
        let bench = DatabaseBench()
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls1"), body: [:])))
        func put(_ name: String, _ address: String) -> Bool {
            let body: JSONValue = ["switch": "ls1", "addresses": [.string(address)]]
            if case .success = bench.attempt(Operation(.logicalSwitchPort, .replace(.name(name), body: body))) {
                return true
            }
            return false
        }
        #expect(put("p1", "02:00:00:00:00:01 10.0.0.1"))
        #expect(!put("p2", "02:00:00:00:00:02 10.0.0.1"))
        #expect(put("p1", "02:00:00:00:00:01"))
        #expect(put("p2", "02:00:00:00:00:02 10.0.0.1"))
        _ = bench.run(Operation(.logicalSwitchPort, .delete(.name("p1"), refusingPorts: false)))
        #expect(put("p3", "02:00:00:00:00:01"))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random edits keep every index in step, and the log gives the same database`(seed: UInt64) throws {
        let bench = DatabaseBench()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            let name = Reference.name("n\(Int.random(in: 0..<12, using: &generator))")
            let home = JSONValue.string("n\(Int.random(in: 0..<6, using: &generator))")
            let mac = JSONValue.string("02:00:00:00:00:0\(Int.random(in: 0..<8, using: &generator))")
            let operation: Operation =
                switch Int.random(in: 0..<6, using: &generator) {
                case 0: Operation(.logicalSwitch, .replace(name, body: [:]))
                case 1: Operation(.logicalSwitch, .delete(name, refusingPorts: Bool.random(using: &generator)))
                case 2: Operation(.logicalSwitchPort, .delete(name, refusingPorts: false))
                case 3: Operation(.logicalSwitchPort, .patch(name, body: ["addresses": [mac]]))
                default: Operation(.logicalSwitchPort, .replace(name, body: ["switch": home, "addresses": [mac]]))
                }
            _ = bench.attempt(operation)
            try check(bench.database)
        }
        var restored = NorthboundDatabase()
        for stored in bench.database.switches.values {
            try restored.restore(.logicalSwitch, bytes: stored.bytes)
        }
        for stored in bench.database.ports.values { try restored.restore(.logicalSwitchPort, bytes: stored.bytes) }
        try check(restored)
        #expect(restored.ports.count == bench.database.ports.count)
        for (id, stored) in bench.database.ports {
            let twin = try #require(restored.ports[id])
            #expect(twin.value == stored.value)
            #expect(twin.revision == stored.revision)
            #expect(twin.createdAt == stored.createdAt)
        }
    }

    /// No two ports of a switch share a MAC, and lists have exactly what is there.
    private func check(_ database: NorthboundDatabase) throws {
        #expect(database.switches.byName.map(\.key.name) == database.switches.values.map(\.value.name).sorted())
        #expect(database.ports.byName.map(\.key.name) == database.ports.values.map(\.value.name).sorted())
        for stored in database.switches.values {
            let ports = database.ports.values.filter { $0.value.switchID == stored.id }
            #expect((database.ports.index.bySwitch[stored.id]?.map(\.value) ?? []).sorted() == ports.map(\.id).sorted())
            let addresses = ports.flatMap(\.value.addresses)
            #expect(Set(addresses).count == addresses.count)
        }
        #expect(database.ports.index.bySwitch.keys.allSatisfy { database.switches[$0] != nil })
    }

    @Test func `a damaged row is refused`() throws {
        let bench = DatabaseBench()
        _ = bench.run(Operation(.logicalSwitch, .replace(.name("ls1"), body: [:])))
        _ = bench.run(Operation(.logicalSwitchPort, .replace(.name("p"), body: ["switch": "ls1"])))
        let bytes = try #require(bench.database.port(.name("p"))?.bytes)
        for end in 0..<bytes.count {
            var database = bench.database
            #expect(throws: StoredError.self) { try database.restore(.logicalSwitchPort, bytes: Array(bytes[..<end])) }
        }
        var empty = NorthboundDatabase()
        #expect(throws: StoredError.self) { try empty.restore(.logicalSwitchPort, bytes: bytes) }
    }
}

/// An object with members whose names are computed.
private func object(_ members: [(String, JSONValue)]) -> JSONValue {
    var object = JSONObject()
    for (name, value) in members { object[name] = value }
    return .object(object)
}
