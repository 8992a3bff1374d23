import ForwarderProtocol
import HTTP
import HTTPTypes
import JSON
import Southbound
import Testing
import Wire

@testable import AgentCore

/// Wires to physical networks: ports that the share asks for, and no user.
@Suite struct WireTests {
    private static func localnet(_ network: String?, tag: UInt16? = nil) -> Record {
        var port = PortBinding(
            id: ObjectID(high: 2, low: 9),
            logicalPort: "ln",
            datapath: ObjectID(high: 1, low: 1),
            tunnelKey: 9,
            hasUnknown: true
        )
        (port.physicalNetwork, port.tag) = (network, tag)
        return .portBinding(port)
    }

    private func agent(_ share: [Record]) -> Scenario {
        var configuration = Scenario.configuration
        configuration.physicalNetworks = ["net1": "eth1", "net2": "eth2"]
        var agent = Scenario(configuration: configuration)
        agent.reachSteadyState(Scenario.snapshot(to: 4, share))
        return agent
    }

    private func opened(_ effects: [Effect]) -> [String] {
        effects.compactMap { effect in
            guard case .openDevice(let port, _) = effect else { return nil }
            return "\(port.name) \(port.device) \(port.interface) \(port.tag ?? 0)"
        }
    }

    /// The ports that the forwarder is told of, with their tags, and those that it is told to let go.
    private func told(_ effects: [Effect]) -> [String] {
        effects.flatMap { effect in
            guard case .forward(let orders) = effect else { return [String]() }
            return orders.compactMap { order in
                switch order.message {
                case .putPort(let port): "\(port.name) tag \(port.tag)"
                case .deletePort(let name): "no \(name)"
                default: nil
                }
            }
        }
    }

