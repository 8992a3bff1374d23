import ForwarderProtocol
import JSON
import Southbound
import Testing
import Wire

@testable import AgentCore

/// An agent keeps the members of multicast groups that reports tell of, and has tables know them.
@Suite struct MembershipTests {
    private static let switchID = ObjectID(high: 1, low: 1)

    private static func port(_ number: UInt64, of datapath: ObjectID = switchID) -> PortBinding {
        PortBinding(
            id: ObjectID(high: 2, low: number),
            logicalPort: "vm\(number)",
            datapath: datapath,
            tunnelKey: UInt16(number)
        )
    }

    private static func datapath(_ change: (inout MulticastSnooping) -> Void = { _ in }) -> DatapathBinding {
        var datapath = DatapathBinding(id: switchID, name: "ls1", tunnelKey: 5, vlanPassthru: false)
        var snooping = MulticastSnooping()
        change(&snooping)
        datapath.snooping = snooping
        return datapath
    }

    private static func group(_ number: UInt32) -> IPAddress { .v4(IPv4Address(0xef01_0000 + number)) }

    private func state(_ change: (inout MulticastSnooping) -> Void = { _ in }) -> MembershipState {
        var state = MembershipState()
        state.put(Self.datapath(change), now: .zero)
        for number in 1...3 as ClosedRange<UInt64> { state.put(Self.port(number)) }
        return state
    }

    private func join(_ state: inout MembershipState, _ port: UInt16, _ group: UInt32, at second: Int) {
        let report = MembershipReport(vni: 5, portKey: port, fact: .joined(Self.group(group)))
        state.take(report, now: .seconds(second))
    }

    private func members(_ state: MembershipState) -> [IPAddress: [ObjectID]] {
        (state.switches[Self.switchID]?.members ?? [:]).mapValues { $0.keys.sorted() }
    }

    @Test func `A port is a member from its report until it leaves, is silent for too long, or goes`() {
        var state = state()
        for port in 1...3 as ClosedRange<UInt16> { join(&state, port, 1, at: 1) }
        #expect(members(state)[Self.group(1)]?.count == 3)
        state.take(MembershipReport(vni: 5, portKey: 1, fact: .left(Self.group(1))), now: .seconds(2))
        #expect(members(state)[Self.group(1)] == [Self.port(2).id, Self.port(3).id])
        state.removePort(Self.port(3).id)
        #expect(members(state)[Self.group(1)] == [Self.port(2).id])
        join(&state, 2, 1, at: 200)
        state.settle(now: .seconds(302))
        #expect(members(state)[Self.group(1)] == [Self.port(2).id])
        state.settle(now: .seconds(501))
        #expect(members(state).isEmpty)
        // Of a port, a switch or a key that nobody has, nothing is noted.
        join(&state, 9, 1, at: 502)
        state.take(MembershipReport(vni: 6, portKey: 1, fact: .joined(Self.group(1))), now: .seconds(502))
        #expect(members(state).isEmpty)
    }

    @Test func `Tables hear what has changed, at most ten times a second, and all of it when they know nothing`() {
        var state = state()
        join(&state, 1, 1, at: 1)
        #expect(state.isDue(now: .seconds(1)))
        let first = state.takeChanges(all: false, now: .seconds(1))
        #expect(first.map(\.groups) == [[Self.group(1): [Self.port(1).id]]] && first.allSatisfy(\.isListening))
        join(&state, 1, 1, at: 1)
        #expect(!state.isDue(now: .seconds(2)))
        join(&state, 2, 2, at: 1)
        #expect(!state.isDue(now: .seconds(1)) && state.isDue(now: .seconds(1) + MembershipState.changePause))
        state.take(MembershipReport(vni: 5, portKey: 1, fact: .left(Self.group(1))), now: .seconds(2))
        state.take(MembershipReport(vni: 5, portKey: 3, fact: .router), now: .seconds(2))
        let second = state.takeChanges(all: false, now: .seconds(2))
        #expect(second.map(\.groups) == [[Self.group(1): [], Self.group(2): [Self.port(2).id]]])
        #expect(second.map(\.routers) == [[Self.port(3).id]])
        #expect(state.takeChanges(all: false, now: .seconds(3)).isEmpty)
        #expect(state.takeChanges(all: true, now: .seconds(3)).map(\.groups) == [[Self.group(2): [Self.port(2).id]]])
        state.settle(now: .seconds(183))
        #expect(state.takeChanges(all: false, now: .seconds(183)).map(\.routers) == [[]])
    }

    @Test func `A host listens as long as a member may be silent, and as long as an answer takes where it is asked`() {
        var state = state { $0.idleTimeout = 60 }
        #expect(state.deadline == .seconds(60))
        state.put(Self.datapath { $0.querier = .init(mac: .zero, maxResponse: 2) }, now: .seconds(10))
        #expect(state.deadline == .seconds(17))
        state.settle(now: .seconds(17))
        #expect(state.takeChanges(all: false, now: .seconds(17)).map(\.isListening) == [false])
        #expect(state.deadline == nil)
        state.removeSwitch(Self.switchID)
        #expect(state.switches.isEmpty)
    }

    @Test func `A port has at most so many groups, and a switch, and what is more is counted`() {
        var state = state { $0.tableSize = 1500 }
        for number in 1...10_000 as ClosedRange<UInt32> { join(&state, 1, number, at: 1) }
        #expect(members(state).count == MembershipState.portGroupCountMaximum)
        #expect(state.switches[Self.switchID]?.refusedCount == 10_000 - 1024)
        for number in 20_001...30_000 as ClosedRange<UInt32> { join(&state, 2, number, at: 1) }
        #expect(members(state).count == 1500)
        // A group that is there takes others, and one that goes makes room.
        join(&state, 3, 1, at: 1)
        #expect(members(state)[Self.group(1)]?.count == 2)
        state.removePort(Self.port(1).id)
        #expect(members(state).count == 1500 - 1024 + 1)
    }

    @Test func `An agent has tables changed by reports, and shows them`() {
        let records: [Record] = [Sample.hv1, .datapathBinding(Self.datapath()), .portBinding(Self.port(1))]
        var scenario = Scenario()
        scenario.reachSteadyState(Scenario.snapshot(to: 5, records))
        let report = MembershipReport(vni: 5, portKey: 1, fact: .joined(Self.group(1)))
        let effects = scenario.step("a port joins", .forwarderSaid(.membersReported([report])))
        var changes: [MembershipChange] = []
        for case .compile(let change) in effects { changes += change.members }
        #expect(changes.map(\.groups) == [[Self.group(1): [Self.port(1).id]]])
        func shown(_ filter: MulticastGroupFilter) -> [String?] {
            let groups = scenario.core.groups(filter, now: scenario.now)["groups"]?.arrayValue ?? []
            return groups.map { $0["group"]?.stringValue }
        }
        #expect(shown(.init()) == ["239.1.0.1"] && shown(.init(switchName: "ls1")) == ["239.1.0.1"])
        #expect(shown(.init(switchName: "ls2")).isEmpty && shown(.init(logicalPort: "vm2")).isEmpty)
    }
}
