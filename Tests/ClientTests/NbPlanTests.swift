import JSON
import TestSupport
import Testing

@testable import Client

@Suite struct NbPlanTests {
    /// ls0 with p0 (options a and b), ls1 with p1.
    private var view: NbView {
        var view = NbView()
        for (reference, name) in [("ls0", "ls0"), (Self.id, "ls0"), ("ls1", "ls1")] {
            view.switches[reference] = ["name": .string(name), "revision": 3]
        }
        view.ports["p0"] = ["name": "p0", "switch": "ls0", "revision": 4, "options": ["a": "1", "b": "2"]]
        view.portGroups["pg0"] = ["name": "pg0", "revision": 6, "ports": ["p0"]]
        view.qosRules = [
            ["name": "voice", "switch": "ls0", "direction": "from-lport", "priority": 5, "match": "ip", "dscp": 46]
        ]
        view.acls = [
            ["name": "a0", "switch": "ls0", "direction": "to-lport", "priority": 5, "match": "ip"],
            ["name": "a1", "port_group": "pg0", "direction": "from-lport", "priority": 6, "match": "ip4"],
        ]
        view.ports["p1"] = [
            "name": "p1", "switch": "ls1", "revision": 5, "activation_strategy": ["na"], "mirror_rules": ["m0"],
        ]
        let rule: JSONValue = ["priority": 5, "match": "tcp", "action": "skip"]
        view.mirrors["m0"] = ["name": "m0", "revision": 6, "mirror_rules": [rule]]
        return view
    }

    private static let id = "11111111-2222-4333-8444-555555555555"

    private func plan(_ line: String) throws -> NbPlan {
        let words = line.split(separator: " ").map(String.init)
        guard case .run(let parsed) = try NbCommand.grammar.parse(words) else { return try NbPlan([], over: view) }
        return try NbPlan(parsed.commands.map(\.command), over: view)
    }

    private static let lines = [
        "ls-add ls2", "--may-exist ls-add ls2", "--may-exist ls-add ls0", "ls-del ls0", "--if-exists ls-del ls2",
        "--if-exists ls-del ls0", "ls-del 11111111-2222-4333-8444-555555555555", "lsp-add ls0 p2",
        "lsp-add ls0 p2 p1 7 -- --may-exist lsp-add ls0 p2 p1 7", "lsp-add ls0 p2 later 0",
        "lsp-add 11111111-2222-4333-8444-555555555555 p2", "--may-exist lsp-add ls0 p0", "lsp-del p0",
        "--if-exists lsp-del p2", "lsp-set-addresses p0", "lsp-set-addresses p0 unknown 02:00:00:00:00:01",
        "lsp-set-port-security p0 02:00:00:00:00:01", "lsp-set-enabled p0 disabled", "lsp-set-options p0",
        "lsp-set-options p0 a=x requested-chassis=hv1,hv2", "lsp-set-options p0 a=x b=y c=z",
        "lsp-set-options p0 a=x b=y requested-chassis=hv1,hv2 activation-strategy=rarp,garp -- lsp-set-options p0",
        "lsp-set-options p1 requested-chassis=hv2",
        "ls-add ls2 -- lsp-add ls2 p2 -- lsp-set-addresses p2 unknown",
        "--may-exist ls-add ls0 -- --may-exist lsp-add ls0 p0 -- lsp-set-enabled p0 enabled",
        "--may-exist ls-add ls0 -- --may-exist ls-add ls0", "ls-del ls0 -- ls-add ls0 -- lsp-add ls0 p0",
        "ls-del ls0 -- --if-exists lsp-del p0", "lsp-del p0 -- lsp-add ls1 p0 -- lsp-set-options p0 k=v",
        "ls-add ls2 -- --may-exist ls-add ls2 -- ls-del ls2 -- --if-exists ls-del ls2",
        "pg-add pg1 p0 p1 p0", "pg-set-ports pg0 p1", "pg-set-ports pg0", "pg-del pg0", "pg-del pg0 -- pg-add pg0",
        "lsp-add ls0 p2 -- pg-add pg1 p2",
        "acl-add ls0 to-lport 9 ip6 drop", "acl-add pg0 from-lport 9 ip6 allow -- acl-del pg0", "acl-del ls0",
        "acl-del pg0 to-lport", "qos-add ls0 to-lport 9 ip6 dscp=46 -- qos-del ls0", "qos-del ls0 from-lport 5 ip",
        "ls-add ls2 -- acl-add ls2 to-lport 1 ip pass", "sync",
        "mirror-add m1 gre 7 both 192.0.2.9 -- lsp-attach-mirror p1 m1 -- lsp-attach-mirror p0 m1",
        "mirror-add m1 lport to-lport p0", "mirror-del m0", "--if-exists mirror-del m1", "lsp-attach-mirror p0 m0",
        "--may-exist lsp-attach-mirror p1 m0", "lsp-detach-mirror p1 m0", "--if-exists lsp-detach-mirror p0 m0",
        "mirror-rule-add m0 7 udp mirror -- mirror-rule-add m0 8 udp skip -- mirror-rule-del m0 7",
        "mirror-rule-del m0", "mirror-rule-del m0 5 tcp", "mirror-rule-del m0 5 udp",
    ]