    private func change(_ agent: inout Scenario, _ revision: UInt64, _ change: RecordChange) -> [Effect] {
        let answer = Scenario.delta(from: revision - 1, to: revision, [change])
        let effects = agent.step("", .syncAnswered(sequence: agent.core.sync.sequence, answer))
        agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: revision)))
        return effects
    }

    private let device = Result<Device, Problem>.success(Device(isOwned: false, mac: nil))

    @Test func `A wire comes with its localnet port, is another with another tag or network, and goes with it`() {
        var agent = agent([Sample.hv1, Sample.ls1])
        #expect(agent.core.sync.reported?.ports == [])
        let first = change(&agent, 5, .put(Self.localnet("net1", tag: 7)))
        #expect(opened(first) == ["ln/eth1.7 physical eth1 7"])
        #expect(told(agent.step("", .deviceOpened(port: "ln/eth1.7", device))) == ["ln/eth1.7 tag 7"])
        agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 5)))
        #expect(agent.core.report(of: agent.core.ports["ln/eth1.7"]!).state == .up)
        let second = change(&agent, 6, .put(Self.localnet("net1")))
        #expect(opened(second) == ["ln/eth1 physical eth1 0"])
        #expect(told(second) == ["no ln/eth1.7"] && agent.core.ports["ln/eth1.7"] == nil)
        #expect(told(agent.step("", .deviceOpened(port: "ln/eth1", device))) == ["ln/eth1 tag 0"])
        agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        #expect(opened(change(&agent, 7, .put(Self.localnet("net2")))) == ["ln/eth2 physical eth2 0"])
        #expect(opened(change(&agent, 8, .put(Self.localnet("elsewhere")))).isEmpty)
        #expect(agent.core.ports.isEmpty)
        // Neither central nor the disk hears of wires.
        #expect(agent.core.sync.reported?.ports == [] && agent.core.files.portsSave == 0)
    }

    @Test func `A device that is not there is waited for, and one that goes is missed`() {
        var agent = agent([Sample.hv1, Sample.ls1, Self.localnet("net1")])
        let absent = Problem(.conflict, code: "device_missing", detail: "There is no interface eth1.")
        agent.step("", .deviceOpened(port: "ln/eth1", .failure(absent)))
        #expect(agent.core.ports["ln/eth1"]?.device == .awaited)
        agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 4)))
        agent.step("", .underlayChanged, after: .seconds(1))
        #expect(opened(agent.step("", .devicesChecked(["ln/eth1": .present]))) == ["ln/eth1 physical eth1 0"])
        agent.step("", .deviceOpened(port: "ln/eth1", device))
        agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 4)))
        #expect(told(agent.step("", .devicesChecked(["ln/eth1": .gone]))) == ["no ln/eth1"])
        #expect(agent.core.ports["ln/eth1"]?.device == .awaited)
    }

    @Test func `An l2gateway port has a wire on its host alone, of which central is told, and guests are not`() {
        var agent = agent([Sample.hv1, Sample.ls1])
        guard case .portBinding(var port) = Self.localnet(nil, tag: 7) else { return }
        port.gatewayNetwork = "net1"
        port.locations = [PortBinding.Location(chassis: "hv2", bindSeq: 1)]
        #expect(opened(change(&agent, 5, .put(.portBinding(port)))).isEmpty)
        port.locations = [PortBinding.Location(chassis: "hv1", bindSeq: 2)]
        #expect(opened(change(&agent, 6, .put(.portBinding(port)))) == ["ln/eth1.7 physical eth1 7"])
        agent.step("", .deviceOpened(port: "ln/eth1.7", device))
        agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6)))
        #expect(agent.core.reportedPorts.map(\.logicalPort) == ["ln"] && agent.core.reportedPorts.map(\.isUp) == [true])
        #expect(agent.core.announcements.guests.isEmpty && agent.core.files.portsSave == 0)
        agent.step("", .devicesChecked(["ln/eth1.7": .gone]))
        #expect(agent.core.reportedPorts.map(\.isUp) == [false])
        port.locations = []
        _ = change(&agent, 7, .put(.portBinding(port)))
        #expect(agent.core.ports.isEmpty && agent.core.reportedPorts.isEmpty)
    }

    @Test func `No user unplugs a wire, or plugs a device as one`() throws {
        var agent = agent([Sample.hv1, Sample.ls1, Self.localnet("net1")])
        agent.step("", .deviceOpened(port: "ln/eth1", device))
        let effects = agent.step("", .portDelete(3, name: "ln/eth1"))
        let codes = effects.compactMap { effect in
            if case .answer(3, .refused(let problem)) = effect { problem.code } else { nil }
        }
        #expect(codes == ["port_is_physical"])
        #expect(throws: Problem.self) {
            try PortRequest(name: "a", body: ["logical_port": "ln", "device": "physical"])
        }
    }

    @Test func `A guest is announced when it comes and when the wire does, five times`() throws {
        var agent = agent([Sample.hv1, Sample.ls1, Self.localnet("net1", tag: 7)])
        agent.step("", .deviceOpened(port: "ln/eth1.7", device))
        agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 4)))
        var sent: [(time: Duration, Announcement)] = []
        func note(_ effects: [Effect]) {
            for case .announce(let frames) in effects { sent += frames.map { (agent.now, $0) } }
        }
        func wait() {
            while let due = agent.core.announcements.turnAt {
                note(agent.step("", .timer, after: max(.zero, due - agent.now)))
            }
        }
        var effects = agent.step("", .portAdd(1, PortRequest(specification: Scenario.specification("tap1", "vm1"))))
        effects += agent.step("", .deviceOpened(port: "tap1", .success(Device(isOwned: true, mac: nil))))
        effects += agent.step("", .portsSaved(save: 1, failure: nil))
        effects += agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 4)))
        note(effects)
        #expect(sent.isEmpty)
        var port = try #require(agent.core.share.binding(of: "ln"))
        (port.id, port.logicalPort, port.tunnelKey) = (ObjectID(high: 2, low: 1), "vm1", 1)
        (port.physicalNetwork, port.tag, port.hasUnknown) = (nil, nil, false)
        let mac = MACAddress(truncating: 0x02ac_10ff_0011)
        port.addresses = [PortAddress(mac: mac, ips: [.v4(IPv4Address(0xac10_ff0b))])]
        port.locations = [PortBinding.Location(chassis: "hv1", bindSeq: 3)]
        let answer = Scenario.delta(from: 4, to: 5, [.put(.portBinding(port))])
        agent.step("", .syncAnswered(sequence: agent.core.sync.sequence, answer))
        note(agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 5))))
        let start = agent.now
        wait()
        #expect(sent.map { Int(($0.time - start) / .seconds(1)) } == [0, 1, 3, 7, 15])
        let frame = try #require(sent.first?.1)
        #expect(frame.wire == "ln/eth1.7" && frame.tag == 7 && frame.frame.count == 60)
        let request: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] + mac.octets + [8, 6, 0, 1, 8, 0, 6, 4, 0, 1]
        let ip: [UInt8] = [172, 16, 255, 11]
        #expect(Array(frame.frame[..<42]) == request + mac.octets + ip + [0, 0, 0, 0, 0, 0] + ip)
        // The wire was away.
        sent = []
        agent.step("", .devicesChecked(["ln/eth1.7": .gone]))
        agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 5)))
        agent.step("", .deviceOpened(port: "ln/eth1.7", device))
        note(agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 5))))
        #expect(sent.count == 1)
        // One without IPv4 addresses is announced by its MAC addresses.
        sent = []
        port.locations[0].bindSeq = 4
        port.addresses = (0..<200).map { PortAddress(mac: MACAddress(truncating: 0x0200_0000_0000 + UInt64($0))) }
        let moved = Scenario.delta(from: 5, to: 6, [.put(.portBinding(port))])
        note(agent.step("", .syncAnswered(sequence: agent.core.sync.sequence, moved)))
        note(agent.step("", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 6))))
        wait()
        #expect(sent.count == 5 * 200 && sent.allSatisfy { $0.1.frame[12..<14] == [0x80, 0x35] })
    }
}
