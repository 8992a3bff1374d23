import ForwarderProtocol
import Southbound
import Testing
import Wire

@testable import AgentCore

/// A port that is standby on this host, hv1, while its guest is on hv2.
@Suite struct ActivationTests {
    private static func binding(_ locations: [PortBinding.Location]) -> PortBinding {
        guard case .portBinding(var port) = Sample.port(1) else { fatalError("a port's binding is one") }
        port.locations = locations
        port.activationStrategy = [.rarp]
        return port
    }

    private let standby = binding([
        .init(chassis: "hv2", bindSeq: 1), .init(chassis: "hv1", bindSeq: 2, state: .standby),
    ])

    /// An agent whose forwarder has the port with its standby place in force.
    private func agent(_ stored: StoredPort? = nil) -> Scenario {
        let port = stored ?? StoredPort(specification: Scenario.specification("vm1", "vm1"), isOwned: true, claim: 1)
        let records = [Sample.hv2, Sample.ls1, .portBinding(standby)]
        let share = Share(epoch: Scenario.epoch, revision: 6, records: records)
        var agent = Scenario(share: share, ports: StoredPorts(lastClaim: 1, ports: [port]))
        let greeting = Scenario.greeting(epoch: Scenario.epoch, revision: 6)
        let held: [HeldDescriptor] = [.underlay(Scenario.configuration.encapIP), .port("vm1")]
        agent.step("the agent starts", .started)
        agent.step("the forwarder runs", .forwarderConnected(greeting, held: held, wasSpawned: false))
        agent.step("central has nothing new", .syncAnswered(sequence: 1, Scenario.delta(from: 6, to: 6)))
        return agent
    }

    private func announced(_ mark: UInt64?) -> Event {
        .forwarderSaid(.portActivated(PortActivation(name: "vm1", mark: mark ?? 0)))
    }

    private func told(_ effects: [Effect]) -> [UInt64?] {
        effects.flatMap { effect -> [UInt64?] in
            guard case .sendSync(let sync) = effect else { return [] }
            return sync.ports.map(\.activated)
        }
    }

    private func compiled(_ effects: [Effect]) -> [[PortBinding.Location.State]] {
        effects.flatMap { effect -> [[PortBinding.Location.State]] in
            guard case .compile(let change) = effect else { return [] }
            return change.records.compactMap { record in
                if case .put(.portBinding(let port)) = record { port.locations.map(\.state) } else { nil }
            }
        }
    }

    private func state(_ agent: Scenario) -> PortReport.State? {
        agent.core.ports["vm1"].map { agent.core.report(of: $0).state }
    }

    @Test func `The guest's announcement goes into the tables and to central until that has moved the port`() {
        var agent = agent()
        #expect(state(agent) == .standby)
        let effects = agent.step("the guest announces itself", announced(standby.activationMark(on: "hv1")))
        #expect(compiled(effects) == [[.active, .active]])
        #expect(told(effects) == [2])
        #expect(state(agent) == .up)
        let isSaved = effects.contains { effect in
            if case .savePorts(let ports, _) = effect { ports.ports[0].activationMark != nil } else { false }
        }
        #expect(isSaved)
        #expect(told(agent.step("the forwarder says it again", announced(standby.activationMark(on: "hv1")))) == [])
        let moved = Self.binding([.init(chassis: "hv1", bindSeq: 3)])
        let answer = Scenario.delta(from: 6, to: 7, [.put(.portBinding(moved))])
        agent.step("the port has moved", .syncAnswered(sequence: 3, answer))
        #expect(agent.core.ports["vm1"]?.activationMark == nil && state(agent) == .up)
    }

    @Test func `Another place's mark does nothing`() {
        var agent = agent()
        let former = Self.binding([.init(chassis: "hv1", bindSeq: 1, state: .standby)])
        #expect(told(agent.step("a late word", announced(former.activationMark(on: "hv1")))) == [])
        #expect(told(agent.step("a stranger's port", .forwarderSaid(.portActivated(.init(name: "x", mark: 1))))) == [])
        #expect(state(agent) == .standby)
    }

    @Test func `An agent that starts anew knows from its file what was announced`() throws {
        var port = StoredPort(specification: Scenario.specification("vm1", "vm1"), isOwned: true, claim: 1)
        port.activationMark = standby.activationMark(on: "hv1")
        let file = StoredPorts(lastClaim: 1, ports: [port]).fileBytes
        port = try #require(try StoredPorts(fileBytes: file).ports.first)
        #expect(port.activationMark == standby.activationMark(on: "hv1"))
        var agent = agent(port)
        #expect(state(agent) == .up)
        let effects =
            agent.step("the forwarder dies", .forwarderLost(reason: "killed"))
            + agent.step(
                "another one starts",
                .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true)
            )
        #expect(compiled(effects) == [[.active, .active]])
    }
}