    @Test func `Commands become the operations of one transaction`() throws {
        var transcript = ""
        for line in Self.lines {
            let plan = try plan(line)
            transcript += "$ heddle nb \(line)\n"
            for requirement in plan.requirements { transcript += "  require \(requirement.text)\n" }
            for (operation, command) in zip(plan.operations, plan.commandOfOperation) {
                transcript += "  \(command): \(operation.text)\n"
            }
        }
        let mismatch = goldenMismatch(transcript, named: "nb-plans")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test(arguments: [
        ("ls-add ls0", "ls0: a switch with this name already exists"),
        ("ls-add ls2 -- ls-add ls2", "ls2: a switch with this name already exists"),
        ("ls-del ls2", "ls2: switch name not found"),
        ("acl-add ls9 to-lport 1 ip drop", "ls9: switch or port group name not found"),
        ("pg-add pg0", "pg0: a port group with this name already exists"),
        ("pg-set-ports pg1", "pg1: port group name not found"), ("pg-add pg1 p9", "p9: port name not found"),
        ("lsp-del p0 -- pg-set-ports pg0 p0", "p0: port name not found"),
        (
            "ls-del 00000000-0000-4000-8000-000000000000",
            "00000000-0000-4000-8000-000000000000: switch UUID not found"
        ),
        ("ls-del ls0 -- ls-del ls0", "ls0: switch name not found"),
        ("lsp-add ls2 p2", "ls2: switch name not found"),
        ("lsp-add ls0 p0", "p0: a port with this name already exists"),
        ("--may-exist lsp-add ls0 p0 p1 7", "p0: port already exists but has no parent"),
        ("lsp-add ls0 p2 p1 7 -- --may-exist lsp-add ls0 p2", "p2: port already exists but has parent p1"),
        (
            "lsp-add ls0 p2 p1 7 -- --may-exist lsp-add ls0 p2 p0 7",
            "p2: port already exists but with different parent p1"
        ),
        (
            "lsp-add ls0 p2 p1 7 -- --may-exist lsp-add ls0 p2 p1 8",
            "p2: port already exists but with different tag_request 7"
        ),
        ("--may-exist lsp-add ls0 p1", "p1: port already exists but in switch ls1"),
        ("lsp-add ls0 p2 -- lsp-add ls1 p2", "p2: a port with this name already exists"),
        ("lsp-del p2", "p2: port name not found"),
        ("ls-del ls0 -- lsp-del p0", "p0: port name not found"),
        ("ls-del ls0 -- lsp-add ls0 p2", "ls0: switch name not found"),
        ("lsp-set-addresses p2", "p2: port name not found"),
        ("lsp-set-enabled p1 enabled -- lsp-get-up p2", "p2: port name not found"),
        ("sync -- show ls2", "ls2: switch name not found"),
        ("sync -- lsp-list ls2", "ls2: switch name not found"),
        ("mirror-add m0 gre both 192.0.2.9", "m0: a mirror with this name already exists"),
        ("mirror-del m1", "m1: mirror name not found"),
        ("lsp-attach-mirror p0 m1", "m1: mirror name not found"),
        ("lsp-attach-mirror p1 m0", "m0: the mirror is already attached to the port p1"),
        ("lsp-detach-mirror p0 m0", "m0: the mirror is not attached to the port p0"),
        ("mirror-rule-add m1 5 tcp skip", "m1: mirror name not found"),
        ("mirror-rule-add m0 5 tcp mirror", "m0: there is a rule with this priority and this match already"),
    ])
    func `What cannot be is refused in OVN's words`(line: String, message: String) {
        #expect(throws: ClientError.refused(message)) { try plan(line) }
    }
}
