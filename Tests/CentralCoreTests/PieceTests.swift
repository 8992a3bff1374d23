import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Testing
import Wire

@testable import CentralCore

/// Work that is longer than one step may take: done in pieces, or beside the core, with everybody else served between.
@Suite struct PieceTests {
    private func ports(_ count: Int, on name: String, prefix: String = "p") -> [CentralCoreOperation] {
        (0..<count).map { .create(port: ["name": .string("\(prefix)\($0)")], on: name) }
    }

    private func transaction(_ bench: CoreBench, _ operations: [CentralCoreOperation]) -> Ticket {
        let ticket = bench.ticket()
        let request = WriteRequest(operations: operations, author: "test", requestID: "r", isTransaction: true)
        bench.ask(ticket, .write(request))
        return ticket
    }

    /// A host with ten ports at a central that settles three in a step.
    private func hostOfTenPorts() -> (CoreBench, BenchAgent) {
        var configuration = Configuration()
        configuration.pieceCountMaximum = 3
        let bench = CoreBench(configuration: configuration)
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.write(.create(switch: ["name": "a"]))
        for operation in ports(10, on: "a") { bench.write(operation) }
        for index in 0..<10 { agent.plug("p\(index)") }
        bench.settle(&agent)
        return (bench, agent)
    }

