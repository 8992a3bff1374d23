import ForwarderProtocol
import HTTP
import HTTPTypes
import Southbound
import TestSupport
import Testing
import Wire

@testable import AgentCore

/// The guard against a central that is wrong: what is held, what never is, and how it ends.
@Suite struct HoldTests {
    private static let other: UInt64 = 0xdef
    private let encap = Scenario.configuration.encapIP
    /// ls1 with vm1 here, and vm2, vm3 and vm4 on hv2.
    private let network =
        [Sample.hv1, Sample.hv2, Sample.ls1, Sample.port(1, on: "hv1")] + (2...4).map { Sample.port($0, on: "hv2") }

    /// An agent beside a forwarder with everything as of revision 50, whose next sync is parked.
    private func plugged(hash: UInt64? = 0xfeed, formerEpochs: [UInt64] = []) -> Scenario {
        let port = StoredPort(specification: Scenario.specification("vm1", "vm1"), isOwned: true, claim: 1)
        var agent = Scenario(
            share: Share(
                epoch: Scenario.epoch,
                revision: 50,
                hash: hash,
                formerEpochs: formerEpochs,
                records: network
            ),
            ports: StoredPorts(lastClaim: 1, ports: [port])
        )
        agent.step("the agent starts", .started)
        agent.step("the forwarder runs", connected(50))
        var quiet = Scenario.delta(from: 50, to: 50)
        quiet.hash = hash
        agent.step("central has nothing new", .syncAnswered(sequence: 1, quiet))
        return agent
    }

    private func connected(_ revision: UInt64, epoch: UInt64 = Scenario.epoch) -> Event {
        let greeting = Scenario.greeting(epoch: epoch, revision: revision)
        return .forwarderConnected(greeting, held: [.underlay(encap), .port("vm1")], wasSpawned: false)
    }

    private func syncs(_ effects: [Effect]) -> [SyncRequest] {
        effects.compactMap { if case .sendSync(let sync) = $0 { sync } else { nil } }
    }

    /// The messages to the forwarder, and the changes that its tables are compiled from.
    private func told(_ effects: [Effect]) -> [Effect] {
        effects.filter { effect in
            switch effect {
            case .compile, .forward: true
            default: false
            }
        }
    }

    private func compiled(_ effects: [Effect]) -> [RecordChange] {
        effects.flatMap { if case .compile(let change) = $0 { change.records } else { [RecordChange]() } }
    }

    /// Central refuses to go on and sends a snapshot of another history.
    @discardableResult
    private func take(
        _ records: [Record],
        to revision: UInt64 = 1_000_000_020,
        epoch: UInt64 = HoldTests.other,
        hash: UInt64? = 0xbad,
        forces: Bool = false,
        because failure: SyncFailure = .historyDiffers,
        _ agent: inout Scenario
    ) -> [Effect] {
        let asked = agent.step("central has another history", .syncFailed(sequence: 2, failure))
        #expect(syncs(asked).map(\.since) == [0])
        var answer = Scenario.snapshot(to: revision, records, epoch: epoch)
        answer.hash = hash
        answer.forcesHosts = forces
        return agent.step("it sends a snapshot", .syncAnswered(sequence: 3, answer))
    }

    // MARK: - What is held

