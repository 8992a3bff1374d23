import ArgumentParser
import Client
import Testing

@testable import heddle

@Suite struct CommandTreeTests {
    /// A server that no call may reach: the port of TCP's discard service on this host, if nothing listens.
    private static let nowhere = ["HEDDLE_NB": "http://127.0.0.1:9", "HEDDLE_AGENT_SOCKET": "/nonexistent/agent.sock"]

    /// Every subcommand with the words that call it.
    private static func tree(
        _ command: any ParsableCommand.Type = Heddle.self,
        _ words: [String] = []
    ) -> [(words: [String], command: any ParsableCommand.Type)] {
        let below = command.configuration.subcommands.flatMap { tree($0, words + [$0._commandName]) }
        return [(words, command)] + below
    }

    @Test func `Every subcommand's help has an example, asked for in either way`() throws {
        for (words, _) in Self.tree() {
            let help = try HeddleBinary.run(words + ["--help"])
            #expect(help.status == 0)
            #expect(help.output.contains("EXAMPLE"), "heddle \(words) --help has no example")
            #expect(help.output.contains((["heddle"] + words).joined(separator: " ")))
            #expect(help.errors.isEmpty)
            let other = try HeddleBinary.run(["help"] + words)
            #expect(other.output == help.output)
        }
    }

