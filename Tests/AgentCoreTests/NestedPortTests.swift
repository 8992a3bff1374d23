import ForwarderProtocol
import Southbound
import Testing
import Wire

@testable import AgentCore

/// An agent gives its forwarder the nested ports that are bound here, for as long as their parents are plugged.
@Suite struct NestedPortTests {
    private static let switchID = ObjectID(high: 1, low: 1)

    private static func port(_ number: UInt64, at chassis: String? = "hv1", parent: String? = nil) -> PortBinding {
        var port = PortBinding(
            id: ObjectID(high: 2, low: number),
            logicalPort: "lp\(number)",
            datapath: switchID,
            tunnelKey: UInt16(number),
            locations: chassis.map { [PortBinding.Location(chassis: $0, bindSeq: 1)] } ?? []
        )
        port.parentPort = parent
        port.tag = parent == nil ? nil : UInt16(number * 10)
        return port
    }

    private static let records: [Record] = [
        .datapathBinding(DatapathBinding(id: switchID, name: "ls1", tunnelKey: 5, vlanPassthru: false)),
        .portBinding(port(1)), .portBinding(port(2, parent: "lp1")), .portBinding(port(3, at: "hv2", parent: "lp1")),
        .portBinding(port(4, parent: "elsewhere")),
    ]

    private static func scenario() -> Scenario {
        let stored = StoredPort(
            specification: PortSpecification(name: "tap1", logicalPort: "lp1", interface: "tap1"),
            isOwned: true,
            claim: 1
        )
        return Scenario(
            share: Share(epoch: Scenario.epoch, revision: 5, records: records),
            ports: StoredPorts(lastClaim: 1, ports: [stored])
        )
    }

    private static func messages(_ effects: [Effect]) -> [ForwarderMessage] {
        effects.flatMap { effect -> [ForwarderMessage] in
            if case .forward(let orders) = effect { orders.map(\.message) } else { [] }
        }
    }

    private static func slots(_ effects: [Effect]) -> [String: UInt16]? {
        for case .compile(let change) in effects { return change.slots }
        return nil
    }

    private static func follow(
        _ change: RecordChange,
        to revision: UInt64,
        _ scenario: inout Scenario
    ) -> [Effect] {
        let before = scenario.core.share.revision
        scenario.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: before)))
        let sequence = scenario.core.sync.sequence
        return scenario.step(
            "central answers",
            .syncAnswered(sequence: sequence, Scenario.delta(from: before, to: revision, [change]))
        )
    }

    @Test func `The forwarder has those that are bound here and whose parents are plugged`() {
        var scenario = Self.scenario()
        scenario.step("starts", .started)
        scenario.step("a forwarder", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        let opened = scenario.step(
            "opened",
            .deviceOpened(port: "tap1", .success(Device(isOwned: true, mac: nil)))
        )
        let nested = LocalPort(name: "tap1/20", slot: 1, isNested: true)
        #expect(Self.messages(opened).contains(.putPort(LocalPort(name: "tap1", slot: 0))))
        #expect(Self.messages(opened).contains(.putPort(nested)))
        #expect(Self.slots(opened) == ["lp1": 0, "lp2": 1])
        // Another one comes, and goes.
        let third = Self.follow(.put(.portBinding(Self.port(3, parent: "lp1"))), to: 6, &scenario)
        #expect(Self.messages(third).contains(.putPort(LocalPort(name: "tap1/30", slot: 2, isNested: true))))
        #expect(!Self.messages(third).contains(.putPort(nested)))
        #expect(Self.slots(third) == ["lp1": 0, "lp2": 1, "lp3": 2])
        let gone = Self.follow(.delete(.portBinding(Self.port(3).id)), to: 7, &scenario)
        #expect(Self.messages(gone).contains(.deletePort(name: "tap1/30")))
        #expect(Self.slots(gone) == ["lp1": 0, "lp2": 1])
        // The device is gone.
        scenario.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 7)))
        let pulled = scenario.step("pulled", .forwarderSaid(.portFailed(name: "tap1", errno: 77)))
        #expect(Self.messages(pulled).contains(.deletePort(name: "tap1/20")))
        #expect(Self.slots(pulled) == [:])
    }

    @Test func `A forwarder that is taken over keeps them`() {
        var scenario = Self.scenario()
        scenario.step("starts", .started)
        let slots = [
            LocalPort(name: "tap1", slot: 4), LocalPort(name: "tap1/20", slot: 3, isNested: true),
            LocalPort(name: "tap1/70", slot: 2, isNested: true),
        ]
        let held: [HeldDescriptor] = [.underlay(Scenario.configuration.encapIP), .port("tap1")]
        let greeting = Scenario.greeting(epoch: Scenario.epoch, revision: 5)
        scenario.step("a forwarder", .forwarderConnected(greeting, held: held, slots: slots, wasSpawned: false))
        let change = RecordChange.put(.portBinding(Self.port(5, at: nil)))
        let sequence = scenario.core.sync.sequence
        let answer = Scenario.delta(from: 5, to: 6, [change])
        let effects = scenario.step("central answers", .syncAnswered(sequence: sequence, answer))
        #expect(Self.slots(effects) == ["lp1": 4, "lp2": 3])
        #expect(!Self.messages(effects).contains(.putPort(LocalPort(name: "tap1/70", slot: 2, isNested: true))))
    }

    @Test func `A list has them with their tags`() {
        var scenario = Self.scenario()
        scenario.step("starts", .started)
        scenario.step("a forwarder", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        scenario.step("opened", .deviceOpened(port: "tap1", .success(Device(isOwned: true, mac: nil))))
        scenario.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 5)))
        let reports = scenario.core.nestedReports(with: nil)
        #expect(
            reports.map { "\($0.specification.name) \($0.specification.logicalPort) \($0.state)" } == [
                "tap1/20 lp2 up"
            ]
        )
        #expect(reports.map(\.detail) == ["tag 20 of tap1"])
    }
}
