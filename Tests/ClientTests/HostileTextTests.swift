import HTTP
import HTTPTypes
import JSON
import TestSupport
import Testing
import Wire

@testable import Client

/// Labels, options, host names and refusals that were written to be obeyed by a terminal, or to look like lines of
/// ours.
@Suite struct HostileTextTests {
    private static let hostile = "v\u{1b}]0;pwned\u{07}\u{1b}[2J\nPort_Binding \"fake\"\r\u{9b}31m\u{202e}\u{00}"

    private static let lists: [String: JSONValue] = [
        "/v1/switches": [
            [
                "id": "i1", "name": "ls1", "revision": 1, "status": ["tunnel_key": 1],
                "labels": .object(
                    JSONObject(distinct: [("k\u{1b}[31m\n", .string(hostile)), ("other", [1, "\u{9b}"])])
                ),
            ]
        ],
        "/v1/ports": [
            [
                "id": "i2", "name": "p1", "switch": "ls1", "type": .string(hostile), "addresses": [.string(hostile)],
                "port_security": [.string(hostile)], "requested_chassis": [.string(hostile)],
                "options": .object(JSONObject(distinct: [(hostile, .string(hostile))])), "owner": .string(hostile),
                "labels": ["k": .string(hostile)],
                "status": ["up": false, "chassis": "hv1", "reason": .string(hostile)],
            ]
        ],
        "/v1/dhcp-options": [["name": .string(hostile), "cidr": .string(hostile), "options": ["k": .string(hostile)]]],
        "/v1/dns-records": [["name": .string(hostile), "records": ["k": .string(hostile)]]],
        "/v1/port-groups": [["name": .string(hostile), "ports": [.string(hostile)]]],
        "/v1/mirrors": [["name": .string(hostile), "sink": .string(hostile), "type": .string(hostile)]],
        "/v1/address-sets": [["name": .string(hostile), "addresses": [.string(hostile)]]],
        "/v1/qos-rules": [["name": .string(hostile), "match": .string(hostile), "direction": .string(hostile)]],
        "/v1/acls": [["name": .string(hostile), "match": .string(hostile), "direction": .string(hostile)]],
        "/v1/chassis": [
            [
                "name": "hv1", "hostname": .string(hostile), "chassis_id": .string(hostile), "status": ["live": true],
                "encaps": [["type": .string(hostile), "ip": .string(hostile)]],
            ]
        ],
        "/v1/southbound/port-bindings": [
            ["logical_port": .string(hostile), "locations": [["chassis": "hv1", "state": .string(hostile)]]]
        ],
        "/v1/southbound/datapath-bindings": [["name": .string(hostile), "tunnel_key": .string(hostile)]],
        "/v1/southbound/dhcp-responders": [["id": .string(hostile), "cidr": .string(hostile)]],
        "/v1/southbound/dns-responders": [["id": .string(hostile), "owned": .string(hostile)]],
        "/v1/southbound/mirror-sessions": [["id": .string(hostile), "sink": .string(hostile)]],
        "/v1/southbound/multicast-groups": [["name": .string(hostile), "ports": [.string(hostile)]]],
        "/v1/tokens": [["id": .string(hostile), "role": .string(hostile), "expires_at": .string(hostile)]],
    ]

    private static func central() -> ScriptedCaller {
        ScriptedCaller { call in
            let path = String(call.path.prefix { $0 != "?" })
            if let list = lists[path] { return Reply(status: 200, body: ["items": list, "next_page_token": .null]) }
            if path.hasSuffix("/ports") { return Reply(status: 200, body: ["items": lists["/v1/ports"] ?? []]) }
            let collection = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            return lists[collection]?.arrayValue.map { Reply(status: 200, body: $0[0]) }
                ?? .problem(404, "not_found", hostile, pointer: "/labels/\(hostile)")
        }
    }

    /// Nothing in the text is obeyed by a terminal, and no line is one that a value has made.
    private func expectHarmless(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(!text.isEmpty, sourceLocation: sourceLocation)
        let controls = text.unicodeScalars.filter { $0 != "\n" && $0 != "\t" && String($0).hasControlCharacters }
        #expect(controls.isEmpty, "\(text.printable)", sourceLocation: sourceLocation)
        let forged = text.split(separator: "\n").filter { $0.hasPrefix("Port_Binding") }
        #expect(forged.isEmpty, sourceLocation: sourceLocation)
    }

