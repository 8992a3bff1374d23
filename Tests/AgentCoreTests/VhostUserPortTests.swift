import ForwarderProtocol
import HTTP
import HTTPTypes
import Southbound
import Testing
import Wire

@testable import AgentCore

/// Ports whose guest comes and goes by its VMM's connection.
@Suite struct VhostUserPortTests {
    private static let missing = Problem(.conflict, code: "device_missing", detail: "There is no interface /run/vm1.")
    private static let specification = PortSpecification(
        name: "vm1",
        logicalPort: "vm1",
        device: .vhostUser,
        interface: "/run/vm1"
    )

    private func texts(_ effects: [Effect]) -> String { effects.map(describe).joined(separator: "\n") }

    private func list(_ agent: inout Scenario) -> String {
        texts(agent.step("a user lists the ports", .portList(9, withStatistics: false)))
    }

    /// An agent with a port whose guest is not there yet.
    private func waiting() -> Scenario {
        let records = [Sample.hv1, Sample.ls1, Sample.port(1, on: "hv1")]
        var agent = Scenario(
            share: Share(epoch: Scenario.epoch, revision: 6, records: records),
            ports: StoredPorts(lastClaim: 0, ports: [])
        )
        agent.step("the agent starts", .started)
        agent.step("a fresh forwarder", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        agent.step("central has nothing new", .syncAnswered(sequence: 1, Scenario.delta(from: 6, to: 6)))
        acknowledge(&agent)
        agent.step("a user plugs it", .portAdd(8, PortRequest(specification: Self.specification)))
        agent.step("it is not there", .deviceOpened(port: "vm1", .failure(Self.missing)))
        let answer = texts(agent.step("the claim is on disk", .portsSaved(save: 1, failure: nil), after: .seconds(1)))
        #expect(answer.contains("answer 8: vm1 pending: no guest is connected to /run/vm1 yet; it is waited for"))
        return agent
    }

    @discardableResult
    private func acknowledge(_ agent: inout Scenario) -> String {
        texts(agent.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6))))
    }

    private func say(_ agent: inout Scenario, _ isServed: Bool, takesSuperpackets: Bool = true) -> String {
        let event = Event.guestChanged(port: "vm1", isServed: isServed, takesSuperpackets: takesSuperpackets)
        return texts(agent.step("the VMM says something", event))
    }

    @Test func `a guest comes and goes, and its VMM goes on when the forwarder goes by it`() {
        var agent = waiting()
        for _ in 0..<2 {
            let come = say(&agent, true)
            #expect(come.contains("put port vm1") && !come.contains("go on"))
            #expect(acknowledge(&agent).contains("the guests of vm1 go on"))
            #expect(list(&agent).contains("vm1 up"))
            let change = say(&agent, true)
            #expect(change.contains("put port vm1") && !change.contains("go on"))
            #expect(acknowledge(&agent).contains("the guests of vm1 go on"))
            let gone = say(&agent, false)
            #expect(gone.contains("delete port vm1") && !gone.contains("go on"))
            #expect(acknowledge(&agent).contains("the guests of vm1 go on"))
            #expect(list(&agent).contains("vm1 pending: no guest is connected to /run/vm1 yet; it is waited for"))
            // Nothing changes at the forwarder: there is nothing to wait for.
            #expect(say(&agent, false).contains("the guests of vm1 go on"))
        }
    }

    @Test func `a change during a commit waits for the next one`() {
        var agent = waiting()
        _ = say(&agent, true)
        #expect(!say(&agent, true).contains("go on"))
        let first = acknowledge(&agent)
        #expect(first.contains("put port vm1") && !first.contains("go on"))
        #expect(acknowledge(&agent).contains("the guests of vm1 go on"))
    }

    @Test func `no VMM waits for a forwarder that has ended, and the next one gets the rings`() {
        var agent = waiting()
        _ = say(&agent, true)
        let lost = texts(agent.step("the forwarder ends", .forwarderLost(reason: "killed")))
        #expect(lost.contains("the guests of vm1 go on"))
        agent.step("at once", .timer)
        let next = texts(
            agent.step("the next one", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        )
        #expect(next.contains("put port vm1"))
    }

    @Test func `a guest that breaks the rules is let go of, and may come again`() {
        var agent = waiting()
        _ = say(&agent, true)
        acknowledge(&agent)
        let failed = texts(agent.step("it breaks a rule", .forwarderSaid(.portFailed(name: "vm1", errno: 71))))
        #expect(failed.contains("release the device of vm1"))
        _ = say(&agent, false)
        agent.step("it is looked for", .deviceOpened(port: "vm1", .failure(Self.missing)))
        acknowledge(&agent)
        #expect(list(&agent).contains("vm1 pending: no guest is connected"))
        #expect(say(&agent, true).contains("put port vm1"))
    }

    @Test func `a guest whose driver takes no superpackets says so`() {
        var agent = waiting()
        _ = say(&agent, true, takesSuperpackets: false)
        acknowledge(&agent)
        #expect(list(&agent).contains("vm1 up: no superpackets: the guest's driver takes none"))
    }
}
