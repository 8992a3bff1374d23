import ForwarderProtocol
import HTTP
import HTTPTypes
import Southbound
import Testing
import Wire

@testable import AgentCore

/// Devices that others make and take away: the agent hears from the kernel that devices have changed, and looks.
@Suite struct SocketDeviceTests {
    private static let missing = Problem(.conflict, code: "device_missing", detail: "There is no interface tap1.")
    private static let specification = PortSpecification(
        name: "vm1",
        logicalPort: "vm1",
        device: .existing,
        interface: "tap1"
    )

    private func texts(_ effects: [Effect]) -> String { effects.map(describe).joined(separator: "\n") }

    private func list(_ agent: inout Scenario) -> String {
        texts(agent.step("a user lists the ports", .portList(9, withStatistics: false)))
    }

    private func started() -> Scenario {
        let records = [Sample.hv1, Sample.ls1, Sample.port(1, on: "hv1")]
        var agent = Scenario(
            share: Share(epoch: Scenario.epoch, revision: 6, records: records),
            ports: StoredPorts(lastClaim: 0, ports: [])
        )
        agent.step("the agent starts", .started)
        agent.step("a fresh forwarder", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        agent.step("central has nothing new", .syncAnswered(sequence: 1, Scenario.delta(from: 6, to: 6)))
        agent.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        return agent
    }

    /// An agent with a port whose device is not there yet.
    private func waiting() -> Scenario {
        var agent = started()
        agent.step("a user plugs it", .portAdd(8, PortRequest(specification: Self.specification)))
        agent.step("it is not there", .deviceOpened(port: "vm1", .failure(Self.missing)))
        let answer = texts(agent.step("the claim is on disk", .portsSaved(save: 1, failure: nil), after: .seconds(1)))
        #expect(answer.contains("answer 8: vm1 pending: there is no interface tap1 yet; it is waited for"))
        return agent
    }

    @Test func `a device is opened when it appears, and waited for when it is gone`() {
        var agent = waiting()
        agent.step("what was to be seen", .devicesChecked(["vm1": .gone]))
        #expect(!texts(agent.step("an hour later", .timer, after: .seconds(3600))).contains("open the device"))
        for _ in 0..<2 {
            let look = texts(agent.step("a device has changed", .underlayChanged, after: .seconds(1)))
            #expect(look.contains("look at the devices of vm1"))
            let open = texts(agent.step("it is there", .devicesChecked(["vm1": .present])))
            #expect(open.contains("open the device of vm1: reopen"))
            let device = Device(isOwned: false, mac: nil)
            let put = texts(agent.step("it is open", .deviceOpened(port: "vm1", .success(device))))
            #expect(put.contains("put port vm1"))
            agent.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
            let gone = texts(agent.step("it is gone at once", .devicesChecked(["vm1": .gone])))
            #expect(gone.contains("remove the device of vm1") && gone.contains("open the device of vm1: reopen"))
            agent.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
            agent.step("it is not there", .deviceOpened(port: "vm1", .failure(Self.missing)))
            #expect(list(&agent).contains("vm1 pending: there is no interface tap1 yet; it is waited for"))
            agent.step("what was to be seen", .devicesChecked(["vm1": .gone]))
        }
    }

    @Test func `changes that come while the agent looks make it look once more`() {
        var agent = waiting()
        #expect(!texts(agent.step("a device has changed", .underlayChanged)).contains("look at"))
        #expect(!texts(agent.step("another one", .underlayChanged)).contains("look at"))
        #expect(texts(agent.step("not there", .devicesChecked(["vm1": .gone]))).contains("look at the devices of vm1"))
        agent.step("a third one", .underlayChanged)
        #expect(!texts(agent.step("not there", .devicesChecked(["vm1": .gone]))).contains("look at"))
        let later = texts(agent.step("when it is time", .timer, after: AgentCore.socketCheckInterval))
        #expect(later.contains("look at the devices of vm1"))
        #expect(!texts(agent.step("not there", .devicesChecked(["vm1": .gone]))).contains("look at"))
    }

    @Test func `a port that lacks superpackets says so`() {
        var agent = waiting()
        agent.step("it is there", .devicesChecked(["vm1": .present]))
        agent.step("it is open", .deviceOpened(port: "vm1", .success(Device(isOwned: false, mac: nil))))
        agent.step("how it is", .devicesChecked(["vm1": .presentWithoutSuperpackets]))
        agent.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        #expect(list(&agent).contains("vm1 up: no superpackets: the program that has tap1 open takes none"))
        agent.step("a device has changed", .underlayChanged, after: .seconds(1))
        agent.step("the guest's driver is there", .devicesChecked(["vm1": .present]))
        #expect(!list(&agent).contains("superpackets"))
    }

    @Test func `a port that waits is unplugged, and another kind of device is refused meanwhile`() {
        var agent = waiting()
        let other = PortSpecification(name: "vm1", logicalPort: "vm1", interface: "tap1")
        let refused = texts(agent.step("a user plugs a TAP", .portAdd(10, PortRequest(specification: other))))
        #expect(refused.contains("answer 10: 409 port_exists"))
        agent.step("a user unplugs it", .portDelete(11, name: "vm1"))
        agent.step("on disk", .portsSaved(save: 2, failure: nil))
        agent.step("given back", .deviceRemoved(port: "vm1", failure: nil))
        #expect(!list(&agent).contains("vm1"))
    }
}
