import ForwarderProtocol
import Southbound
import Testing
import Wire

@testable import AgentCore

/// An agent tells central of the virtual ports that its ports have claimed, and forgets those that others have.
@Suite struct VirtualPortTests {
    private static let switchID = ObjectID(high: 1, low: 1)
    private static let id = ObjectID(high: 2, low: 9)

    private static func port(_ number: UInt64, _ place: PortBinding.Location?) -> PortBinding {
        PortBinding(
            id: ObjectID(high: 2, low: number),
            logicalPort: "vm\(number)",
            datapath: switchID,
            tunnelKey: UInt16(number),
            locations: place.map { [$0] } ?? []
        )
    }

    private static func virtual(_ place: PortBinding.Location?, parents: [String] = ["vm1", "vm3"]) -> PortBinding {
        var port = port(9, place)
        port.logicalPort = "vip"
        port.virtualIP = IPAddress("10.0.0.10")
        port.virtualParents = parents
        return port
    }

    private static let parent = port(1, PortBinding.Location(chassis: "hv1", bindSeq: 1))

    /// `vm1` and `vm2` are plugged and bound here.
    private static func scenario(_ virtual: PortBinding, plugs: [StoredVirtualPlug] = []) -> Scenario {
        let stored = ["vm1", "vm2"].enumerated().map { index, name in
            StoredPort(
                specification: PortSpecification(name: name, logicalPort: name, interface: name),
                isOwned: true,
                claim: UInt64(index + 1)
            )
        }
        let datapath = DatapathBinding(id: switchID, name: "ls1", tunnelKey: 5, vlanPassthru: false)
        let other = port(2, PortBinding.Location(chassis: "hv1", bindSeq: 1))
        let records: [Record] = [
            .datapathBinding(datapath), .portBinding(parent), .portBinding(other), .portBinding(virtual),
        ]
        let share = Share(epoch: Scenario.epoch, revision: 5, records: records)
        let last = plugs.map(\.claim).max() ?? 2
        var scenario = Scenario(
            share: share,
            ports: StoredPorts(lastClaim: last, ports: stored, virtualPlugs: plugs)
        )
        scenario.step("starts", .started)
        scenario.step("a forwarder", .forwarderConnected(Scenario.greeting(), held: [], wasSpawned: true))
        for name in ["vm1", "vm2"] {
            let device = Device(isOwned: true, mac: nil)
            scenario.step("opened", .deviceOpened(port: name, .success(device)))
        }
        scenario.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: 5)))
        return scenario
    }

    private static func told(_ effects: [Effect]) -> [String]? {
        for case .sendSync(let request) in effects {
            return request.ports.filter { !$0.parent.isEmpty }.map {
                "\($0.logicalPort) \($0.parent) \($0.claim) \($0.isUp)"
            }
        }
        return nil
    }

    private static func saved(_ effects: [Effect]) -> (StoredPorts, UInt64)? {
        for case .savePorts(let ports, let save) in effects { return (ports, save) }
        return nil
    }

    /// A port claims, and the claim reaches the disk; what central is told.
    private static func claim(_ name: String, _ scenario: inout Scenario) -> [String]? {
        let claimed = scenario.step("claims", .forwarderSaid(.virtualClaimed(name: name, virtualPort: id)))
        guard let (_, save) = saved(claimed) else { return nil }
        #expect(told(claimed)?.isEmpty ?? true)
        return told(scenario.step("saved", .portsSaved(save: save, failure: nil)))
    }

    private static func follow(_ virtual: PortBinding, to revision: UInt64, _ scenario: inout Scenario) {
        // The next poll waits for this.
        let before = scenario.core.share.revision
        scenario.step("in force", .forwarderSaid(.acknowledged(epoch: Scenario.epoch, revision: before)))
        let change = FeedChange(revision: revision, change: .put(.portBinding(virtual)))
        let answer = FeedAnswer(
            epoch: Scenario.epoch,
            from: scenario.core.share.revision,
            to: revision,
            mode: .delta,
            changes: [change]
        )
        // A sync since an earlier revision is answered first, so that the next one goes on from here.
        for old in scenario.core.sync.outstanding where old.since != scenario.core.share.revision {
            let empty = FeedAnswer(
                epoch: Scenario.epoch,
                from: old.since,
                to: scenario.core.share.revision,
                mode: .delta,
                changes: []
            )
            scenario.step("nothing new", .syncAnswered(sequence: old.sequence, empty))
        }
        guard let last = scenario.core.sync.outstanding.last?.sequence else {
            Issue.record("no sync is under way")
            return
        }
        scenario.step("central answers", .syncAnswered(sequence: last, answer))
        #expect(scenario.core.share.revision == revision)
    }

    @Test("a parent's claim is told when it is on disk, and once")
    func claimed() throws {
        var scenario = Self.scenario(Self.virtual(nil))
        #expect(Self.claim("vm1", &scenario) == ["vip vm1 3 true"])
        #expect(Self.claim("vm1", &scenario) == nil)
        let here = PortBinding.Location(chassis: "hv1", bindSeq: 1, parent: "vm1")
        Self.follow(Self.virtual(here), to: 6, &scenario)
        #expect(scenario.core.reportedVirtualPorts.map(\.claim) == [3])
        // The next start goes on with the same claim.
        let file = try StoredPorts(
            fileBytes: StoredPorts(
                lastClaim: 3,
                virtualPlugs: [Self.stored]
            ).fileBytes
        )
        #expect(file.virtualPlugs == [Self.stored])
    }

    /// A claim that has overcome the fence 1.
    private static let stored = StoredVirtualPlug(logicalPort: "vip", parent: "vm1", claim: 3, boundSequence: 1)

    @Test("a stored share that is older than the claim ends it not, and one from central does")
    func olderShare() {
        let elsewhere = PortBinding.Location(chassis: "hv2", bindSeq: 1, parent: "vm3")
        var scenario = Self.scenario(Self.virtual(elsewhere), plugs: [Self.stored])
        #expect(scenario.core.reportedVirtualPorts.map(\.claim) == [3])
        // Central has not heard of the claim yet, then it has, then another host comes.
        Self.follow(Self.virtual(elsewhere), to: 6, &scenario)
        #expect(scenario.core.reportedVirtualPorts.map(\.claim) == [3])
        Self.follow(Self.virtual(.init(chassis: "hv1", bindSeq: 2, parent: "vm1")), to: 7, &scenario)
        #expect(scenario.core.reportedVirtualPorts.map(\.claim) == [3])
        Self.follow(Self.virtual(.init(chassis: "hv2", bindSeq: 3, parent: "vm3")), to: 8, &scenario)
        #expect(scenario.core.reportedVirtualPorts.isEmpty)
    }

    @Test("a stored share without the virtual port ends no claim")
    func shareBeforeThePort() {
        var stranger = Self.virtual(nil)
        stranger.logicalPort = "another"
        let scenario = Self.scenario(stranger, plugs: [Self.stored])
        #expect(scenario.core.reportedVirtualPorts.map(\.claim) == [3])
    }

    @Test("another host's later claim ends this one, and the next announcement claims anew")
    func lost() {
        var scenario = Self.scenario(Self.virtual(nil))
        #expect(Self.claim("vm1", &scenario) == ["vip vm1 3 true"])
        Self.follow(Self.virtual(.init(chassis: "hv1", bindSeq: 1, parent: "vm1")), to: 6, &scenario)
        Self.follow(Self.virtual(.init(chassis: "hv2", bindSeq: 2, parent: "vm3")), to: 7, &scenario)
        #expect(scenario.core.reportedVirtualPorts.isEmpty)
        #expect(Self.claim("vm1", &scenario) == ["vip vm1 4 true"])
    }

    @Test("who is no parent, is not bound here, or is gone, has nothing")
    func strangers() {
        var scenario = Self.scenario(Self.virtual(nil))
        #expect(Self.claim("vm2", &scenario) == nil)
        #expect(Self.claim("nobody", &scenario) == nil)
        #expect(Self.claim("vm1", &scenario) != nil)
        Self.follow(Self.virtual(nil, parents: ["vm3"]), to: 6, &scenario)
        #expect(scenario.core.virtualPlugs.isEmpty)
        Self.follow(Self.virtual(nil), to: 7, &scenario)
        #expect(Self.claim("vm1", &scenario) != nil)
        scenario.step("unplugged", .portDelete(1, name: "vm1"))
        #expect(scenario.core.virtualPlugs.isEmpty)
    }
}
