import CentralCore
import JSON
import NetworkModel
import Persistent
import Southbound
import Testing
import Wire

@Suite struct WriteTests {
    @Test func `writes that come during an append become the next one`() {
        let bench = CoreBench()
        bench.storesAtOnce = false
        let first = bench.write(.create(switch: ["name": "a"]))
        let second = bench.write(.create(switch: ["name": "b"]))
        let third = bench.write(.create(switch: ["name": "c"]))
        #expect(bench.appending.map(\.revision) == [1])
        #expect(bench.answers.isEmpty)
        bench.store()
        #expect(bench.revision(first) == 1)
        #expect(bench.answers[second] == nil)
        #expect(bench.published.revision == 1)
        #expect(bench.appending.map(\.revision) == [2, 3])
        bench.store()
        #expect(bench.revision(second) == 2)
        #expect(bench.revision(third) == 3)
        #expect(bench.appendCount == 2)
    }

    @Test func `what speaks of a commit on the way waits for it`() {
        let bench = CoreBench()
        bench.storesAtOnce = false
        bench.write(.create(switch: ["name": "a"]))
        let clash = bench.write(.create(switch: ["name": "a"]))
        let same = bench.write(.put(switch: "a", [:]))
        #expect(bench.answers.isEmpty)
        bench.store()
        #expect(bench.refusal(clash)?.code == .nameConflict)
        #expect(bench.refusal(clash)?.conflictsWith == "/v1/switches/a")
        #expect(bench.revision(same) == 1)
    }