    @Test func `objects in every format`() throws {
        let session = ObjectSession(caller: Self.central())
        for kind in ShownKind.allCases {
            for format in OutputFormat.allCases { expectHarmless(try session.get(kind, format: format)) }
        }
        for (kind, name) in [(ShownKind.logicalSwitch, "ls1"), (.port, "p1"), (.chassis, "hv1")] {
            expectHarmless(try session.describe(kind, names: [name]))
            var listing = WatchListing(kind, format: .wide)
            let object = try #require(Self.lists[kind.path]?.arrayValue?.first)
            var objects = WatchedObjects(kind, names: [], of: nil, selection: ObjectSelection())
            let text = try listing.text(of: objects.replace(with: [object]))
            expectHarmless(text)
        }
    }

    @Test func `documents are still what they were`() throws {
        let session = ObjectSession(caller: Self.central())
        let json = try session.get(.port, names: ["p1"], format: .json)
        #expect(try JSONParser.parse(json) == Self.lists["/v1/ports"]?.arrayValue?[0])
        let yaml = try YAMLDocument(try session.get(.port, names: ["p1"], format: .yaml), name: "-").value
        #expect(yaml == Self.lists["/v1/ports"]?.arrayValue?[0])
    }

    @Test func `what ovn-nbctl and ovn-sbctl would show`() {
        let (switches, ports) = (
            Self.lists["/v1/switches"]?.arrayValue ?? [], Self.lists["/v1/ports"]?.arrayValue ?? []
        )
        expectHarmless(NbListing.show(switches: switches, ports: ports))
        expectHarmless(NbListing.list(ports))
        for column in [NbCommand.PortColumn.addresses, .portSecurity, .options] {
            expectHarmless(NbListing.column(column, of: ports[0]))
        }
        let bindings = Self.lists["/v1/southbound/port-bindings"]?.arrayValue ?? []
        expectHarmless(SbListing.show(chassis: Self.lists["/v1/chassis"]?.arrayValue ?? [], portBindings: bindings))
    }

    @Test func `refusals, tokens, ports of this host, findings and plans`() throws {
        let problem = Problem(
            status: 422,
            body: ["detail": .string(Self.hostile), "pointer": .string("/labels/\(Self.hostile)")]
        )
        expectHarmless(ClientError.problem(problem).message + "\n")
        #expect(!problem.sentence.contains("\n"))
        expectHarmless(try TokenSession(caller: Self.central()).list(now: "2026"))
        expectHarmless(try TokenSession(caller: Self.central()).listAsJSON())
        let host: JSONValue = [
            "ports": [
                [
                    "name": .string(Self.hostile), "detail": .string(Self.hostile), "netns": .string(Self.hostile),
                    "statistics": ["drops": .object(JSONObject(distinct: [(Self.hostile, 1)]))],
                ]
            ],
            "pollers": [["name": .string(Self.hostile)]],
        ]
        expectHarmless(PortTable.list(host))
        expectHarmless(PortTable.statistics(host))
        let report = DoctorReport(findings: [.failed("central", Self.hostile, remedy: Self.hostile)])
        expectHarmless(report.text)
        expectHarmless(report.jsonText)
        let step: JSONValue = [
            "op": "update", "kind": "logical_switch", "name": .string(Self.hostile),
            "changes": [["field": "labels", "from": .string(Self.hostile), "to": ["k": .string(Self.hostile)]]],
        ]
        let change = try #require(TopologyChange(["revision": 1, "plan": [step]]))
        expectHarmless(change.text(isFull: true))
    }

    @Test func `progress on a terminal`() {
        var text = ""
        let progress = Progress(isTerminal: true, clock: { .zero }) { text += $0 }
        progress.begin(Self.hostile, isLong: true)
        progress.update(Self.hostile)
        #expect(!text.contains("\u{07}") && !text.contains("\u{1b}[2J") && !text.contains("\n"))
    }
}
