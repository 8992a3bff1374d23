import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Testing
import Wire

/// The OVN L2 primer as a transcript: what is asked, what is committed, what each host is told.
@Suite struct PrimerTests {
    struct Transcript {
        let bench = CoreBench()
        var agents: [String: BenchAgent] = [
            "host1": BenchAgent("host1", "10.127.0.3"), "host2": BenchAgent("host2", "10.127.0.4"),
        ]
        var text = ""
        private var commitCount = 0

        mutating func write(_ what: String, _ operations: Operation...) {
            text += "\n## \(what)\n"
            let ticket = bench.ticket()
            bench.ask(
                ticket,
                .write(
                    WriteRequest(
                        operations: operations,
                        author: "user",
                        requestID: "r\(ticket)",
                        isTransaction: operations.count > 1
                    )
                )
            )
            addCommits()
            switch bench.answers[ticket] {
            case .written(let revision, _, let results):
                text += "written at \(revision)\n"
                for result in results {
                    let object = result.object.map { String(decoding: $0, as: UTF8.self) } ?? "nothing"
                    text += "  \(result.isCreated ? "created" : "left") \(result.name): \(object)\n"
                }
            case .refused(let refusal, let index):
                text += "refused \(refusal.code.rawValue) at \(refusal.pointer ?? "-") of \(index ?? -1): "
                text += "\(refusal.detail) \(refusal.conflictsWith ?? "")\n"
            default: text += "no answer\n"
            }
        }

        mutating func sync(_ name: String, _ what: String, _ change: (inout BenchAgent) -> Void = { _ in }) {
            guard var agent = agents[name] else { return }
            text += "\n## \(name) \(what)\n"
            change(&agent)
            for _ in 0..<10 {
                let before = agent
                let ticket = bench.sync(name, agent.request())
                addCommits()
                guard let answer = bench.feed(ticket) else {
                    text += "refused: \(bench.refusal(ticket)?.detail ?? "?")\n"
                    break
                }
                text += "\(name) is told \(String(decoding: answer.bytes, as: UTF8.self))\n"
                agent.take(answer)
                if answer.changes.isEmpty, before.ports == agent.ports, before.applied == agent.applied { break }
            }
            agents[name] = agent
        }

        private mutating func addCommits() {
            for commit in bench.log[commitCount...] {
                text += "commit \(commit.revision) by \(commit.author)\n"
                for change in commit.changes {
                    let object = change.object.map { String(decoding: $0, as: UTF8.self) } ?? "deleted"
                    text += "  \(change.kind.rawValue) \(change.id): \(object)\n"
                }
            }
            commitCount = bench.log.count
        }
    }

    @Test func `the primer step by step`() {
        var transcript = Transcript()
        transcript.sync("host1", "starts")
        transcript.sync("host2", "starts")
        transcript.write("ls-add ls1", .create(switch: ["name": "ls1"]))
        transcript.write(
            "lsp-add two ports in one transaction",
            .create(
                port: [
                    "name": "ls1-vm1", "addresses": ["02:AC:10:FF:00:11 172.16.255.11"],
                    "port_security": ["2:ac:10:ff:0:11   172.16.255.11"],
                ],
                on: "ls1"
            ),
            .create(port: ["name": "ls1-vm2", "switch": "ls1", "addresses": ["02:ac:10:ff:00:22 172.16.255.22"]])
        )
        transcript.sync("host1", "plugs vm1") { $0.plug("ls1-vm1") }
        transcript.sync("host2", "plugs vm2, and vm3 that is not known yet") {
            $0.plug("ls1-vm2")
            $0.plug("ls1-vm3")
        }
        transcript.sync("host1", "hears of host2")
        transcript.write(
            "lsp-add the third port, which host2 has plugged already",
            .create(port: ["name": "ls1-vm3", "switch": "ls1", "addresses": ["02:ac:10:ff:00:33 172.16.255.33"]])
        )
        transcript.sync("host2", "has vm3")
        transcript.sync("host1", "plugs vm3: it moves") { $0.plug("ls1-vm3") }
        transcript.sync("host2", "repeats its old claim in vain")
        transcript.sync("host2", "lets go") { $0.unplug("ls1-vm3") }
        transcript.write(
            "lsp-add with the MAC of another",
            .create(
                port: ["name": "ls1-vm4", "switch": "ls1", "addresses": ["02:ac:10:ff:00:33"]])
        )
        transcript.write("ls-del ls1", .delete(switch: "ls1"))
        transcript.sync("host1", "is left with itself")
        transcript.write("chassis-del host2", .delete(chassis: "host2"))
        let mismatch = goldenMismatch(transcript.text, named: "primer")
        #expect(mismatch == nil, "\(mismatch ?? "")")
    }
}
