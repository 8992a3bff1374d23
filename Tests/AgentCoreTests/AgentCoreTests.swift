import ForwarderProtocol
import HTTP
import HTTPTypes
import JSON
import Southbound
import TestSupport
import Testing
import Wire

@testable import AgentCore

/// The agent's reactions to events, as transcripts that a person can read.
@Suite struct AgentCoreTranscripts {
    private let network = [Sample.hv1, Sample.ls1, Sample.port(1)]

    @Test func aPortIsPluggedBoundAndUp() {
        var agent = Scenario()
        agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1]))
        let wanted = Scenario.specification("vm1", "vm1")
        agent.step("a user plugs vm1", .portAdd(9, PortRequest(specification: wanted)))
        agent.step(
            "its device is there",
            .deviceOpened(port: "vm1", .success(Device(isOwned: true, mac: MACAddress(truncating: 0x02_ac10_ff00_11))))
        )
        agent.step("the claim is on disk", .portsSaved(save: 1, failure: nil))
        agent.step("the parked sync ends", .syncAnswered(sequence: 2, Scenario.delta(from: 4, to: 4)))
        agent.step("the forwarder has the port", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 4)))
        let bound = [Sample.ls1, Sample.port(1, on: "hv1")].map { RecordChange.put($0) }
        agent.step("central has bound it", .syncAnswered(sequence: 3, Scenario.delta(from: 4, to: 6, bound)))
        agent.step("the forwarder forwards by it", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        agent.step("a user lists the ports", .portList(10, withStatistics: false))
        #expect(goldenMismatch(agent.transcript, named: "plug") == nil)
    }

    @Test func aPortIsUnpluggedInStepsThatARestartCanFinish() {
        var agent = plugged()
        agent.step("a user unplugs vm1", .portDelete(11, name: "vm1"))
        agent.step("the leaving is on disk", .portsSaved(save: 1, failure: nil))
        agent.step("the forwarder has let go", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        agent.step("the device is gone", .deviceRemoved(port: "vm1", failure: nil))
        let wanted = Scenario.specification("vm1", "vm1")
        agent.step("a user plugs another one of that name", .portAdd(12, PortRequest(specification: wanted)))
        agent.step("the file is without the old one", .portsSaved(save: 2, failure: nil))
        #expect(goldenMismatch(agent.transcript, named: "unplug") == nil)
        var next = Scenario(
            ports: StoredPorts(
                lastClaim: 1,
                ports: [
                    StoredPort(
                        specification: Scenario.specification("vm1", "vm1"),
                        isOwned: true,
                        claim: 1,
                        isLeaving: true
                    )
                ]
            )
        )
        next.step("the agent starts", .started)
        next.step("the forwarder still holds it", connected(6, held: [.underlay(encap), .port("vm1")]))
        next.step("the forwarder has let go", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        next.step("the device is gone", .deviceRemoved(port: "vm1", failure: nil))
        #expect(goldenMismatch(next.transcript, named: "unplug-after-restart") == nil)
    }

    @Test func aNewAgentThatFindsNothingChangedSendsTheForwarderNothing() {
        let agent = plugged()
        #expect(goldenMismatch(agent.transcript, named: "adopt") == nil)
        #expect(!agent.transcript.contains("forward:"))
    }

    @Test func aForwarderThatWasToldAnotherMTUIsToldEverythingAgain() {
        var agent = Scenario(share: share(6), innerMTU: 1372, ports: oneStoredPort)
        agent.step("the agent starts", .started)
        agent.step("the forwarder runs", connected(6, held: [.underlay(encap), .port("vm1")]))
        agent.step("it has it in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        #expect(goldenMismatch(agent.transcript, named: "other-mtu") == nil)
    }

    @Test func aForwarderThatDiesAgainAndAgainIsStartedAtOnceAndThenWithPauses() {
        var agent = plugged()
        agent.step("the forwarder dies", .forwarderLost(reason: "it has ended"), after: .seconds(20))
        agent.step("a fresh one connects", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        agent.step("it has it all in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        agent.step("it dies, too", .forwarderLost(reason: "it has ended"))
        for _ in 2..<8 {
            agent.step("it cannot be started", .forwarderLost(reason: "it cannot be started"))
        }
        agent.step("again it cannot be started", .forwarderLost(reason: "it cannot be started"))
        agent.step("a second has passed", .timer, after: .seconds(1))
        agent.step("the time has come", .timer, after: .seconds(1))
        #expect(goldenMismatch(agent.transcript, named: "forwarder-dies") == nil)
    }

    @Test func aForwarderOfAnotherVersionIsReplaced() {
        var agent = Scenario(share: share(6), ports: oneStoredPort)
        agent.step("the agent starts", .started)
        let old = Scenario.greeting(epoch: Scenario.epoch, revision: 6, version: ForwarderProtocol.version + 1)
        agent.step(
            "a forwarder of another version",
            .forwarderConnected(old, held: [.underlay(encap), .port("vm1")], wasSpawned: false)
        )
        agent.step("it ends", .forwarderLost(reason: "it has ended"))
        agent.step("a fresh one connects", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        #expect(goldenMismatch(agent.transcript, named: "forwarder-replaced") == nil)
    }

    @Test func aForwarderAheadOfTheStoredShareKeepsItsRecordsUntilCentralHasAnswered() {
        var agent = Scenario(share: share(6), ports: oneStoredPort)
        agent.step("the agent starts", .started)
        agent.step("the forwarder is ahead", connected(8, held: [.underlay(encap), .port("vm1")]))
        let answer = Scenario.delta(from: 6, to: 9, [.put(Sample.port(2, on: "hv2"))])
        agent.step("central answers", .syncAnswered(sequence: 1, answer))
        agent.step("the forwarder forwards by it", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 9)))
        #expect(goldenMismatch(agent.transcript, named: "forwarder-ahead") == nil)
    }

    @Test func aPortThatAnotherChassisTakesIsLostUntilItIsPluggedAgain() {
        var agent = plugged()
        let moved = Scenario.delta(from: 6, to: 7, [.put(Sample.hv2), .put(Sample.port(1, on: "hv2", fence: 2))])
        agent.step("hv2 has taken vm1", .syncAnswered(sequence: 2, moved))
        agent.step("the loss is on disk", .portsSaved(save: 1, failure: nil))
        agent.step("the forwarder forwards by it", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 7)))
        agent.step("a user lists the ports", .portList(10, withStatistics: false))
        let wanted = Scenario.specification("vm1", "vm1")
        agent.step("a user plugs vm1 again", .portAdd(11, PortRequest(specification: wanted)))
        agent.step("its device is there", .devicesChecked(["vm1": .present]))
        agent.step("the claim is on disk", .portsSaved(save: 2, failure: nil))
        let back = Scenario.delta(from: 7, to: 8, [.put(Sample.port(1, on: "hv1", fence: 3))])
        agent.step("hv2 has let go", .syncAnswered(sequence: 4, back))
        #expect(goldenMismatch(agent.transcript, named: "lost") == nil)
    }

    @Test func aRefusedConnectionIsTriedAgainSoonAndAnotherFailureLess() {
        var agent = plugged()
        agent.step("central restarts", .syncFailed(sequence: 2, .connectionRefused("central: refused")))
        for sequence: UInt64 in 3...30 {
            agent.step("the time has come", .timer, after: .milliseconds(500))
            agent.step("still down", .syncFailed(sequence: sequence, .connectionRefused("central: refused")))
        }
        agent.step("the time has come", .timer, after: .milliseconds(500))
        agent.step("central answers", .syncAnswered(sequence: 31, Scenario.delta(from: 6, to: 6)))
        #expect(agent.transcript.contains("central answers again (after: central: refused)"))
    }

    @Test func aClockThatDiffersIsToldOfOnce() {
        var agent = plugged()
        for _ in 0..<3 { agent.step("central tells its time", .centralTime(1_000_000, host: 1_061_200)) }
        #expect(agent.transcript.split(separator: "ahead of central's").count == 2)
    }

    @Test func centralAwayIsRetriedWithGrowingPausesAndForgetsNothing() {
        var agent = plugged()
        agent.step("central is gone", .syncFailed(sequence: 2, .unavailable("central: refused", retryAfter: nil)))
        for sequence: UInt64 in 3...9 {
            agent.step("the time has come", .timer, after: .seconds(5))
            agent.step(
                "central is gone",
                .syncFailed(sequence: sequence, .unavailable("central: refused", retryAfter: nil))
            )
        }
        agent.step("the time has come", .timer, after: .seconds(5))
        agent.step("central answers", .syncAnswered(sequence: 10, Scenario.delta(from: 6, to: 6)))
        #expect(goldenMismatch(agent.transcript, named: "central-away") == nil)
    }

    @Test func aRevisionThatIsTooOldLeadsToASnapshotThatIsAppliedAsADifference() {
        var agent = plugged()
        agent.step("central has trimmed its log", .syncFailed(sequence: 2, .resyncRequired))
        let answer = Scenario.snapshot(to: 40, [Sample.hv1, Sample.ls1, Sample.port(1, on: "hv1"), Sample.port(2)])
        agent.step("central sends a snapshot", .syncAnswered(sequence: 3, answer))
        #expect(goldenMismatch(agent.transcript, named: "resync") == nil)
    }

    @Test func anotherEpochReplacesEverythingAtOnce() {
        var agent = plugged()
        agent.step("central was restored", .syncFailed(sequence: 2, .resyncRequired))
        let answer = Scenario.snapshot(to: 3, [Sample.hv1, Sample.ls1, Sample.port(1, on: "hv1")], epoch: 0xdef)
        agent.step("central sends a snapshot", .syncAnswered(sequence: 3, answer))
        agent.step("the forwarder forwards by it", .forwarderSaid(.acknowledged(epoch: 0xdef, revision: 3)))
        #expect(goldenMismatch(agent.transcript, named: "other-epoch") == nil)
    }

    @Test func theHashOfARevisionGoesBackWithIt() {
        var agent = Scenario()
        agent.step("the agent starts", .started)
        agent.step("a fresh forwarder connects", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        agent.step("it has it in force", .forwarderSaid(.acknowledged(epoch: 0, revision: 0)))
        var snapshot = Scenario.snapshot(to: 4, [Sample.hv1])
        snapshot.hash = 0xfeed
        func syncs(_ effects: [Effect]) -> [SyncRequest] {
            effects.compactMap { if case .sendSync(let sync) = $0 { sync } else { nil } }
        }
        let taken = agent.step("central tells its hash", .syncAnswered(sequence: 1, snapshot))
        #expect(taken.contains { if case .saveShare(.whole(let share)) = $0 { share.hash == 0xfeed } else { false } })
        let inForce = ForwarderMessage.acknowledged(epoch: Scenario.epoch, revision: 4)
        let next = syncs(agent.step("it is in force", .forwarderSaid(inForce)))
        #expect(next.map(\.hash) == [0xfeed] && next.map(\.since) == [4] && next.map(\.applied) == [4])
        var delta = Scenario.delta(from: 4, to: 6)
        delta.hash = 0xbeef
        #expect(syncs(agent.step("time passes", .syncAnswered(sequence: 2, delta))).map(\.hash) == [0xbeef])
        let fresh = syncs(agent.step("that is another history", .syncFailed(sequence: 3, .resyncRequired)))
        #expect(fresh.map(\.since) == [0] && fresh.map(\.hash) == [nil])
    }

    @Test func aPollWaitsForTheForwarderButNotForLong() {
        var agent = Scenario()
        agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1]))
        func syncs(_ effects: [Effect]) -> [SyncRequest] {
            effects.compactMap { if case .sendSync(let sync) = $0 { sync } else { nil } }
        }
        let delta = Scenario.delta(from: 4, to: 5, [.put(Sample.hv2)])
        #expect(syncs(agent.step("something changes", .syncAnswered(sequence: 2, delta))).isEmpty)
        let late = syncs(agent.step("the forwarder takes long", .timer, after: SyncState.acknowledgementPatience))
        #expect(late.map(\.since) == [5] && late.map(\.applied) == [4])
        let inForce = ForwarderMessage.acknowledged(epoch: Scenario.epoch, revision: 5)
        let told = syncs(agent.step("it is in force", .forwarderSaid(inForce)))
        #expect(told.map(\.since) == [5] && told.map(\.applied) == [5])
        #expect(syncs(agent.step("nothing more is due", .timer)).isEmpty)
    }

    @Test func aChassisThatIsAnotherHostsEndsAFreshAgentAndOnlyWorriesAnOldOne() {
        var fresh = Scenario()
        fresh.step("the agent starts", .started)
        fresh.step("a fresh forwarder connects", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        fresh.step("the forwarder has it in force", .forwarderSaid(.acknowledged(epoch: 0, revision: 0)))
        fresh.step("central refuses", .syncFailed(sequence: 1, .chassisConflict("hv1 is held by host9")))
        fresh.step("nothing more is done", .timer)
        #expect(goldenMismatch(fresh.transcript, named: "conflict-at-start") == nil)
        var old = plugged()
        old.step("central refuses", .syncFailed(sequence: 2, .chassisConflict("hv1 is held by host9")))
        #expect(goldenMismatch(old.transcript, named: "conflict-later") == nil)
    }

    @Test func aDeviceThatIsPulledIsLookedForUntilItIsThereAgain() {
        var agent = plugged()
        agent.step("the device is gone", .forwarderSaid(.portFailed(name: "vm1", errno: 77)))
        agent.step("the forwarder has let go", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        agent.step("a second later", .timer, after: .seconds(1))
        let gone = Problem(.conflict, code: "device_missing", detail: "There is no interface vm1 in netns vm1.")
        agent.step("it is not there", .deviceOpened(port: "vm1", .failure(gone)))
        agent.step("a user lists the ports", .portList(10, withStatistics: false))
        agent.step("a second later", .timer, after: .seconds(1))
        let device = Device(isOwned: false, mac: MACAddress(truncating: 0x02_ac10_ff00_11))
        agent.step("somebody has made it again", .deviceOpened(port: "vm1", .success(device)))
        agent.step("the forwarder has it", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        #expect(goldenMismatch(agent.transcript, named: "device-pulled") == nil)
    }

    @Test func aUserWhoPlugsAPortWhileItsDeviceIsLookedForGetsTheDeviceMade() {
        var agent = plugged()
        agent.step("the device is gone", .forwarderSaid(.portFailed(name: "vm1", errno: 77)))
        agent.step("the forwarder has let go", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        agent.step("a second later", .timer, after: .seconds(1))
        agent.step("another second later", .timer, after: .seconds(1))
        let wanted = Scenario.specification("vm1", "vm1")
        agent.step("a user plugs vm1 again", .portAdd(11, PortRequest(specification: wanted)))
        let gone = Problem(.conflict, code: "device_missing", detail: "There is no interface vm1 in netns vm1.")
        agent.step("it was not there", .deviceOpened(port: "vm1", .failure(gone)))
        let device = Device(isOwned: true, mac: MACAddress(truncating: 0x02_ac10_ff00_11))
        agent.step("it is made", .deviceOpened(port: "vm1", .success(device)))
        agent.step("the claim is on disk", .portsSaved(save: 1, failure: nil))
        #expect(goldenMismatch(agent.transcript, named: "plug-while-looking") == nil)
    }

    // MARK: -

    private let encap = Scenario.configuration.encapIP

    private func share(_ revision: UInt64) -> Share {
        let records = [Sample.hv1, Sample.ls1, Sample.port(1, on: "hv1")]
        return Share(epoch: Scenario.epoch, revision: revision, records: records)
    }

    private let oneStoredPort = StoredPorts(
        lastClaim: 1,
        ports: [StoredPort(specification: Scenario.specification("vm1", "vm1"), isOwned: true, claim: 1)]
    )

    private func connected(_ revision: UInt64, held: [HeldDescriptor]) -> Event {
        let greeting = Scenario.greeting(epoch: Scenario.epoch, revision: revision)
        return .forwarderConnected(greeting, held: held, wasSpawned: false)
    }

    /// An agent that was started again beside a forwarder with everything, and whose next sync is parked.
    private func plugged() -> Scenario {
        var agent = Scenario(share: share(6), ports: oneStoredPort)
        agent.step("the agent starts", .started)
        agent.step("the forwarder runs", connected(6, held: [.underlay(encap), .port("vm1")]))
        agent.step("central has nothing new", .syncAnswered(sequence: 1, Scenario.delta(from: 6, to: 6)))
        return agent
    }

    @Test func pathsAreMeasuredProbedAndToldAgainToANewForwarder() {
        var agent = Scenario()
        agent.showsMeasurements = true
        agent.reachSteadyState(Scenario.snapshot(to: 4, [Sample.hv1, Sample.hv2, Sample.ls1]))
        let hv2 = IPAddress.v4(IPv4Address(0x0a7f_0004))
        let wide = PathMeasurement(deviceMTU: 1500, pathMTUs: [hv2: 1500])
        agent.step("the kernel knows nothing yet", .pathsMeasured(PathMeasurement(deviceMTU: 1500, pathMTUs: [:])))
        let asked = agent.step("the kernel allows all", .pathsMeasured(wide))
        var nonces: [UInt64] = []
        for case .sendProbes(let probes) in asked { nonces += probes.map(\.nonce) }
        agent.step("a stranger's answer", .probeAnswered(hv2, nonce: 1))
        if let nonce = nonces.first {
            agent.step("the other host answers the largest", .probeAnswered(hv2, nonce: nonce))
        }
        agent.step("something changes", .underlayChanged)
        agent.step("its time has come", .timer, after: .seconds(1))
        let narrow = PathMeasurement(deviceMTU: 1400, pathMTUs: [hv2: 1400])
        agent.step("the device carries less", .pathsMeasured(narrow))
        agent.step("the forwarder has it in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 4)))
        agent.step("the forwarder dies", .forwarderLost(reason: "killed"))
        agent.step(
            "a new one connects",
            .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true)
        )
        agent.step("the kernel refuses a datagram", .forwarderSaid(.pathRefused(hv2)))
        agent.step(
            "the other host is gone",
            .syncAnswered(sequence: 2, Scenario.delta(from: 4, to: 5, [.delete(.chassis("hv2"))]))
        )
        #expect(goldenMismatch(agent.transcript, named: "paths") == nil)
    }
}
