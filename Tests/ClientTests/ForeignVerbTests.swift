import HTTPTransport
import Testing

@testable import Client

@Suite struct ForeignVerbTests {
    private func refusal(_ line: String) -> String {
        let words = line.split(separator: " ").map(String.init)
        do {
            _ =
                try line.hasPrefix("sb ")
                ? "\(SbCommand.grammar.parse(Array(words.dropFirst())))" : "\(NbCommand.grammar.parse(words))"
            return ""
        } catch {
            return error.message
        }
    }

    @Test(arguments: [
        ("lr-add r0", "logical routers are not in this version"), ("lrp-add r0 p m 1.1.1.1/24", "logical routers"),
        ("lb-add l 1:1 2:2", "load balancers"), ("ls-lb-add s l", "load balancers"),
        ("lr-lb-add r l", "load balancers"),
        ("lr-nat-add r snat 1 2", "NAT"),
        ("wait-until x", "--wait=hv"), ("init", "leave it out"), ("sb create Chassis name=x", "heddle nb set"),
        ("sb lflow-list", "no logical flows"), ("sb lsp-bind p hv1", "heddle port add"),
        ("--meter=m acl-add ls1 to-lport 1 ip drop", "leave it out"),
        ("--label=7 acl-add ls1 to-lport 1 ip drop", "labels"), ("-V", "heddle --version"),
    ])
    func `what OVN's programs can do besides is answered with what to use`(line: String, piece: String) {
        let sentence = refusal(line)
        #expect(sentence.contains("exists in OVN, but not here: ") && sentence.contains(piece), "\(sentence)")
        #expect(!sentence.contains("did you mean"))
    }

    @Test func `a slip of the pen is still one`() {
        #expect(refusal("ls-ad s").contains("did you mean 'ls-add'?"))
        #expect(refusal("frobnicate") == "unknown command 'frobnicate'; see 'heddle nb --help'")
    }

    @Test func `no verb of our own is taken for OVN's`() {
        for verb in NbCommand.grammar.verbs { #expect(ForeignVerbs.northbound.remedy(for: verb.name) == nil) }
        for verb in SbCommand.grammar.verbs { #expect(ForeignVerbs.southbound.remedy(for: verb.name) == nil) }
    }

    @Test func `help can be asked for as a verb`() throws {
        guard case .help(nil) = try NbCommand.grammar.parse(["help"]) else { return #expect(Bool(false)) }
        guard case .help(let verb?) = try NbCommand.grammar.parse(["help", "ls-add"]) else {
            return #expect(Bool(false))
        }
        #expect(verb.name == "ls-add")
    }

    @Test(
        arguments: [
            ("https://10.0.0.2", 443), ("https://10.0.0.2/", 443), ("http://central.lan", 80),
            ("https://[fd00::1]", 443),
        ] as [(String, UInt16)]
    )
    func `a port that the URL does not name is told`(url: String, port: UInt16) throws {
        let note = Server.central(url: url).defaultPortNote(try HTTPEndpoint(url: url))
        #expect(note == " (port \(port), since the URL has none; central uses 6641 by default)")
    }

    @Test(arguments: ["https://10.0.0.2:443", "http://10.0.0.2:6641/", "https://[fd00::1]:6641", "unix:/x.sock"])
    func `a port that the URL names is not`(url: String) throws {
        #expect(Server.central(url: url).defaultPortNote(try HTTPEndpoint(url: url)).isEmpty)
    }
}
