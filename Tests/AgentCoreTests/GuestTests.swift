import ForwarderProtocol
import HTTP
import HTTPTypes
import Southbound
import Testing
import Wire

@testable import AgentCore

/// The agent's reactions to guests that end and hosts that start again.
@Suite struct GuestTests {
    private func agent(_ place: DevicePlace) -> Scenario {
        let records = [Sample.hv1, Sample.ls1, Sample.port(1, on: "hv1")]
        let stored = StoredPort(
            specification: Scenario.specification("vm1", "vm1"),
            isOwned: true,
            claim: 1,
            place: place
        )
        return Scenario(
            share: Share(epoch: Scenario.epoch, revision: 6, records: records),
            ports: StoredPorts(lastClaim: 1, ports: [stored])
        )
    }

    /// Beside a forwarder that holds the port.
    private func adopted(_ place: DevicePlace) -> Scenario {
        var agent = agent(place)
        agent.step("the agent starts", .started)
        let held: [HeldDescriptor] = [.underlay(Scenario.configuration.encapIP), .port("vm1")]
        let greeting = Scenario.greeting(epoch: Scenario.epoch, revision: 6)
        agent.step("the forwarder runs", .forwarderConnected(greeting, held: held, wasSpawned: false))
        agent.step("central has nothing new", .syncAnswered(sequence: 1, Scenario.delta(from: 6, to: 6)))
        return agent
    }

    private func texts(_ effects: [Effect]) -> String { effects.map(describe).joined(separator: "\n") }

    private let wanted = PortRequest(specification: Scenario.specification("vm1", "vm1"))

    @Test func `a namespace that only our descriptors keep alive is given up with its name`() {
        var agent = adopted(DevicePlace(namespace: 7, isPinned: true))
        let look = texts(agent.step("a second later", .timer, after: .seconds(1)))
        #expect(look.contains("look at the devices of vm1 (pinned)"))
        agent.step("it is there", .devicesChecked(["vm1": .present]))
        agent.step("a second later", .timer, after: .seconds(1))
        let given = texts(agent.step("its name is gone", .devicesChecked(["vm1": .namespaceGone])))
        #expect(given.contains("remove the device of vm1"))
        #expect(given.contains("begin snapshot") && !given.contains("put port vm1"))
        let list = texts(agent.step("a user lists the ports", .portList(9, withStatistics: false)))
        let failed = "vm1 failed: its network namespace vm1 was deleted; to plug it again: heddle port add vm1"
        #expect(list.contains(failed))
        let again = texts(agent.step("a user plugs it", .portAdd(10, wanted)))
        #expect(again.contains("open the device of vm1: plug"))
    }

    @Test func `a namespace that others keep alive is left alone, unless the port is plugged into another one`() {
        var agent = adopted(DevicePlace(namespace: 7))
        #expect(!texts(agent.step("a second later", .timer, after: .seconds(1))).contains("look at"))
        let look = texts(agent.step("a user plugs it", .portAdd(9, wanted)))
        #expect(look.contains("look at the devices of vm1") && !look.contains("answer 9"))
        let refused = texts(agent.step("its name is gone", .devicesChecked(["vm1": .namespaceGone])))
        #expect(refused.contains("answer 9: 409 netns_missing") && !refused.contains("remove"))
        agent.step("a user plugs it", .portAdd(10, wanted))
        let replaced = texts(agent.step("it is another's", .devicesChecked(["vm1": .namespaceReplaced])))
        #expect(replaced.contains("remove the device of vm1") && replaced.contains("open the device of vm1: plug"))
        agent.step("a user plugs it", .portAdd(11, wanted))
        let device = Device(isOwned: true, mac: MACAddress(truncating: 2), place: DevicePlace(namespace: 8))
        agent.step("it is made", .deviceOpened(port: "vm1", .success(device)))
        let answer = texts(agent.step("the claim is on disk", .portsSaved(save: 1, failure: nil)))
        #expect(answer.contains("answer 10: vm1") && answer.contains("answer 11: vm1"))
    }

    @Test func `an interface that is gone is made again by whoever plugs it`() {
        var agent = adopted(DevicePlace(namespace: 7))
        agent.step("a user plugs it", .portAdd(9, wanted))
        let made = texts(agent.step("it is gone", .devicesChecked(["vm1": .gone])))
        #expect(made.contains("open the device of vm1: plug") && !made.contains("answer 9"))
    }

    @Test func `after a reboot the device is made as soon as its namespace is there`() {
        var agent = agent(DevicePlace(namespace: 7))
        agent.step("the agent starts", .started)
        let first = texts(
            agent.step("a fresh forwarder", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        )
        #expect(first.contains("open the device of vm1: restore(isOwned: true, mtu: 1442)"))
        let gone = Problem(.conflict, code: "netns_missing", detail: "There is no network namespace vm1.")
        agent.step("there is no namespace", .deviceOpened(port: "vm1", .failure(gone)))
        let list = texts(agent.step("a user lists the ports", .portList(9, withStatistics: false)))
        #expect(list.contains("the port is made again once there is, as after 'ip netns add vm1'"))
        let retry = texts(agent.step("a second later", .timer, after: .seconds(1)))
        #expect(retry.contains("open the device of vm1: restore(isOwned: true, mtu: 1442)"))
    }

    @Test func `a device that is found again while its port leaves is given back`() {
        var agent = adopted(DevicePlace(namespace: 7))
        agent.step("the device is gone", .forwarderSaid(.portFailed(name: "vm1", errno: 77)))
        agent.step("the forwarder has let go", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        let look = texts(agent.step("a second later", .timer, after: .seconds(1)))
        #expect(look.contains("open the device of vm1: reopen"))
        agent.step("a user unplugs it", .portDelete(9, name: "vm1"))
        #expect(texts(agent.step("on disk", .portsSaved(save: 1, failure: nil))).contains("remove the device of vm1"))
        let device = Device(isOwned: true, mac: MACAddress(truncating: 2))
        let late = texts(agent.step("it was there", .deviceOpened(port: "vm1", .success(device))))
        #expect(late.contains("release the device of vm1"))
    }
}
