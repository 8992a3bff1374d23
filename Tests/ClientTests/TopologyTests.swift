import HTTP
import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import Client

@Suite struct TopologyTests {
    private static let file = """
        owner: shop
        switches:
          - name: web
            labels: {env: prod, on: "1"}
            ports:
              - name: web-1
                addresses: ["02:00:00:00:00:01 10.0.0.1"]
                enabled: false
              - name: web-2
                addresses:
                  - 02:00:00:00:00:02
          - name: db
        ports:
          - name: db-1
            switch: db
            addresses:
              - 02:00:00:00:00:03 10.1.0.3
              - unknown
        """

    private func usage(_ text: String) -> String {
        do throws(ClientError) {
            _ = try TopologyFile(text, name: "net.yaml")
            return "no error"
        } catch {
            #expect(error.exitStatus == .usage)
            return error.message
        }
    }

    @Test func `Ports below their switch and in a list of their own are the same to central`() throws {
        let file = try TopologyFile(Self.file, name: "net.yaml")
        #expect(file.owner == "shop")
        #expect(file.objectCount == 5)
        #expect(
            file.body == [
                "dhcp_options": [], "dns_records": [], "mirrors": [],
                "switches": [["name": "web", "labels": ["env": "prod", "on": "1"]], ["name": "db"]],
                "ports": [
                    [
                        "name": "web-1", "addresses": ["02:00:00:00:00:01 10.0.0.1"], "enabled": false,
                        "switch": "web",
                    ],
                    ["name": "web-2", "addresses": ["02:00:00:00:00:02"], "switch": "web"],
                    ["name": "db-1", "switch": "db", "addresses": ["02:00:00:00:00:03 10.1.0.3", "unknown"]],
                ],
                "port_groups": [], "address_sets": [], "acls": [], "qos_rules": [],
            ]
        )
        // JSON is YAML.
        let json = try TopologyFile(file.body.text, name: "net.json")
        #expect(json.body == file.body)
        #expect(json.owner == nil)
    }

    @Test func `A refusal points to the line of the file`() throws {
        let file = try TopologyFile(Self.file, name: "net.yaml")
        func sentence(_ pointer: String?) -> String {
            let problem = Problem(422, code: "invalid_value", detail: "No.", pointer: pointer)
            return file.explained(problem).map(\.detail).joined()
        }
        #expect(sentence("/switches/0/name") == "net.yaml:3: switch web: No.")
        #expect(sentence("/switches/0/labels/env") == "net.yaml:4: switch web: No.")
        #expect(sentence("/switches/1") == "net.yaml:12: switch db: No.")
        #expect(sentence("/ports/0/addresses/0") == "net.yaml:7: port web-1: No.")
        #expect(sentence("/ports/1/addresses/0") == "net.yaml:11: port web-2: No.")
        #expect(sentence("/ports/1/missing") == "net.yaml:9: port web-2: No.")
        #expect(sentence("/ports/2/addresses/1") == "net.yaml:18: port db-1: No.")
        for pointer in [nil, "", "/ports", "/ports/3", "/ports/x", "/other/0"] { #expect(sentence(pointer) == "No.") }
    }

    @Test func `Words mean what YAML 1_2 says, anchors and merges are followed`() throws {
        let text = """
            a: [on, yes, ~, null, "", '', true, False, 1, -2, 1.5, 1e3, 0x10, 02:00:00:00:00:11, .inf, "1", 2026-01-02]
            base: &base {x: 1, y: [2]}
            more:
              <<: *base
              x: 3
            two: {<<: [*base, {z: 4}]}
            quoted: {"<<": 5}
            """
        let value = try YAMLDocument(text, name: "t").value
        #expect(
            value["a"] == [
                "on", "yes", .null, .null, "", "", true, false, 1, -2, .number(1.5), .number(1000), "0x10",
                "02:00:00:00:00:11", ".inf", "1", "2026-01-02",
            ]
        )
        #expect(value["more"] == ["x": 3, "y": [2]])
        #expect(value["two"] == ["x": 1, "y": [2], "z": 4])
        #expect(value["quoted"] == ["<<": 5])
        #expect(try YAMLDocument("", name: "t").value == .null)
    }

    @Test func `A file that cannot be says where and what would be right`() throws {
        var transcript = ""
        for text in [
            "", "[]", "switches", "switches:", "owner: me\nswitches: ~", "switches: []\nports: null",
            "switches:\n  - name: a\n    ports:", "routers: []", "owner: 5\nswitches: []", "owner: me",
            "switches: {ls1: {}}",
            "switches:\n  - ls1", "switches:\n  - name: a\n    ports: vm1",
            "switches:\n  - name: a\n    ports:\n    - vm1",
            "switches:\n  - ports:\n    - name: p", "ports:\n  - p1",
            "switches:\n  - name: a\n    ports:\n    - name: p\n      switch: b",
            "switches:\n  - name: a\n    name: b", "switches: [", "switches:\n\t- a", "a: *b", "? [a]\n: b",
            "switches:\n<<: 5", "switches: []\n---\nswitches: []",
        ] {
            transcript +=
                "== \(text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\\n"))\n"
            transcript += usage(text) + "\n"
        }
        let mismatch = goldenMismatch(transcript, named: "topology-errors")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test func `Aliases cannot blow a file up, and depth is bounded`() {
        var bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...7 {
            let alias = "*a\(level - 1)"
            bomb += "a\(level): &a\(level) [\(Array(repeating: alias, count: 10).joined(separator: ", "))]\n"
        }
        #expect(usage(bomb).contains("more than \(YAMLDocument.valueCountMaximum) values"))
        let depth = YAMLDocument.depthMaximum
        let deep = String(repeating: "[", count: depth + 1) + String(repeating: "]", count: depth + 1)
        #expect(usage(deep).contains("nested deeper than \(depth) levels"))
    }

    private static let plan: JSONValue = [
        "revision": 12, "unchanged": 3,
        "plan": [
            ["op": "create", "kind": "logical_switch", "name": "db", "changes": []],
            ["op": "delete", "kind": "logical_switch_port", "name": "old", "changes": []],
            [
                "op": "update", "kind": "logical_switch_port", "name": "web-1",
                "changes": [
                    ["field": "enabled", "from": true, "to": false],
                    ["field": "addresses", "from": [], "to": ["02:00:00:00:00:01 10.0.0.1"]],
                ],
            ],
        ],
    ]

    private func apply(
        _ options: TopologySession.Options,
        owner: String? = nil,
        answer: @escaping (Call) throws(ClientError) -> Reply
    ) throws -> (output: String, calls: [String]) {
        let caller = ScriptedCaller(answer)
        var output = ""
        let session = TopologySession(
            caller: caller,
            clock: { .zero },
            output: { output += $0 },
            warn: { output += $0 }
        )
        try session.apply(try TopologyFile(Self.file, name: "net.yaml"), owner: owner, options)
        return (output, caller.lines)
    }

    @Test func `A plan reads like a diff`() throws {
        var options = TopologySession.Options()
        options.isDryRun = true
        let planned = try apply(options) { _ in Reply(status: 200, revision: 40, body: Self.plan) }
        #expect(planned.calls == ["PUT /v1/topologies/shop?dry_run=true"])
        let lines = """
            + switch db
            - port old
            ~ port web-1
                enabled: true -> false
                addresses: [] -> ["02:00:00:00:00:01 10.0.0.1"]

            """
        #expect(
            planned.output == lines + """
                Plan for shop: 1 to create, 1 to change, 1 to delete, 3 unchanged.
                To apply just this: add --if-revision 12 and leave --dry-run out.

                """
        )
        let done = try apply(TopologySession.Options()) { _ in Reply(status: 200, revision: 40, body: Self.plan) }
        #expect(done.calls == ["PUT /v1/topologies/shop"])
        #expect(done.output == lines + "shop: 1 created, 1 changed, 1 deleted, 3 unchanged.\n")
        let nothing = try apply(TopologySession.Options()) { _ in
            Reply(status: 200, revision: 40, body: ["revision": 12, "plan": [], "unchanged": 6])
        }
        #expect(nothing.output == "shop: nothing changed, 6 unchanged.\n")
    }

    @Test func `Options become parameters, and --wait=hv waits for the commit`() throws {
        var options = TopologySession.Options()
        options.prunes = true
        options.adoption = "unowned"
        options.ifRevision = 7
        options.wait = .hv
        let waited = try apply(options) { call in
            call.method == .put
                ? Reply(status: 200, revision: 40, body: Self.plan) : Reply(status: 200, body: ["pending": []])
        }
        #expect(
            waited.calls == [
                "PUT /v1/topologies/shop?prune=true&adopt=unowned&if_revision=7",
                "GET /v1/realization?revision=40&wait=20",
            ]
        )
    }

    @Test func `Owners must agree, and a refusal names its line`() throws {
        #expect(throws: ClientError.self) {
            try apply(TopologySession.Options(), owner: "other") { _ in Reply(status: 200, body: Self.plan) }
        }
        let refused = #expect(throws: ClientError.self) {
            try apply(TopologySession.Options(), owner: "shop") { _ in
                .problem(422, "invalid_value", "It is no MAC address.", pointer: "/ports/1/addresses/0")
            }
        }
        #expect(refused?.message == "net.yaml:11: port web-2: It is no MAC address (field addresses[0])")
        #expect(throws: ClientError.self) {
            try apply(TopologySession.Options()) { _ in Reply(status: 200, body: .null) }
        }
    }

    @Test func `Of several refusals each has its line, in the order of the file`() throws {
        let body: JSONValue = [
            "code": "invalid_value", "detail": "No.", "pointer": "/ports/2/addresses/1",
            "errors": [
                ["code": "invalid_value", "detail": "No.", "pointer": "/ports/2/addresses/1"],
                [
                    "code": "owner_conflict", "pointer": "/switches/0/name",
                    "detail": "The switch \"web\" is another's; take it over with adopt=any, or choose another name.",
                ], ["code": "unknown_field", "detail": "Nor this.", "pointer": "/ports/0"],
            ],
        ]
        var warnings: [String] = []
        let caller = ScriptedCaller { _ in Reply(status: 422, body: body) }
        let session = TopologySession(caller: caller, output: { _ in }) { warnings.append($0) }
        #expect(throws: ClientError.refused("3 refusals; nothing was changed")) {
            try session.apply(try TopologyFile(Self.file, name: "net.yaml"), owner: nil, TopologySession.Options())
        }
        #expect(
            warnings == [
                "net.yaml:3: The switch \"web\" is another's; take it over with --adopt=any, or choose another name",
                "net.yaml:6: port web-1: Nor this", "net.yaml:18: port db-1: No (field addresses[1])",
            ]
        )
    }

    @Test func `A long plan is cut, unless all of it is asked for`() throws {
        let plan = (1...10_000).map { index -> JSONValue in
            ["op": "create", "kind": "logical_switch_port", "name": .string("p\(index)"), "changes": []]
        }
        let answer = Reply(status: 200, body: ["revision": 1, "unchanged": 0, "plan": .array(plan)])
        let short = try apply(TopologySession.Options()) { _ in answer }.output.split(separator: "\n")
        #expect(short.count == TopologyChange.listedCountMaximum + 2)
        #expect(
            short.suffix(2) == ["... and 9900 more objects, which --full lists", "shop: 10000 created, 0 unchanged."]
        )
        var options = TopologySession.Options()
        options.isFull = true
        #expect(try apply(options) { _ in answer }.output.split(separator: "\n").count == 10_001)
    }

    @Test func `Progress is one line on a terminal and a line now and then elsewhere`() throws {
        for isTerminal in [true, false] {
            var (time, written) = (Duration.zero, "")
            let progress = Progress(isTerminal: isTerminal, clock: { time }, write: { written += $0 })
            progress.tick()
            progress.begin("short work", isLong: false)
            progress.end()
            #expect(written.isEmpty)
            progress.begin("long work", isLong: true)
            for _ in 1...11 {
                time += .seconds(1)
                progress.tick()
            }
            progress.update("long work, 2 left")
            progress.end()
            progress.end()
            #expect(
                isTerminal
                    ? written.hasPrefix("\rlong work\u{1b}[K\rlong work (1 s)\u{1b}[K")
                        && written.hasSuffix("(11 s)\u{1b}[K\rlong work, 2 left\u{1b}[K\r\u{1b}[K")
                    : written == "heddle: long work\nheddle: long work (10 s)\n"
            )
        }
    }

    @Test func `Whoever looks is told which chassis are behind`() throws {
        var options = TopologySession.Options()
        options.wait = .hv
        var polls = 0
        let caller = ScriptedCaller { call in
            guard call.method == .get else { return Reply(status: 200, revision: 40, body: Self.plan) }
            polls += 1
            let names = (1...6).map { JSONValue.string("hv\($0)") }
            return Reply(status: 200, body: ["pending": polls == 1 ? .array(names) : []])
        }
        var (time, written) = (Duration.zero, "")
        let progress = Progress(isTerminal: true, clock: { time }, write: { written += $0 })
        let session = TopologySession(caller: caller, progress: progress, output: { _ in }) { _ in
            time += .seconds(1)
        }
        caller.onCall = { progress.tick() }
        try session.apply(try TopologyFile(Self.file, name: "net.yaml"), owner: nil, options)
        #expect(written.contains("waiting for 6 chassis: hv1, hv2, hv3, hv4,"))
        #expect(caller.lines.last == "GET /v1/realization?revision=40&wait=2")
    }

    @Test func `What is exported is what was applied`() throws {
        let file = try TopologyFile(Self.file, name: "net.yaml")
        let caller = ScriptedCaller { call in
            call.path == "/v1/topologies/shop"
                ? Reply(status: 200, body: file.body) : .problem(404, "not_found", "None.")
        }
        let session = TopologySession(caller: caller, output: { _ in }, warn: { _ in })
        for asJSON in [false, true] {
            let again = try TopologyFile(try session.export(owner: "shop", asJSON: asJSON), name: "again")
            #expect(again.owner == "shop")
            #expect(again.body["switches"] == file.body["switches"])
            #expect(again.body["ports"]?.arrayValue?.count == 3)
            for port in file.body["ports"]?.arrayValue ?? [] {
                #expect(again.body["ports"]?.arrayValue?.contains(port) == true)
            }
        }
        #expect(throws: ClientError.self) { try session.export(owner: "nobody", asJSON: false) }
    }

    @Test func `Everything is exported without what central adds and without what is so anyway`() throws {
        let caller = ScriptedCaller { call in
            let items: JSONValue =
                call.path.hasPrefix("/v1/switches")
                ? [["name": "ls1", "labels": [:], "vlan_passthru": true, "id": "i", "revision": 1, "status": [:]]]
                : !call.path.hasPrefix("/v1/ports")
                    ? []
                    : [
                        [
                            "name": "p1", "switch": "ls1", "type": "", "addresses": ["unknown"], "port_security": [],
                            "enabled": true, "options": [:], "status": ["up": true], "owner": .null,
                        ]
                    ]
            return Reply(status: 200, body: ["items": items, "next_page_token": .null])
        }
        let text = try TopologySession(caller: caller, output: { _ in }, warn: { _ in }).export(
            owner: nil,
            asJSON: false
        )
        #expect(
            text == """
                switches:
                - name: ls1
                  vlan_passthru: true
                  ports:
                  - name: p1
                    addresses:
                    - unknown

                """
        )
    }
}
