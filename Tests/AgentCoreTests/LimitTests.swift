import ForwarderProtocol
import HTTP
import HTTPTypes
import Southbound
import TestSupport
import Testing
import Wire

@testable import AgentCore

/// Every bound of the agent, reached.
@Suite struct LimitTests {
    /// So many ports of the agent's own, `p1` and on.
    private static func storedPorts(_ count: Int) -> StoredPorts {
        let ports = (1...count).map { number in
            let name = "p\(number)"
            let specification = PortSpecification(name: name, logicalPort: name, interface: name)
            return StoredPort(specification: specification, isOwned: true, claim: 1)
        }
        return StoredPorts(lastClaim: 1, ports: ports)
    }

    @Test func aHostHasAsManyPortsAsItsForwarderTakes() {
        var agent = Scenario(ports: Self.storedPorts(AgentCore.portCountMaximum))
        let more = PortRequest(specification: PortSpecification(name: "more", logicalPort: "more", interface: "more"))
        let effects = agent.step("one port more", .portAdd(1, more))
        let answer = "answer 1: 503 too_many_ports: This host has 4096 ports, and its forwarder takes no more."
        #expect(effects.first.map(describe) == answer)
    }

    @Test func anAnswerWithTooManyChangesIsLeftAsideAndAskedForLater() {
        var configuration = Scenario.configuration
        configuration.answerChangeMaximum = 3
        var agent = Scenario(configuration: configuration)
        agent.start()
        let page = [Sample.hv1, Sample.ls1].map { FeedChange(revision: 9, change: .put($0)) }
        for (sequence, offset) in [(1, 2), (2, 4)] {
            let answer = FeedAnswer(
                epoch: Scenario.epoch,
                from: 0,
                to: 9,
                mode: .snapshot,
                changes: page,
                nextPage: FeedPage(to: 9, offset: offset)
            )
            agent.step("a page", .syncAnswered(sequence: UInt64(sequence), answer))
        }
        #expect(goldenMismatch(agent.transcript, named: "endless-answer") == nil)
    }

    @Test func anAnswerWhosePagesGoInCirclesIsLeftAside() {
        var agent = Scenario()
        agent.start()
        let answer = FeedAnswer(
            epoch: Scenario.epoch,
            from: 0,
            to: 9,
            mode: .snapshot,
            changes: [],
            nextPage: FeedPage(to: 9, offset: 2)
        )
        agent.step("a page", .syncAnswered(sequence: 1, answer))
        let effects = agent.step("the same page", .syncAnswered(sequence: 2, answer))
        #expect(!effects.contains { if case .sendSync = $0 { true } else { false } })
    }

    @Test func atMostTwoSyncsAreUnderWay() {
        var agent = Scenario()
        agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1]))
        var syncs = 0
        for number in 1...5 {
            let name = "p\(number)"
            agent.step("a port", .portAdd(1, PortRequest(specification: Scenario.specification(name, name))))
            let device = Device(isOwned: true, mac: MACAddress(truncating: 2))
            agent.step("its device", .deviceOpened(port: name, .success(device)))
            for effect in agent.step("its claim", .portsSaved(save: UInt64(number), failure: nil)) {
                if case .sendSync = effect { syncs += 1 }
            }
        }
        #expect(syncs == 1, "past the poll that is under way")
        let effects = agent.step("one ends", .syncAnswered(sequence: 2, Scenario.delta(from: 4, to: 4)))
        #expect(effects.contains { if case .sendSync(let sync) = $0 { sync.ports.count == 5 } else { false } })
    }

    @Test func onlySomeListsWaitForCountersAndNoneForEver() {
        var agent = Scenario()
        agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1]))
        let count = AgentCore.statisticsWaiterMaximum
        var answered = 0
        for number in 0...count {
            for effect in agent.step("a list", .portList(UInt64(number), withStatistics: true), after: .zero) {
                if case .answer = effect { answered += 1 }
            }
        }
        #expect(answered == 1)
        let effects = agent.step("the forwarder does not answer", .timer, after: AgentCore.statisticsPatience)
        #expect(effects.filter { if case .answer = $0 { true } else { false } }.count == count)
    }

    @Test func aSyncCarriesOnlySomeErrors() {
        let count = SyncRequest.errorCountMaximum + 1
        var agent = Scenario(ports: Self.storedPorts(count))
        agent.step("the agent starts", .started)
        agent.step("a fresh forwarder", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        let gone = Problem(.conflict, code: "gone", detail: String(repeating: "x", count: 1000))
        for number in 1...count { agent.step("no device", .deviceOpened(port: "p\(number)", .failure(gone))) }
        let effects = agent.step("in force", .forwarderSaid(.acknowledged(epoch: 0, revision: 0)))
        let syncs = effects.compactMap { if case .sendSync(let sync) = $0 { sync } else { nil } }
        #expect(syncs.first?.errors.count == SyncRequest.errorCountMaximum)
        #expect(syncs.first?.errors.allSatisfy { $0.detail.utf8.count <= SyncRequest.textByteCountMaximum } == true)
    }

    @Test func onlySomeProbesGoOutInASecondAndNoneIsForgotten() {
        var agent = Scenario()
        let hosts = (0..<3000 as Range<UInt32>).map { Sample.chassis("host\($0)", 1000 + $0) }
        agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1, Sample.ls1] + hosts))
        let addresses = (0..<3000 as Range<UInt32>).map { IPAddress.v4(IPv4Address(0x0a7f_0000 + 1000 + $0)) }
        func probes(_ effects: [Effect]) -> [UnderlayProbe] {
            effects.flatMap { effect -> [UnderlayProbe] in
                if case .sendProbes(let probes) = effect { probes } else { [] }
            }
        }
        let measured = PathMeasurement(
            deviceMTU: 1500,
            pathMTUs: Dictionary(uniqueKeysWithValues: addresses.map { ($0, 1500) })
        )
        // By now all of them are due.
        var sent = probes(agent.step("the kernel allows all", .pathsMeasured(measured), after: .seconds(10)))
        #expect((AgentCore.probesPerSecond...AgentCore.probesPerSecond + 2).contains(sent.count))
        for _ in 0..<100 { sent += probes(agent.step("time passes", .timer, after: .milliseconds(20))) }
        #expect(sent.count <= 3 * AgentCore.probesPerSecond + 2)
        for _ in 0..<200 { sent += probes(agent.step("time passes", .timer, after: .milliseconds(20))) }
        #expect(Set(sent.map(\.address)) == Set(addresses))
    }
}