    @Test func aCentralThatIsWrongIsHeardAndNotObeyed() {
        var agent = plugged()
        take([Sample.hv1], &agent)
        agent.step("a user lists the ports", .portList(10, withStatistics: false))
        var empty = Scenario.delta(from: 1_000_000_020, to: 1_000_000_021)
        empty.epoch = Self.other
        agent.step("time passes", .syncAnswered(sequence: 4, empty))
        agent.step("the forwarder is killed", .forwarderLost(reason: "killed"))
        agent.step("another one is started", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        agent.step("it has everything", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 50)))
        agent.step("a user accepts", .accept(11))
        agent.step("the forwarder follows", .forwarderSaid(.acknowledged(epoch: Self.other, revision: 1_000_000_021)))
        agent.step("the share is on disk", .shareSaved(failure: nil))
        agent.step("the newer one, too", .shareSaved(failure: nil))
        agent.step("a user accepts again", .accept(12))
        #expect(goldenMismatch(agent.transcript, named: "held") == nil)
    }

    /// Each way in which a history shows that it is another one.
    @Test(arguments: [
        (50, other, UInt64?.none, SyncFailure.resyncRequired), (20, Scenario.epoch, nil, .resyncRequired),
        (60, Scenario.epoch, nil, .historyDiffers), (50, Scenario.epoch, 0xbad, .resyncRequired),
    ])
    func whatTakesAPluggedPortIsHeld(revision: Int, epoch: UInt64, hash: UInt64?, failure: SyncFailure) {
        var agent = plugged()
        let others = network.filter { $0 != Sample.port(1, on: "hv1") }
        let effects = take(others, to: UInt64(revision), epoch: epoch, hash: hash, because: failure, &agent)
        #expect(told(effects).isEmpty)
        #expect(agent.core.heldShare?.pluggedPortCount == 1 && agent.core.heldShare?.portCount == 1)
        #expect(syncs(effects).map(\.held) == [agent.core.heldShare] && syncs(effects).map(\.applied) == [0])
        #expect(syncs(effects).map(\.since) == [UInt64(revision)] && syncs(effects).map(\.epoch) == [epoch])
    }

    @Test func whatTakesMostOfTheShareIsHeldAlthoughNoPluggedPortGoes() {
        var agent = plugged()
        take([Sample.hv1, Sample.ls1, Sample.port(1, on: "hv1")], &agent)
        #expect(agent.core.heldShare?.pluggedPortCount == 0 && agent.core.heldShare?.portCount == 3)
    }

    @Test func tablesThatAreNewerThanTheShareAreKeptAsWell() {
        let port = StoredPort(specification: Scenario.specification("vm1", "vm1"), isOwned: true, claim: 1)
        for epoch in [Scenario.epoch, 0x123] {
            var agent = Scenario(ports: StoredPorts(lastClaim: 1, ports: [port]))
            agent.step("the agent starts without its share", .started)
            agent.step("the forwarder runs", connected(50, epoch: epoch))
            let answer = Scenario.snapshot(to: 20, [Sample.hv1])
            let effects = agent.step("central was put back", .syncAnswered(sequence: 1, answer))
            #expect(told(effects).isEmpty && agent.core.heldShare?.pluggedPortCount == 1)
            agent.step("the connection breaks", .forwarderLost(reason: "closed"))
            #expect(told(agent.step("it is back", connected(50, epoch: epoch))).isEmpty)
        }
    }

    // MARK: - What never is

    @Test func aBackupThatDiffersLittleIsGoneByAtOnce() {
        var agent = plugged()
        let effects = take(network.filter { $0 != Sample.port(3, on: "hv2") }, &agent)
        #expect(agent.core.heldShare == nil && !told(effects).isEmpty)
        #expect(agent.core.share.epoch == Self.other && agent.core.share.formerEpochs == [Scenario.epoch])
    }

    @Test func whatIsDeletedInTheSameHistoryIsGone() {
        var agent = plugged()
        let all = network.filter { $0 != Sample.hv1 }.map { RecordChange.delete($0.key) }
        agent.step("all is deleted", .syncAnswered(sequence: 2, Scenario.delta(from: 50, to: 51, all)))
        #expect(agent.core.heldShare == nil && agent.core.share.records.count == 1)
        var late = plugged()
        // A host that was away for long: the revision is too old, and the history the same.
        take([Sample.hv1], to: 60, epoch: Scenario.epoch, because: .resyncRequired, &late)
        #expect(late.core.heldShare == nil && late.core.share.records.count == 1)
    }

    @Test func aNewAgentHasNothingToLose() {
        var agent = Scenario()
        agent.start()
        agent.step("central is another one", .syncAnswered(sequence: 1, Scenario.snapshot(to: 1, [Sample.hv1])))
        #expect(agent.core.heldShare == nil && agent.core.share.revision == 1)
    }

    @Test func portsThatAreLostOrLeaveDoNotCount() {
        var agent = plugged()
        let taken = [RecordChange.put(Sample.port(1, on: "hv2", fence: 2))]
        var delta = Scenario.delta(from: 50, to: 51, taken)
        delta.hash = 0xfeee
        agent.step("hv2 takes vm1", .syncAnswered(sequence: 2, delta))
        let sequence = agent.core.sync.sequence
        agent.step("central has another history", .syncFailed(sequence: sequence, .historyDiffers))
        let snapshot = Scenario.snapshot(to: 20, network.filter { $0 != Sample.port(1, on: "hv1") }, epoch: Self.other)
        agent.step("it sends a snapshot", .syncAnswered(sequence: sequence + 1, snapshot))
        #expect(agent.core.heldShare == nil)
    }

    // MARK: - How it ends

    @Test func anEpochThatWasBegunForItIsGoneByOnce() {
        var agent = plugged()
        take([Sample.hv1], forces: true, &agent)
        #expect(agent.core.heldShare == nil && agent.core.share.epoch == Self.other)
        // Its mark counts no more once another epoch was gone by, nor for what happens within it.
        var later = plugged(formerEpochs: [Self.other])
        take([Sample.hv1], forces: true, &later)
        #expect(later.core.heldShare != nil)
        var same = plugged()
        take([Sample.hv1], to: 20, epoch: Scenario.epoch, forces: true, &same)
        #expect(same.core.heldShare != nil)
    }

    @Test func theRightCentralGoesOnFromTheShare() {
        var agent = plugged()
        take([Sample.hv1], &agent)
        let asked = agent.step("the right central is back", .syncFailed(sequence: 4, .historyDiffers))
        #expect(syncs(asked).map(\.since) == [50] && syncs(asked).map(\.hash) == [0xfeed])
        #expect(agent.core.heldShare != nil)
        let effects = agent.step("it goes on", .syncAnswered(sequence: 5, Scenario.delta(from: 50, to: 52)))
        #expect(agent.core.heldShare == nil && !agent.core.share.isHeld && agent.core.share.revision == 52)
        #expect(syncs(effects).map(\.held) == [nil])
    }

    @Test func aCentralThatGetsWhatWasMissingIsGoneBy() {
        var agent = plugged()
        take([Sample.hv1], &agent)
        let back = network.filter { $0 != Sample.hv1 }.map { RecordChange.put($0) }
        var delta = Scenario.delta(from: 1_000_000_020, to: 1_000_000_025, back)
        delta.epoch = Self.other
        let effects = agent.step("an administrator makes all anew", .syncAnswered(sequence: 4, delta))
        #expect(agent.core.heldShare == nil && agent.core.share.epoch == Self.other)
        #expect(compiled(effects).contains(.put(Sample.port(1, on: "hv1"))))
    }

    @Test func whatIsUnpluggedCannotBeTakenAway() {
        var agent = plugged()
        take(network.filter { $0 != Sample.port(1, on: "hv1") }, &agent)
        agent.step("a user unplugs vm1", .portDelete(11, name: "vm1"))
        #expect(agent.core.heldShare == nil && agent.core.share.epoch == Self.other)
    }

    @Test func aNewStartHoldsItStill() throws {
        var agent = plugged()
        let effects = take([Sample.hv1], to: 60, epoch: Scenario.epoch, &agent)
        let saved = effects.compactMap { if case .saveShare(let save) = $0 { save } else { nil } }
        var text = ShareFile(chassis: "hv1")
        let file = text.bytes(of: try #require(saved.last))
        let share = try StoredShare(fileBytes: file, chassis: "hv1").share
        #expect(share.isHeld && share.revision == 50)
        let port = StoredPort(specification: Scenario.specification("vm1", "vm1"), isOwned: true, claim: 1)
        var next = Scenario(share: share, ports: StoredPorts(lastClaim: 1, ports: [port]))
        next.step("the agent starts", .started)
        next.step("both were killed", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        let device = Device(isOwned: true, mac: MACAddress(truncating: 2))
        let news = next.step("the device is opened", .deviceOpened(port: "vm1", .success(device)))
        #expect(compiled(news).contains(.put(Sample.port(1, on: "hv1"))))
        next.step("it has all", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 50)))
        // Central has forgotten the commits that would tell the two histories apart.
        next.step("central is ahead now", .syncFailed(sequence: 1, .resyncRequired))
        let late = next.step(
            "it sends a snapshot",
            .syncAnswered(sequence: 2, Scenario.snapshot(to: 70, [Sample.hv1]))
        )
        #expect(next.core.heldShare?.pluggedPortCount == 1 && told(late).isEmpty)
    }

    @Test func whatCannotBeSavedIsAcceptedAndSaidToBeSo() {
        var agent = plugged()
        take([Sample.hv1], &agent)
        agent.step("the mark is on disk", .shareSaved(failure: nil))
        agent.step("a user accepts", .accept(11))
        let effects = agent.step("the disk is full", .shareSaved(failure: "no space"))
        let answers = effects.compactMap { effect -> Int? in
            if case .answer(11, .refused(let refusal)) = effect { refusal.status.code } else { nil }
        }
        #expect(answers == [507] && agent.core.heldShare == nil)
    }

    @Test func anAgentThatEndsSaysSo() {
        var agent = plugged()
        let effects = syncs(agent.step("the agent is told to end", .stopping))
        #expect(effects.map(\.isLeaving) == [true] && effects.map(\.ports.count) == [1])
    }

    @Test func aHostThatIsElsewhereGoesOnAsking() {
        var agent = Scenario()
        agent.start()
        let effects = agent.step("central refuses", .syncFailed(sequence: 1, .chassisElsewhere("live at 10.0.0.1")))
        #expect(!effects.contains { if case .fail = $0 { true } else { false } })
        #expect(syncs(agent.step("a while later", .timer, after: .seconds(6))).count == 1)
    }
}
