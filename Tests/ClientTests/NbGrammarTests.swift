import TestSupport
import Testing

@testable import Client

@Suite struct NbGrammarTests {
    private func commands(_ line: String) throws -> [NbCommand] {
        guard case .run(let parsed) = try NbCommand.grammar.parse(words(line)) else { return [] }
        return parsed.commands.map(\.command)
    }

    /// Splits at blanks; what is in quotes is one word.
    private func words(_ line: String) -> [String] {
        var result: [String] = []
        for (index, part) in line.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
            if index % 2 == 1 {
                result.append(String(part))
            } else {
                result += part.split(separator: " ").map(String.init)
            }
        }
        return result
    }

    @Test(
        arguments: [
            ("ls-del", .name(.logicalSwitch)), ("--wait=hv ls-del --if-exists", .name(.logicalSwitch)),
            ("ls-add ls1 -- lsp-add", .name(.logicalSwitch)), ("lsp-add ls1", .words([])), ("ls-add", .words([])),
            ("lsp-set-addresses", .name(.port)), ("lsp-set-addresses p1", .words([])),
            ("lsp-set-enabled p1", .words(["enabled", "disabled"])), ("ls-del ls1", .words(["--"])),
            ("show", .name(.logicalSwitch)), ("frobnicate", .words([])),
            ("lsp-set-addresses p1 dynamic unknown", .words(["--"])),
            ("dhcp-options-del", .name(.dhcpOptions)),
            ("lsp-set-dhcpv4-options p1", .name(.dhcpOptions)),
        ] as [(String, ControlCompletion)]
    )
    func `What may come next is known`(line: String, completion: ControlCompletion) {
        #expect(NbCommand.grammar.completion(after: words(line)) == completion)
    }

    @Test(arguments: ["dhcp-options-set-options d1", "dhcp-options-set-options d1 mtu=1400 T1=5"])
    func `The names of DHCP options come with what sets them`(line: String) {
        guard case .words(let words) = NbCommand.grammar.completion(after: words(line)) else { return }
        #expect(Set(["router=", "server_id=", "dhcpv6_stateless="]).isSubset(of: words))
    }

    @Test func `Verbs come first, and again behind a pair of dashes`() {
        let first = NbCommand.grammar.completion(after: [])
        guard case .words(let words) = first else {
            Issue.record("\(first)")
            return
        }
        #expect(Set(NbCommand.grammar.verbs.map(\.name) + ["--may-exist", "--wait=hv"]).isSubset(of: words))
        #expect(NbCommand.grammar.completion(after: ["ls-add", "ls1", "--"]) == first)
        #expect(NbCommand.grammar.completion(after: ["--wait=hv"]) == first)
        #expect(SbCommand.grammar.completion(after: ["chassis-del"]) == .name(.chassis))
        guard case .words(let others) = SbCommand.grammar.completion(after: []) else { return }
        #expect(others == ["show", "chassis-del", "list", "find", "get", "--columns=", "--if-exists"])
        #expect(SbCommand.grammar.completion(after: ["list", "Chassis"]) == .name(.chassis))
        #expect(
            SbCommand.grammar.completion(after: ["get", "Encap", "x"])
                == .words(["_uuid", "chassis_name", "ip", "options", "type"])
        )
    }

    private static let wellFormed: [(String, [NbCommand])] = [
        ("ls-add ls1", [.lsAdd("ls1", mayExist: false)]),
        ("--may-exist ls-add ls1", [.lsAdd("ls1", mayExist: true)]),
        ("ls-add --may-exist ls1", [.lsAdd("ls1", mayExist: true)]),
        ("ls-add ls1 --may-exist", [.lsAdd("ls1", mayExist: true)]),
        ("-- ls-add ls1", [.lsAdd("ls1", mayExist: false)]),
        ("--if-exists ls-del ls1", [.lsDel("ls1", ifExists: true)]),
        ("ls-list", [.lsList]),
        ("lsp-add ls1 p1", [.lspAdd(switch: "ls1", port: "p1", nesting: nil, mayExist: false)]),
        (
            "lsp-add ls1 p1 p0 0",
            [.lspAdd(switch: "ls1", port: "p1", nesting: .init(parent: "p0", tagRequest: 0), mayExist: false)]
        ),
        ("lsp-add ls1 -p", [.lspAdd(switch: "ls1", port: "-p", nesting: nil, mayExist: false)]),
        ("lsp-del p1 --if-exists", [.lspDel("p1", ifExists: true)]),
        ("lsp-list ls1", [.lspList(switch: "ls1")]),
        ("lsp-set-addresses p1", [.lspSet("p1", .addresses([]))]),
        (
            "lsp-set-addresses p1 '02:00:00:00:00:01 10.0.0.1 fd00::1' unknown",
            [.lspSet("p1", .addresses(["02:00:00:00:00:01 10.0.0.1 fd00::1", "unknown"]))]
        ),
        ("lsp-get-addresses p1", [.lspGet("p1", .addresses)]),
        (
            "lsp-set-port-security p1 '02:00:00:00:00:01 10.0.0.0/24'",
            [.lspSet("p1", .portSecurity(["02:00:00:00:00:01 10.0.0.0/24"]))]
        ),
        ("lsp-get-port-security p1", [.lspGet("p1", .portSecurity)]),
        ("lsp-get-up p1", [.lspGet("p1", .up)]),
        ("lsp-set-enabled p1 disabled", [.lspSet("p1", .enabled(false))]),
        ("lsp-set-enabled p1 enabled", [.lspSet("p1", .enabled(true))]),
        ("lsp-get-enabled p1", [.lspGet("p1", .enabled)]),
        (
            "lsp-set-options p1 requested-chassis=hv1,hv2 a=b=c empty=",
            [.lspSet("p1", .options(["requested-chassis": "hv1,hv2", "a": "b=c", "empty": ""]))]
        ),
        ("lsp-get-options p1", [.lspGet("p1", .options)]),
        ("lsp-set-dhcpv4-options p1 dhcp1", [.lspSet("p1", .dhcpv4Options("dhcp1"))]),
        ("lsp-set-dhcpv6-options p1", [.lspSet("p1", .dhcpv6Options(nil))]),
        ("lsp-get-dhcpv4-options p1", [.lspGet("p1", .dhcpv4Options)]),
        (
            "dhcp-options-create 10.0.0.0/24 server_id=10.0.0.1",
            [
                .dhcpOptionsCreate(
                    name: "dhcp-10.0.0.0-24",
                    cidr: "10.0.0.0/24",
                    options: ["server_id": "10.0.0.1"]
                )
            ]
        ),
        ("dhcp-options-create d1 fd00::/64", [.dhcpOptionsCreate(name: "d1", cidr: "fd00::/64", options: [:])]),
        ("--if-exists dhcp-options-del d1", [.dhcpOptionsDel("d1", ifExists: true)]),
        ("dhcp-options-list", [.dhcpOptionsList]),
        ("dhcp-options-set-options d1 mtu=1400", [.dhcpOptionsSet("d1", ["mtu": "1400"])]),
        ("dhcp-options-get-options d1", [.dhcpOptionsGet("d1")]),
        ("pg-add web", [.pgAdd("web", ports: [])]), ("pg-add web p1 p2", [.pgAdd("web", ports: ["p1", "p2"])]),
        ("pg-set-ports web p1", [.pgSetPorts("web", ports: ["p1"])]), ("pg-del web", [.pgDel("web")]),
        ("pg-get-ports web", [.pgGetPorts("web")]),
        (
            "acl-add web to-lport 900 'outport == @web && ip4' drop",
            [
                .aclAdd(
                    NbACL(
                        entity: "web",
                        direction: "to-lport",
                        priority: 900,
                        match: "outport == @web && ip4",
                        action: "drop"
                    )
                )
            ]
        ),
        (
            "--name=deny --severity=alert --tier=2 acl-add ls1 from-lport 1 ip drop",
            [
                .aclAdd(
                    NbACL(
                        entity: "ls1",
                        direction: "from-lport",
                        priority: 1,
                        match: "ip",
                        action: "drop",
                        severity: "alert",
                        givenName: "deny",
                        tier: 2
                    )
                )
            ]
        ),
        ("acl-del ls1", [.aclDel("ls1", NbACLFilter())]),
        ("acl-del ls1 from 5 ip", [.aclDel("ls1", NbACLFilter(direction: "from-lport", priority: 5, match: "ip"))]),
        ("acl-list ls1", [.aclList("ls1")]),
        (
            "--may-exist qos-add ls1 from-lport 9 'udp && ip4' dscp=46",
            [
                .qosAdd(
                    NbQoS(
                        logicalSwitch: "ls1",
                        direction: "from-lport",
                        priority: 9,
                        match: "udp && ip4",
                        dscp: 46,
                        mayExist: true
                    )
                )
            ]
        ), ("qos-del ls1 to 5 ip", [.qosDel("ls1", NbACLFilter(direction: "to-lport", priority: 5, match: "ip"))]),
        ("qos-list ls1", [.qosList("ls1")]),
        ("show", [.show(switch: nil)]),
        ("show ls1", [.show(switch: "ls1")]),
        ("sync", [.sync]),
        (
            "--may-exist ls-add a -- lsp-add a b -- --if-exists lsp-del c",
            [
                .lsAdd("a", mayExist: true), .lspAdd(switch: "a", port: "b", nesting: nil, mayExist: false),
                .lspDel("c", ifExists: true),
            ]
        ),
    ]

    @Test(arguments: wellFormed) func `A well-formed line becomes its commands`(line: String, expected: [NbCommand])
        throws
    {
        #expect(try commands(line) == expected)
    }

    private static let malformed = [
        "", "--", "ls-add ls1 --", "ls-add ls1 -- -- ls-add ls2", "frobnicate", "lsadd ls1", "ls-add", "ls-add a b",
        "ls-add ''", "lsp-add ls1", "lsp-add ls1 p1 parent", "lsp-add ls1 p1 parent 4096", "lsp-add ls1 p1 parent 5 6",
        "lsp-add ls1 ''", "--if-exists ls-add ls1",
        "ls-add --may-exist=1 ls1", "ls-list x", "lsp-set-addresses", "lsp-set-addresses p1 02:00:00:00:00:01 10.0.0.1",
        "lsp-set-addresses p1 nonsense", "lsp-set-addresses p1 'dynamic x'", "lsp-set-addresses p1 ''",
        "lsp-set-addresses p1 '02:00:00:00:00:01 10.0.0'",
        "lsp-set-port-security p1 unknown", "lsp-set-port-security p1 '02:00:00:00:00:01 10.0.0.0/33'",
        "lsp-set-enabled p1", "lsp-set-enabled p1 on", "lsp-set-options p1 key", "lsp-set-options p1 =v", "show a b",
        "dhcp-options-create", "dhcp-options-create d1", "dhcp-options-create d1 10.0.0.0/24 mtu",
        "lsp-set-dhcpv4-options p1 a b", "pg-add", "pg-add ''", "pg-add web ''", "pg-del", "pg-get-ports a b",
        "--severity acl-add a to-lport 5 ip drop", "--tier=4 acl-add a to-lport 5 ip drop",
        "--log=1 acl-add a to-lport 5 ip drop", "acl-add a to-lport 5 ip", "acl-add a up 5 ip drop",
        "acl-add a to-lport 5x ip drop", "acl-del a to-lport 5",
        "acl-list", "qos-add a to-lport 5 ip dscp=64", "qos-add a to-lport 5 ip rate=5", "qos-del a to-lport 5",
        "--wait", "--wait=all sync", "--timeout=x sync", "--timeout=-1 sync", "--timeout=86401 sync", "-x sync",
        "-t", "sync --columns=name",
    ]

    @Test func `A malformed line is refused with a sentence that says what to do`() {
        var transcript = ""
        for line in Self.malformed {
            transcript += "$ heddle nb \(line)\n"
            do throws(ClientError) {
                _ = try NbCommand.grammar.parse(words(line))
                Issue.record("'\(line)' was taken")
            } catch {
                #expect(error.exitStatus == .usage)
                transcript += error.message + "\n"
            }
        }
        let mismatch = goldenMismatch(transcript, named: "nb-usage-errors")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test func `Options for the whole line may stand anywhere and take their value either way`() throws {
        for line in [
            "--wait=hv --timeout=7 --print-wait-time sync", "-t 7 sync --wait hv --print-wait-time",
            "ls-list -- sync --wait=hv --print-wait-time --timeout 7",
        ] {
            guard case .run(let parsed) = try NbCommand.grammar.parse(words(line)) else {
                Issue.record("'\(line)' asks for help")
                continue
            }
            #expect(parsed.wait == .hv)
            #expect(parsed.timeout == 7)
            #expect(parsed.printsWaitTime)
        }
        guard case .run(let parsed) = try NbCommand.grammar.parse(["--wait=hv", "--no-wait", "-t", "0", "sync"]) else {
            return
        }
        #expect(parsed.wait == .none)
        #expect(parsed.timeout == nil)
    }

    @Test func `Every verb has help with an example that parses`() throws {
        for verb in NbCommand.grammar.verbs {
            guard case .help(let found?) = try NbCommand.grammar.parse([verb.name, "--help"]) else {
                Issue.record("\(verb.name) --help is no request for help")
                continue
            }
            #expect(found.name == verb.name)
            #expect(NbCommand.grammar.help(for: verb).contains("EXAMPLE"))
            #expect(!verb.examples.isEmpty)
            for example in verb.examples {
                let words = words(example)
                #expect(words.prefix(2) == ["heddle", "nb"])
                #expect(words.contains(verb.name), "\(example)")
                guard case .run = try NbCommand.grammar.parse(Array(words.dropFirst(2))) else {
                    Issue.record("\(example) does not run")
                    continue
                }
            }
        }
    }

    @Test func `Help without a verb is the help of the program`() throws {
        guard case .help(nil) = try NbCommand.grammar.parse(["-h"]) else {
            Issue.record("-h is no request for help")
            return
        }
        let mismatch = goldenMismatch(NbCommand.grammar.help, named: "nb-help")
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }

    @Test func `sb knows its verbs and no waiting`() throws {
        guard case .run(let line) = try SbCommand.grammar.parse(["show", "--", "--if-exists", "chassis-del", "hv1"])
        else {
            Issue.record("it asks for help")
            return
        }
        #expect(line.commands.map(\.command) == [.show, .chassisDel("hv1", ifExists: true)])
        #expect(throws: ClientError.self) { try SbCommand.grammar.parse(["--wait=hv", "show"]) }
        #expect(throws: ClientError.self) { try SbCommand.grammar.parse(["chassis-del"]) }
        for verb in SbCommand.grammar.verbs { #expect(SbCommand.grammar.help(for: verb).contains("EXAMPLE")) }
        #expect(SbCommand.grammar.help.contains("EXAMPLES"))
    }
}