    @Test func `a failed append refuses all that was on the way and leaves what was there`() {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "kept"]))
        bench.storesAtOnce = false
        let first = bench.write(.create(switch: ["name": "a"]))
        let second = bench.write(.create(port: ["name": "p", "switch": "a"]))
        bench.failStore()
        #expect(bench.refusal(first)?.code == .storageFull)
        #expect(bench.refusal(second)?.code == .storageFull)
        #expect(bench.published.revision == 1)
        bench.storesAtOnce = true
        let again = bench.write(.create(switch: ["name": "a"]))
        #expect(bench.revision(again) == 2)
        #expect(bench.log.map(\.revision) == [1, 2])
        #expect(bench.published.northbound.switches.count == 2)
    }

    @Test func `a write that changes nothing makes no commit`() {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a", "labels": ["k": "v"]]))
        bench.write(.create(port: ["name": "p", "switch": "a", "addresses": ["02:00:00:00:00:01 10.0.0.1"]]))
        let put = bench.write(.put(switch: "a", ["name": "a", "labels": ["k": "v"], "vlan_passthru": false]))
        let patch = bench.write(.patch(port: "p", ["addresses": ["2:0:0:0:0:1  10.0.0.1"]]))
        #expect(bench.log.count == 2)
        #expect(bench.revision(put) == 2)
        #expect(bench.results(put).map(\.revision) == [1])
        #expect(bench.results(patch).map(\.revision) == [2])
        #expect(bench.results(patch).map(\.isCreated) == [false])
    }

    @Test func `a transaction is one commit, and later operations see earlier ones`() {
        let bench = CoreBench()
        let ticket = bench.write(
            .create(switch: ["name": "a"]),
            .create(port: ["name": "p", "switch": "a"]),
            .put(port: "q", ["switch": "a"]),
            .patch(port: "p", ["enabled": false]),
            .delete(port: "q"),
            isTransaction: true
        )
        #expect(bench.revision(ticket) == 1)
        let results = bench.results(ticket)
        #expect(results.map(\.name) == ["a", "p", "q", "p", "q"])
        #expect(results.map(\.isCreated) == [true, true, true, false, false])
        #expect(results.map { $0.object == nil } == [false, false, true, false, true])
        #expect(results[1].object == results[3].object)
        #expect(bench.port("p")?.isEnabled == false)
        #expect(bench.port("q") == nil)
        #expect(bench.log[0].changes.contains { $0.id == bench.published.northbound.port(.name("p"))?.id.description })
    }

    @Test func `a transaction with one bad operation changes nothing and says which`() {
        let bench = CoreBench()
        let ticket = bench.write(
            .create(switch: ["name": "a"]),
            .create(port: ["name": "p", "switch": "a", "addresses": ["02:00:00:00:00:01", "no"]]),
            isTransaction: true
        )
        guard case .refused(let refusal, let index)? = bench.answers[ticket] else {
            Issue.record("not refused")
            return
        }
        #expect(index == 1)
        #expect(refusal.code == .invalidValue)
        #expect(refusal.pointer == "/ops/1/body/addresses/1")
        #expect(bench.published.revision == 0)
        #expect(bench.published.northbound.switches.isEmpty)
    }

    @Test func `a single operation that is refused is no operation of a transaction`() {
        let bench = CoreBench()
        let ticket = bench.write(.create(port: ["name": "p", "switch": "none"]))
        guard case .refused(let refusal, let index)? = bench.answers[ticket] else {
            Issue.record("not refused")
            return
        }
        #expect(index == nil)
        #expect(refusal.pointer == "/switch")
    }

    @Test func `requirements are checked before the first operation`() {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]))
        func ask(_ precondition: Precondition, of name: String) -> Ticket {
            let ticket = bench.ticket()
            let request = WriteRequest(
                operations: [.put(switch: "b", [:])],
                requirements: [Requirement(kind: .logicalSwitch, reference: .name(name), precondition: precondition)],
                author: "test",
                requestID: "",
                isTransaction: true
            )
            bench.ask(ticket, .write(request))
            return ticket
        }
        let stale = ask(Precondition(ifMatch: .revisions([7])), of: "a")
        #expect(bench.refusal(stale)?.code == .preconditionFailed)
        #expect(bench.refusal(stale)?.pointer == "/require/0")
        let absent = ask(Precondition(mustBeAbsent: true), of: "a")
        #expect(bench.refusal(absent)?.code == .preconditionFailed)
        let good = ask(Precondition(ifMatch: .revisions([1])), of: "a")
        #expect(bench.revision(good) == 2)
        let alsoGood = ask(Precondition(mustBeAbsent: true), of: "c")
        #expect(bench.revision(alsoGood) == 2)
    }

    @Test func `a port that comes up does not fail a user's write, another user's write does`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.write(.create(switch: ["name": "a"]))
        let created = bench.results(bench.write(.create(port: ["name": "p", "switch": "a"])))[0].revision
        agent.plug("p")
        bench.settle(&agent)
        #expect(bench.port("p")?.status.isUp == true)
        let match = Precondition(ifMatch: .revisions([created]))
        let good = bench.write(.patch(port: "p", ["labels": ["k": "v"]], match))
        #expect(bench.refusal(good) == nil)
        let stale = bench.write(.patch(port: "p", ["labels": ["k": "w"]], match))
        #expect(bench.refusal(stale)?.code == .preconditionFailed)
        let gone = bench.write(.patch(port: "q", [:], Precondition(ifMatch: .anything)))
        #expect(bench.refusal(gone)?.code == .notFound)
    }

    @Test func `deleting a switch takes its ports, unless that is refused`() {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p"], on: "a"))
        let refused = bench.write(.delete(switch: "a", refusingPorts: true))
        #expect(bench.refusal(refused)?.code == .switchHasPorts)
        #expect(bench.refusal(refused)?.conflictsWith == "/v1/ports/p")
        bench.write(.delete(switch: "a"))
        #expect(bench.published.northbound.ports.isEmpty)
        #expect(bench.published.southbound.entries.isEmpty)
        #expect(bench.published.ledger.lastKeys[.datapaths] == 1)
        #expect(bench.published.ledger.lastKeys.count == 1)
    }

    @Test func `a freed key rests until all others were given, also over a restart`() throws {
        var configuration = Configuration()
        configuration.keys.port = 4
        configuration.keys.datapath = 3
        let bench = CoreBench(configuration: configuration)
        func key(_ name: String) -> UInt16? { bench.port(name)?.status.tunnelKey }
        bench.write(.create(switch: ["name": "a"]))
        for name in ["p1", "p2", "p3"] { bench.write(.create(port: ["name": .string(name)], on: "a")) }
        #expect(["p1", "p2", "p3"].map(key) == [1, 2, 3])
        bench.write(.delete(port: "p3"))
        try bench.restart()
        bench.write(.create(port: ["name": "p4"], on: "a"))
        #expect(key("p4") == 4)
        bench.write(.delete(port: "p1"))
        bench.write(.create(port: ["name": "p5"], on: "a"))
        bench.write(.create(port: ["name": "p6"], on: "a"))
        #expect(["p5", "p6"].map(key) == [1, 3])
        let full = bench.write(.create(port: ["name": "p7"], on: "a"))
        #expect(bench.refusal(full)?.code == .limitExceeded)
        for name in ["b", "c"] { bench.write(.create(switch: ["name": .string(name)])) }
        let noKey = bench.write(.create(switch: ["name": "d"]))
        #expect(bench.refusal(noKey)?.code == .limitExceeded)
        bench.write(.delete(switch: "b"))
        bench.write(.create(switch: ["name": "d"]))
        #expect(bench.published.northbound.logicalSwitch(.name("d"))?.value.status.tunnelKey == 2)
    }

    @Test func `too many operations and too large a commit are refused`() {
        var configuration = Configuration()
        configuration.operationCountMaximum = 2
        configuration.commitByteCountMaximum = 1000
        let bench = CoreBench(configuration: configuration)
        let many = bench.write(
            .put(switch: "a", [:]),
            .put(switch: "b", [:]),
            .put(switch: "c", [:]),
            isTransaction: true
        )
        #expect(bench.refusal(many)?.code == .limitExceeded)
        #expect(bench.refusal(many)?.pointer == "/ops")
        let large = bench.write(.put(switch: "a", [:]), .put(switch: "b", [:]), isTransaction: true)
        #expect(bench.refusal(large)?.code == .commitTooLarge)
        let small = bench.write(.put(switch: "a", [:]))
        #expect(bench.revision(small) == 1)
    }

    @Test func `writes beyond what may wait for the disk are turned away`() {
        var configuration = Configuration()
        configuration.pendingCommitCountMaximum = 2
        let bench = CoreBench(configuration: configuration)
        bench.storesAtOnce = false
        let tickets = ["a", "b", "c", "d"].map { bench.write(.put(switch: $0, [:])) }
        bench.store()
        bench.store()
        #expect(tickets.map { bench.revision($0) } == [1, 2, 3, nil])
        #expect(bench.refusal(tickets[3])?.code == .unavailable)
    }

    @Test func `a stopping core finishes what is on the way and takes nothing new`() {
        let bench = CoreBench()
        bench.storesAtOnce = false
        let before = bench.write(.put(switch: "a", [:]))
        bench.send(.stopping)
        let after = bench.write(.put(switch: "b", [:]))
        bench.store()
        #expect(bench.revision(before) == 1)
        #expect(bench.refusal(after)?.code == .unavailable)
    }

    @Test func `a newer translation becomes a commit of the upgrade`() throws {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]))
        bench.write(.create(port: ["name": "p", "addresses": ["02:00:00:00:00:01"]], on: "a"))
        let id = try #require(bench.published.northbound.port(.name("p"))?.id)
        let change = CommitChange(kind: .record(.portBinding), id: id.description, object: nil)
        bench.log.append(
            Commit(revision: 3, epoch: 0xabc, time: 0, author: "old", requestID: "", changes: [change])
        )
        try bench.restart()
        let last = try #require(bench.log.last)
        #expect(last.revision == 4)
        #expect(last.author == "upgrade")
        #expect(last.changes.map(\.kind) == [.record(.portBinding)])
        #expect(bench.published.translationDifference().isEmpty)
        #expect(bench.binding("p")?.tunnelKey == 1)
        try bench.restart()
        #expect(bench.log.count == 4)
    }

    @Test func `a log that does not follow is refused`() {
        let commit = Commit(revision: 2, epoch: 1, time: 0, author: "", requestID: "", changes: [])
        #expect(throws: CommitError.self) {
            try CentralCore(network: Network(epoch: 1), history: [commit, commit], hashes: [.zero, .zero], now: .zero)
        }
    }
}