    @Test func `a large write is worked out beside the core while heartbeats are heard and others wait their turn`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.write(.create(switch: ["name": "a"]))
        bench.settle(&agent)
        bench.plansAtOnce = false
        let large = transaction(bench, ports(100, on: "a"))
        #expect(bench.plans.count == 1 && bench.answers[large] == nil)
        // A heartbeat is answered, a small write and a second large one are not.
        agent.plug("p7")
        let sync = bench.sync("h1", agent.request())
        #expect(bench.feed(sync) != nil)
        let small = bench.write(.patch(switch: "a", ["labels": ["k": "v"]]))
        let second = transaction(bench, ports(100, on: "a", prefix: "q"))
        let newcomer = bench.sync("h2", SyncRequest(chassisID: "i2", bootID: "b", seq: 1, wait: 0, encaps: []))
        #expect([small, second, newcomer].allSatisfy { bench.answers[$0] == nil })
        bench.finishPlan()
        #expect(bench.results(large).count == 100 && bench.results(small).count == 1)
        #expect(bench.answers[second] == nil && bench.plans.count == 1)
        bench.finishPlan()
        #expect(bench.results(second).count == 100)
        #expect(bench.feed(newcomer) != nil)
        #expect(bench.log.map(\.changes.count).max() ?? 0 > 200)
        // A port that was plugged meanwhile is bound without another word of the host.
        bench.advance(.seconds(1))
        #expect(bench.binding("p7")?.locations.map(\.chassis) == ["h1"])
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `a large write that is refused or tried changes nothing, and one whose base was lost begins anew`() {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]))
        var operations = ports(100, on: "a")
        operations.append(.create(port: ["name": "p3"], on: "a"))
        let refused = transaction(bench, operations)
        #expect(bench.refusal(refused)?.code == .nameConflict)
        #expect(bench.log.count == 1)
        bench.plansAtOnce = false
        bench.storesAtOnce = false
        let lost = bench.write(.create(switch: ["name": "lost"]))
        let large = transaction(bench, ports(100, on: "a"))
        bench.failStore()
        #expect(bench.refusal(lost)?.code == .storageFull)
        bench.storesAtOnce = true
        bench.finishPlan()
        // Planned on top of a commit that never was: worked out again.
        #expect(bench.answers[large] == nil && bench.plans.count == 1)
        bench.finishPlan()
        #expect(bench.results(large).count == 100 && bench.published.northbound.switches.count == 1)
        #expect(bench.published.revision == 2)
    }

    @Test func `a topology that changes little holds up nobody, and is done once more if others wrote meanwhile`() {
        let bench = CoreBench()
        func apply(_ label: String, on ports: Range<Int>) -> Ticket {
            let ticket = bench.ticket()
            var request = WriteRequest(operations: [], author: "t", requestID: "r")
            request.topology = TopologyRequest(
                owner: "o",
                bodies: [
                    .logicalSwitch: [["name": "a"]],
                    .logicalSwitchPort: (0..<100).map {
                        let labels: JSONValue = ports.contains($0) ? ["l": .string(label)] : [:]
                        return ["name": .string("p\($0)"), "switch": "a", "labels": labels]
                    },
                ]
            )
            bench.ask(ticket, .write(request))
            return ticket
        }
        func told(_ ticket: Ticket) -> [UInt64] {
            guard case .applied(let revision, _, _, let plan)? = bench.answers[ticket] else { return [] }
            return [revision, UInt64(plan.steps.count), UInt64(plan.unchangedCount)]
        }
        #expect(told(apply("1", on: 0..<100)) == [1, 101, 0])
        bench.plansAtOnce = false
        let little = apply("2", on: 3..<5)
        let queued = apply("3", on: 3..<5)
        let honest = bench.write(.create(switch: ["name": "honest"]))
        #expect(bench.revision(honest) == 2 && bench.answers[little] == nil && bench.plans.count == 1)
        bench.finishPlan()
        // 98 ports lose the label that all had: more than a step does, so it is planned anew, alone.
        #expect(bench.answers[little] == nil && bench.plans.count == 1)
        let waits = bench.write(.create(switch: ["name": "waits"]))
        #expect(bench.answers[waits] == nil)
        bench.finishPlan()
        #expect(told(little) == [3, 100, 1] && bench.revision(waits) == 4)
        #expect(bench.plans.count == 1)
        bench.write(.create(switch: ["name": "again"]))
        bench.finishPlan()
        #expect(told(queued) == [6, 2, 99] && bench.plans.isEmpty)
        let unchanged = apply("3", on: 3..<5)
        bench.write(.create(switch: ["name": "last"]))
        bench.finishPlan()
        #expect(told(unchanged).dropFirst() == [0, 101])
        // One of its ports was changed by somebody else meanwhile: what was found out no longer holds.
        let late = apply("4", on: 3..<5)
        bench.write(.patch(port: "p50", ["labels": ["own": "x"]]))
        bench.finishPlan()
        #expect(bench.answers[late] == nil && bench.plans.count == 1)
        bench.finishPlan()
        #expect(told(late).dropFirst() == [3, 98])
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `deleting a switch with many ports is a large write, too`() {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]))
        _ = transaction(bench, ports(100, on: "a"))
        bench.plansAtOnce = false
        let ticket = bench.write(.delete(switch: "a"))
        #expect(bench.answers[ticket] == nil && bench.plans.count == 1)
        bench.finishPlan()
        #expect(bench.answers[ticket] != nil && bench.published.northbound.ports.isEmpty)
    }

    @Test func `a chassis with more ports than a piece is deleted at once and its ports are freed in pieces`() {
        let (bench, host) = hostOfTenPorts()
        var agent = host
        bench.settle(&agent)
        #expect((0..<10).allSatisfy { bench.binding("p\($0)")?.locations.count == 1 })
        bench.goesOn = false
        let ticket = bench.write(.delete(chassis: "h1"))
        #expect(bench.refusal(ticket) == nil && bench.answers[ticket] != nil)
        #expect(bench.published.southbound.chassis(named: "h1") == nil)
        #expect((0..<10).filter { bench.binding("p\($0)")?.locations.count == 1 }.count == 7)
        bench.goesOn = true
        bench.send(.goOn)
        #expect((0..<10).allSatisfy { bench.binding("p\($0)")?.locations.isEmpty == true })
        // It comes back and takes them again with the same claims.
        bench.settle(&agent)
        #expect(bench.published.southbound.chassis(named: "h1") != nil)
        #expect((0..<10).allSatisfy { bench.binding("p\($0)")?.locations.map(\.chassis) == ["h1"] })
    }

    @Test func `a word about many ports is heard in pieces, and the last word about each of them counts`() {
        let (bench, host) = hostOfTenPorts()
        var agent = host
        #expect((0..<10).allSatisfy { bench.port("p\($0)")?.status.isUp == true })
        func upPorts() -> Int { (0..<10).filter { bench.port("p\($0)")?.status.isUp == true }.count }
        func say(_ change: (inout SyncRequest.PluggedPort) -> Void) {
            for index in agent.ports.indices { change(&agent.ports[index]) }
            bench.sync("h1", agent.request())
        }
        bench.goesOn = false
        say { $0.isUp = false }
        #expect(upPorts() == 7)
        // A word that is said again and again waits once.
        for isUp in [true, false, true, false] {
            say { $0.isUp = isUp }
            #expect(bench.core.chores.count == 1)
        }
        // Before all of it is done, the host takes it back: ports that are as they were cost nothing more.
        say { $0.isUp = true }
        bench.goesOn = true
        bench.send(.goOn)
        #expect(upPorts() == 10)
        // Ports that are new to central are looked at in pieces, and so are those that are no longer there.
        bench.goesOn = false
        agent.ports = (0..<10).map { .init(logicalPort: "q\($0)", interface: "t", claim: 20, isUp: true) }
        bench.sync("h1", agent.request())
        #expect(bench.core.pluggedAt.keys.filter { $0.hasPrefix("q") }.count <= 3)
        bench.goesOn = true
        bench.send(.goOn)
        #expect(bench.core.pluggedAt.keys.sorted() == (0..<10).map { "q\($0)" })
        #expect((0..<10).allSatisfy { bench.binding("p\($0)")?.locations.isEmpty == true })
        for operation in ports(10, on: "a", prefix: "q") { bench.write(operation) }
        #expect((0..<10).allSatisfy { bench.binding("q\($0)")?.locations.map(\.chassis) == ["h1"] })
        bench.write(.delete(chassis: "h1"))
        #expect(bench.core.pluggedAt.isEmpty)
    }

    @Test func `what a large write leaves to look at is done in pieces, and what it leaves to let go of elsewhere`() {
        var configuration = Configuration()
        configuration.pieceCountMaximum = 16
        configuration.historyCountMaximum = 2
        let bench = CoreBench(configuration: configuration)
        bench.write(.create(switch: ["name": "a"]))
        #expect(bench.remains.isEmpty)
        bench.goesOn = false
        let large = transaction(bench, ports(300, on: "a"))
        #expect(bench.results(large).count == 300)
        #expect(bench.remains.map(\.commits.count) == [1])
        func countToLookAt() -> Int {
            bench.core.chores.reduce(0) { if case .lookAgain(let changes) = $1 { $0 + changes.count } else { $0 } }
        }
        #expect(countToLookAt() == 300)
        bench.send(.goOn)
        #expect(countToLookAt() == 300 - 16 * 8)
        bench.goesOn = true
        bench.send(.goOn)
        #expect(countToLookAt() == 0)
        // Small commits leave nothing, but push the large one out of the past.
        for label in ["1", "2", "3"] { bench.write(.patch(switch: "a", ["labels": ["l": .string(label)]])) }
        #expect(bench.remains.flatMap(\.entries).count == 1 && bench.remains.flatMap(\.networks).count == 1)
        #expect(bench.remains.flatMap(\.commits).count == 1)
    }

    @Test func `lists of plugged ports are compared by name, whatever their order`() {
        func list(_ ports: (String, UInt64)...) -> PluggedPorts {
            PluggedPorts(ports.map { .init(logicalPort: $0.0, interface: "t", claim: $0.1, isUp: false) })
        }
        let older = list(("d", 1), ("b", 1), ("a", 1), ("b", 3), ("b", 2))
        #expect(older.names == ["a", "b", "d"] && older["b"]?.claim == 3 && older["c"] == nil)
        #expect(list(("b", 3), ("a", 1), ("d", 1)).namesOfChanges(since: older).isEmpty)
        #expect(list(("e", 1), ("b", 4), ("c", 1), ("d", 1)).namesOfChanges(since: older) == ["a", "b", "c", "e"])
        #expect(list().namesOfChanges(since: older) == ["a", "b", "d"])
        #expect(older.namesOfChanges(since: list()) == ["a", "b", "d"])
        #expect(union(["a", "c", "d"], ["b", "c"]) == ["a", "b", "c", "d"])
    }

    @Test func `ports of a chassis that was deleted just before a restart are freed after it`() throws {
        let (bench, _) = hostOfTenPorts()
        bench.goesOn = false
        bench.write(.delete(chassis: "h1"))
        bench.goesOn = true
        try bench.restart()
        #expect((0..<10).allSatisfy { bench.binding("p\($0)")?.locations.isEmpty == true })
    }

    /// Leaves only some of the rows of the log's commits, as another version would have written it.
    private func keepRows(of bench: CoreBench, where isKept: (CommitChange) -> Bool) {
        bench.log = bench.log.map { commit in
            Commit(
                revision: commit.revision,
                epoch: commit.epoch,
                time: commit.time,
                author: commit.author,
                requestID: commit.requestID,
                changes: commit.changes.filter(isKept)
            )
        }
    }

    @Test func `an upgrade goes through in pieces, and hosts are told nothing before it is durable`() throws {
        var configuration = Configuration()
        configuration.pieceCountMaximum = 1
        let bench = CoreBench(configuration: configuration)
        bench.write(.create(switch: ["name": "a"]))
        for operation in ports(20, on: "a") { bench.write(operation) }
        // A log of a version that had no port bindings.
        keepRows(of: bench) { $0.kind != .record(.portBinding) }
        bench.storesAtOnce = false
        try bench.restart()
        #expect(!bench.core.isReady)
        let agent = SyncRequest(chassisID: "i", bootID: "b", seq: 1, wait: 0, encaps: [])
        #expect(bench.refusal(bench.sync("h1", agent))?.code == .unavailable)
        var pieces = 0
        while !bench.appending.isEmpty {
            pieces += 1
            #expect(!bench.core.isReady)
            #expect(bench.appending.allSatisfy { $0.author == "upgrade" && $0.changes.count <= 8 })
            bench.store()
        }
        #expect(pieces >= 2 && bench.core.isReady)
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test(arguments: [(history: 4, compared: ["p2", "p3"]), (history: 0, compared: [])])
    func `a start compares what its history touched, if the rest is known to be translated`(
        history: Int,
        compared: [String]
    ) throws {
        let bench = CoreBench()
        bench.write(.create(switch: ["name": "a"]))
        for operation in ports(4, on: "a") { bench.write(operation) }
        bench.write(.delete(port: "p3"))
        bench.write(.create(port: ["name": "p3", "switch": "a"]))
        // As another version would have translated them.
        keepRows(of: bench) { $0.kind != .record(.portBinding) || $0.object == nil }
        try bench.restart(history: history, isTranslated: true)
        #expect((0..<4).map { "p\($0)" }.filter { bench.binding($0) != nil } == compared)
    }

    @Test func `answers that have expired are forgotten between requests, a few at a time`() {
        var configuration = Configuration()
        configuration.pieceCountMaximum = 4
        let bench = CoreBench(configuration: configuration)
        func keyed(_ key: Int) -> Ticket {
            let ticket = bench.ticket()
            var request = WriteRequest(operations: [], author: "test", requestID: "r")
            request.idempotency = .init(key: "k\(key)", fingerprint: "f\(key)")
            bench.ask(ticket, .write(request))
            return ticket
        }
        for key in 0..<30 { _ = keyed(key) }
        #expect(bench.published.ledger.answers.count == 30)
        bench.wallClock += 90_000
        let before = bench.log.count
        #expect(bench.refusal(keyed(30)) == nil)
        #expect(bench.published.ledger.answers.count == 1)
        #expect(bench.log.dropFirst(before).allSatisfy { $0.changes.count <= 4 })
    }

    @Test func `refused writes leave one try behind, later and later`() {
        let bench = CoreBench()
        var agent = BenchAgent("h1", "10.0.0.1")
        bench.settle(&agent)
        bench.storesAtOnce = false
        agent.plug("p")
        for index in 0..<50 {
            bench.write(.create(switch: ["name": .string("s\(index)")]))
            bench.failStore()
        }
        // Nothing but users' writes failed: there is nothing to try again.
        bench.advance(.seconds(10))
        #expect(bench.appending.isEmpty)
        // The lease ends, and the log takes nothing: tried again ever more seldom.
        var tries = 0
        for _ in 0..<600 {
            bench.advance(.milliseconds(500))
            while !bench.appending.isEmpty {
                tries += 1
                bench.failStore()
            }
        }
        #expect((3...40).contains(tries))
        #expect(bench.entries.count < 40)
        bench.storesAtOnce = true
        bench.advance(.seconds(31))
        #expect(bench.published.ledger.chassis["h1"]?.isLive == false)
    }
}

typealias CentralCoreOperation = NetworkModel.Operation