    @Test func `Colours are for terminals, and for those who ask for them`() throws {
        let environment = Self.nowhere.merging(["HEDDLE_AGENT_SOCKET": ""]) { $1 }
        let words = ["doctor", "--state-dir", "/nonexistent", "--data-dir", "/nonexistent"]
        #expect(try !HeddleBinary.run(words, environment: environment).output.contains("\u{1b}["))
        let painted = try HeddleBinary.run(words + ["--color"], environment: environment)
        #expect(painted.output.contains("\u{1b}[31mfailed\u{1b}[0m"))
        let first = try HeddleBinary.run(["--color=always"] + words, environment: environment)
        #expect(first.output == painted.output)
        #expect(try !HeddleBinary.run(words + ["--color=never"], environment: environment).output.contains("\u{1b}["))
        #expect(
            try !HeddleBinary.run(words + ["-o", "json", "--color"], environment: environment).output.contains(
                "\u{1b}["
            )
        )
        let wrong = try HeddleBinary.run(words + ["--color=blue"], environment: environment)
        #expect(wrong.status == 2 && wrong.errors == "heddle: --color takes auto, always or never, not 'blue'\n")
    }

    @Test func `Every verb of nb and sb has help with an example`() throws {
        for (program, verbs) in [
            ("nb", NbCommand.grammar.verbs.map(\.name)), ("sb", SbCommand.grammar.verbs.map(\.name)),
        ] {
            for verb in verbs {
                let help = try HeddleBinary.run([program, verb, "--help"])
                #expect(help.status == 0)
                #expect(help.output.contains("EXAMPLE"))
                #expect(try HeddleBinary.run(["help", program, verb]).output == help.output)
            }
        }
    }

    @Test(arguments: [
        ["frobnicate"], ["port", "frobnicate"], ["--frobnicate"], ["port", "add", "vm1"],
        ["port", "add", "--logical-port", "p"], ["port", "add", "a-name-of-16-byte", "--logical-port", "p"],
        ["port", "add", "vm1", "--logical-port", "p", "--mac", "nonsense"],
        ["port", "add", "vm1", "--logical-port", "p", "--mac", "01:00:5e:00:00:01"],
        ["port", "add", "vm1", "--logical-port", "p", "--address", "10.0.0.1"],
        ["port", "add", "vm1", "--logical-port", "p", "--address", "10.0.0.1/33"],
        ["port", "add", "vm1", "--logical-port", "p", "--mtu", "67"],
        ["port", "add", "vm1", "--logical-port", "p", "--mtu", "many"],
        ["port", "add", "vm1", "--logical-port", "p", "--device", "tun"],
        ["port", "add", "vm1", "--logical-port", "p", "--device", "existing", "--netns", "vm1"],
        ["port", "add", "vm1", "--logical-port", "p", "--device", "vhost-user"],
        ["port", "add", "vm1", "--logical-port", "p", "--device", "vhost-user", "--socket", "/s", "--mtu", "1400"],
        ["port", "add", "vm1", "--logical-port", "p", "--socket", "/s"],
        ["port", "add", "vm1", "--logical-port", "p", "--netns", "a/b"],
        ["port", "add", "", "--logical-port", "p"], ["port", "del"], ["port", "del", ""], ["port", "list", "vm1"],
        ["nb"], ["nb", "frobnicate"], ["nb", "ls-add"], ["nb", "lsp-set-addresses", "p", "nonsense"],
        ["sb"], ["sb", "chassis-del"], ["token", "create"], ["token", "create", "--role", "root"],
        ["token", "create", "--role", "admin", "--chassis", "hv1"],
        ["token", "create", "--role", "admin", "--expires", "soon"], ["token", "revoke"], ["get"], ["get", "routers"],
        ["get", "port", ""], ["describe", "port", ""], ["delete", "port", ""], ["describe", "port"],
        ["delete", "port"],
        ["get", "ports", "-o", "xml"], ["get", "pb", "--switch", "ls1", "--watch"],
        ["get", "chassis", "--switch", "ls1", "--watch"],
        ["get", "ports", "-l", "=x"], ["apply"], ["apply", "-f", "/nonexistent"], ["export", "-o", "table"],
        ["completion", "tcsh"], ["doctor", "-o", "yaml"],
    ])
    func `A wrong command line ends with 2 and one sentence, and asks no server`(words: [String]) throws {
        let outcome = try HeddleBinary.run(words, environment: Self.nowhere)
        #expect(outcome.status == 2)
        #expect(outcome.output.isEmpty)
        #expect(outcome.errors.hasPrefix("heddle: "))
        #expect(outcome.errors.count(where: { $0 == "\n" }) == 1)
        #expect(!outcome.errors.contains("cannot reach"))
    }

    @Test(arguments: [
        ("doctr", "unknown command 'doctr'; did you mean 'doctor'? see 'heddle --help'"),
        ("hlep", "unknown command 'hlep'; did you mean 'help'? see 'heddle --help'"),
        ("port ad", "unknown command 'ad'; did you mean 'add'? see 'heddle port --help'"),
        ("nb ls-ad", "unknown command 'ls-ad'; did you mean 'ls-add'? see 'heddle nb --help'"),
        ("x", "unknown command 'x'; see 'heddle --help'"),
        ("port list --stat", "unknown option '--stat'; did you mean '--stats'? see 'heddle port list --help'"),
        ("port add", "missing expected argument '<name>'; see 'heddle port add --help'"),
        (
            "get swiches",
            "there is no kind 'swiches'; did you mean 'switches'? the kinds are dhcp-options, dns-records, "
                + "mirrors, switches, ports, port-groups, address-sets, acls, qos-rules, chassis, datapath-bindings, "
                + "port-bindings, dhcp-responders, dns-responders, mirror-sessions, multicast-groups"
        ),
    ])
    func `What is misspelled is told with what was meant`(line: String, sentence: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let outcome = try HeddleBinary.run(words, environment: Self.nowhere)
        #expect(outcome.errors == "heddle: \(sentence)\n")
        #expect(outcome.status == 2)
    }

    @Test func `A server that is not there ends with 1 and says how to start it`() throws {
        let central = try HeddleBinary.run(["nb", "show"], environment: Self.nowhere)
        #expect(central.status == 1)
        #expect(
            central.errors == "heddle: cannot reach central at http://127.0.0.1:9: Connection refused; "
                + "start it with 'heddle central' or set HEDDLE_NB\n"
        )
        let agent = try HeddleBinary.run(["port", "list"], environment: Self.nowhere)
        #expect(agent.status == 1)
        #expect(
            agent.errors == "heddle: cannot reach the agent at /nonexistent/agent.sock: No such file or directory; "
                + "start it with 'heddle agent' or set HEDDLE_AGENT_SOCKET\n"
        )
    }

    @Test func `A wrong HEDDLE_NB is a usage error`() throws {
        let outcome = try HeddleBinary.run(["nb", "show"], environment: ["HEDDLE_NB": "127.0.0.1:6641"])
        #expect(outcome.status == 2)
        #expect(outcome.errors.contains("HEDDLE_NB"))
    }

    @Test func `--version prints the version`() throws {
        let outcome = try HeddleBinary.run(["--version"])
        #expect(outcome.status == 0)
        #expect(outcome.output == Heddle.version + "\n")
    }
}
