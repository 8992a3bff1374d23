import JSON
import NetworkModel
import Persistent
import Southbound
import TestSupport
import Testing
import Wire

@testable import CentralCore

/// Small writes that go before a large one which is being worked out.
@Suite struct OvertakingTests {
    private func bench(_ switches: String...) -> CoreBench {
        let bench = CoreBench()
        for name in switches { bench.write(.create(switch: ["name": .string(name)])) }
        bench.plansAtOnce = false
        return bench
    }

    private func ports(_ count: Int, on name: String, prefix: String = "p") -> [CentralCoreOperation] {
        (0..<count).map { .create(port: ["name": .string("\(prefix)\($0)")], on: name) }
    }

    private func transaction(
        _ bench: CoreBench,
        _ operations: [CentralCoreOperation],
        requirements: [Requirement] = []
    ) -> Ticket {
        let ticket = bench.ticket()
        let request = WriteRequest(
            operations: operations,
            requirements: requirements,
            author: "test",
            requestID: "r",
            isTransaction: true
        )
        bench.ask(ticket, .write(request))
        return ticket
    }

    /// A start from the log shows the same network.
    private func checkLog(_ bench: CoreBench) throws {
        let published = bench.published
        try bench.restart()
        #expect(bench.published.revision == published.revision)
        #expect(
            bench.published.northbound.switches.map(\.value.bytes) == published.northbound.switches.map(\.value.bytes)
        )
        #expect(
            bench.published.northbound.portGroups.map(\.value.bytes)
                == published.northbound.portGroups.map(\.value.bytes)
        )
        #expect(bench.published.northbound.ports.map(\.value.bytes) == published.northbound.ports.map(\.value.bytes))
        #expect(
            bench.published.southbound.entries.map(\.value.record) == published.southbound.entries.map(\.value.record)
        )
        #expect(bench.published.translationDifference().isEmpty)
    }

    @Test func `a small write about another switch is committed before a large one that came earlier`() throws {
        let bench = bench("a", "b")
        let large = transaction(bench, ports(100, on: "a"))
        bench.wallClock += 5
        let small = bench.write(.create(port: ["name": "q"], on: "b"))
        let other = bench.write(.patch(switch: "b", ["labels": ["k": "v"]]))
        #expect(bench.revision(small) == 3 && bench.revision(other) == 4 && bench.answers[large] == nil)
        bench.finishPlan()
        #expect(bench.results(large).count == 100 && bench.plans.isEmpty)
        #expect(bench.revision(large) == 2 + Overtaken.countMaximum + 1)
        #expect(bench.published.northbound.ports.byName.count == 101)
        #expect(bench.published.northbound.logicalSwitch(.name("b"))?.value.labels == ["k": "v"])
        #expect(bench.log.map(\.time) == bench.log.map(\.time).sorted())
        // Those who were there between hear of the rest only.
        let watch = bench.ticket()
        bench.ask(watch, .watch(WatchRequest(since: 4, epoch: nil, kinds: [.logicalSwitchPort], wait: 0)))
        guard case .watched(let feed)? = bench.answers[watch] else { throw CommitError("no feed") }
        #expect(feed.changes.count == 100 && feed.to == bench.published.revision)
        try checkLog(bench)
    }

    @Test func `a large write is given no MAC address that a small one before it was given`() throws {
        let bench = bench("a", "b")
        for name in ["a", "b"] { bench.write(.patch(switch: name, ["subnet": "10.0.0.0/24"])) }
        let addresses: JSONValue = ["dynamic"]
        bench.write(.create(port: ["name": "first", "addresses": addresses], on: "a"))
        let large = transaction(
            bench,
            (0..<100).map { .create(port: ["name": .string("p\($0)"), "addresses": addresses], on: "a") }
        )
        bench.write(.create(port: ["name": "small", "addresses": addresses], on: "b"))
        #expect(bench.answers[large] == nil)
        while !bench.plans.isEmpty { bench.finishPlan() }
        #expect(bench.results(large).count == 100)
        #expect(Set(bench.published.northbound.ports.values.compactMap(\.value.givenMAC)).count == 102)
        try checkLog(bench)
    }

    @Test func `what the large write is about, or what it may depend on, waits for it`() throws {
        let bench = bench("a", "b")
        bench.write(.create(port: ["name": "old"], on: "a"))
        var operations = ports(100, on: "a")
        operations.append(.create(switch: ["name": "new"]))
        let large = transaction(bench, operations)
        let waiting = [
            bench.write(.create(port: ["name": "q"], on: "a")),
            bench.write(.patch(switch: "a", ["labels": ["k": "v"]])),
            bench.write(.patch(port: "old", ["labels": ["k": "v"]])),
            bench.write(.create(switch: ["name": "c"])),
            bench.write(.delete(switch: "b")),
        ]
        #expect(waiting.allSatisfy { bench.answers[$0] == nil })
        #expect(bench.revision(bench.write(.create(port: ["name": "r"], on: "b"))) == 4)
        bench.finishPlan()
        #expect(bench.results(large).count == 101)
        #expect(waiting.allSatisfy { bench.refusal($0) == nil && bench.answers[$0] != nil })
        try checkLog(bench)
    }

    @Test func `a name that is taken meanwhile makes the large write begin anew, and nothing overtakes it then`() throws
    {
        let bench = bench("a", "b")
        let large = transaction(bench, ports(100, on: "a"))
        #expect(bench.revision(bench.write(.create(port: ["name": "p7"], on: "b"))) == 3)
        bench.finishPlan()
        #expect(bench.answers[large] == nil && bench.plans.count == 1)
        let late = bench.write(.create(port: ["name": "late"], on: "b"))
        #expect(bench.answers[late] == nil)
        bench.finishPlan()
        #expect(bench.refusal(large)?.code == .nameConflict && bench.revision(late) == 4)
        try checkLog(bench)
    }

    @Test func `ports that go beside each other leave their group, each once`() throws {
        let bench = bench("a", "b")
        bench.plansAtOnce = true
        _ = transaction(bench, ports(100, on: "a") + ports(3, on: "b", prefix: "q"))
        bench.write(.create(.portGroup, ["name": "g", "ports": ["p0", "q0", "p1", "q1", "q2"]]))
        bench.plansAtOnce = false
        let large = transaction(bench, (0..<100).map { .delete(port: "p\($0)") })
        let small = bench.write(.delete(port: "q1"))
        // It might take a port into the group that goes.
        let late = bench.write(.patch(.portGroup, "g", ["labels": ["k": "v"]]))
        #expect(bench.answers[small] != nil && bench.answers[large] == nil && bench.answers[late] == nil)
        while !bench.plans.isEmpty { bench.finishPlan() }
        #expect(bench.results(large).count == 100 && bench.refusal(late) == nil)
        let group = bench.published.northbound.portGroups[.name("g")]?.value
        #expect(group?.ports.compactMap { bench.published.northbound.ports[$0]?.value.name } == ["q0", "q2"])
        #expect(group?.ports.count == 2 && group?.labels == ["k": "v"])
        try checkLog(bench)
    }

    @Test func `only so many writes overtake a large one`() throws {
        let bench = bench("a", "b")
        let large = transaction(bench, ports(100, on: "a"))
        for index in 0..<Overtaken.countMaximum {
            bench.write(.patch(switch: "b", ["labels": ["k": .string("\(index)")]]))
        }
        let last = bench.write(.patch(switch: "b", ["labels": ["k": "last"]]))
        #expect(bench.answers[last] == nil && bench.published.revision == 2 + Overtaken.countMaximum)
        bench.finishPlan()
        #expect(bench.revision(large) == 3 + Overtaken.countMaximum)
        #expect(bench.revision(last) == 4 + Overtaken.countMaximum)
        try checkLog(bench)
    }

    @Test func `requirements on other objects count as what the large write is about`() throws {
        let bench = bench("a", "b")
        let demand = Requirement(
            kind: .logicalSwitch,
            reference: .name("b"),
            precondition: Precondition(ifMatch: .revisions([2]))
        )
        let large = transaction(bench, ports(100, on: "a"), requirements: [demand])
        let small = bench.write(.patch(switch: "b", ["labels": ["k": "v"]]))
        #expect(bench.answers[small] == nil)
        bench.finishPlan()
        #expect(bench.results(large).count == 100 && bench.refusal(small) == nil)
        try checkLog(bench)
    }

    @Test(arguments: 0..<8) func `random writes beside large ones leave what the log says`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bench = bench("a", "b", "c")
        bench.storesAtOnce = false
        var written: [Ticket] = []
        for round in 0..<30 {
            let target = ["a", "b", "c"].randomElement(using: &generator) ?? "a"
            written.append(transaction(bench, ports(70, on: target, prefix: "\(round)-")))
            for step in 0..<Int.random(in: 0..<12, using: &generator) {
                let name = ["a", "b", "c"].randomElement(using: &generator) ?? "a"
                let port =
                    "\(Int.random(in: 0...round, using: &generator))-\(Int.random(in: 0..<80, using: &generator))"
                let operation: CentralCoreOperation =
                    switch Int.random(in: 0..<5, using: &generator) {
                    case 0: .create(port: ["name": .string(port)], on: name)
                    case 1: .delete(port: port)
                    case 2: .patch(port: port, ["labels": ["s": .string("\(step)")]])
                    case 3: .patch(switch: name, ["labels": ["s": .string("\(step)")]])
                    default: .create(switch: ["name": .string("s\(round)-\(step)")])
                    }
                written.append(bench.write(operation))
                if Bool.random(using: &generator), !bench.appending.isEmpty { bench.store() }
            }
            while !bench.plans.isEmpty || !bench.appending.isEmpty {
                if !bench.plans.isEmpty { bench.finishPlan() }
                if !bench.appending.isEmpty { bench.store() }
            }
        }
        #expect(written.allSatisfy { bench.answers[$0] != nil })
        let revisions = bench.log.map(\.revision)
        #expect(zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 })
        bench.storesAtOnce = true
        bench.plansAtOnce = true
        try checkLog(bench)
    }
}
