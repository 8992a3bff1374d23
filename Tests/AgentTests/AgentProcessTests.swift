import Foundation
import HTTPTypes
import JSON
import Netdev
import Southbound
import Testing
import Wire

/// The real agent and the real forwarder with real devices.
@Suite(.enabled(if: TestHost.isPossible), .serialized)
struct AgentProcessTests {
    private let host: TestHost

    init() throws {
        host = try TestHost()
    }

    private func plug(_ name: String, netns: String, mac: String = "02:ac:10:ff:00:11") throws -> JSONValue {
        let body: JSONValue = [
            "logical_port": .string("ls1-\(name)"), "netns": .string(netns), "mac": .string(mac),
            "addresses": ["172.16.255.11/24", "2001:db8::11/64"],
        ]
        let (status, json) = try host.call(.put, "/v1/ports/\(name)", body)
        #expect(status == 200, "\(json.text)")
        return json
    }

    @Test func aPortIsADeviceWithAllThatWasAskedForUntilItIsUnplugged() throws {
        try host.startAgent()
        let guest = try host.addGuest()
        #expect(try plug("vm1", netns: guest)["state"] == "pending")
        let link = try #require(try host.link("vm1", in: guest))
        #expect(link.mtu == 1442 && link.mac?.description == "02:ac:10:ff:00:11" && link.isUp)
        #expect(link.alias == "heddle:ls1-vm1")
        #expect(try host.waitForPort("vm1", toBe: "up") == "up")
        #expect(try plug("vm1", netns: guest)["state"] == "up")
        #expect(try host.link("vm1", in: guest)?.index == link.index, "plugging again changes nothing")
        #expect(try host.call(.delete, "/v1/ports/vm1").status == 204)
        #expect(try host.link("vm1", in: guest) == nil)
        #expect(try host.call(.delete, "/v1/ports/vm1").status == 404)
    }

    @Test func aDeviceThatWasThereIsGivenBack() throws {
        try host.startAgent()
        try run("ip", "-n", host.namespace, "tuntap", "add", "mode", "tap", "name", "tap7")
        let body: JSONValue = ["logical_port": "ls1-vm7", "interface": "tap7"]
        let (status, json) = try host.call(.put, "/v1/ports/vm7", body)
        #expect(status == 200 && json["owned"] == false)
        #expect(try host.waitForPort("vm7", toBe: "up") == "up")
        #expect(try host.call(.delete, "/v1/ports/vm7").status == 204)
        #expect(try host.link("tap7", in: host.namespace) != nil)
        // Nobody holds it any more: it can be opened, which a held one cannot.
        #expect(try host.call(.put, "/v1/ports/again", body).status == 200)
    }

    @Test func whatCannotBePluggedIsRefusedInOneSentenceAndLeavesNothing() throws {
        try host.startAgent()
        let guest = try host.addGuest()
        _ = try plug("vm1", netns: guest)
        let before = try host.call(.get, "/v1/ports").json["ports"]?.arrayValue?.count
        let refused: [(String, JSONValue, Int, String)] = [
            ("b", ["logical_port": "b", "netns": "hd-nowhere"], 409, "netns_missing"),
            ("b", ["logical_port": "b", "netns": "/etc/passwd"], 409, "netns_invalid"),
            ("b", ["logical_port": "b", "interface": "ul"], 409, "device_is_no_tap"),
            ("b", ["logical_port": "b", "interface": "none", "existing": true], 409, "device_missing"),
            ("b", ["logical_port": "b", "interface": "lo", "existing": false], 409, "device_exists"),
            ("b", ["logical_port": "b", "mtu": 1443], 422, "mtu_too_large"),
            ("b", ["logical_port": "ls1-vm1"], 409, "logical_port_plugged"),
            ("b", ["logical_port": "b", "interface": "vm1", "netns": .string(guest)], 409, "interface_plugged"),
            ("vm1", ["logical_port": "ls1-vm1"], 409, "port_exists"),
        ]
        for (name, body, status, code) in refused {
            let answer = try host.call(.put, "/v1/ports/\(name)", body)
            #expect(answer.status == status && answer.json["code"]?.stringValue == code, "\(answer.json.text)")
        }
        #expect(try host.call(.get, "/v1/ports").json["ports"]?.arrayValue?.count == before)
        #expect(try host.link("b", in: host.namespace) == nil)
    }

    @Test func aNewAgentAdoptsTheForwarderAndTellsCentralTheSame() throws {
        try host.startAgent()
        _ = try plug("vm1", netns: try host.addGuest())
        #expect(try host.waitForPort("vm1", toBe: "up") == "up")
        let forwarder = host.forwarderProcess
        let told = try #require(host.waitForSync { $0.ports.first?.isUp == true }?.ports)
        host.killAgent()
        let count = host.central.syncs.count
        try host.startAgent()
        #expect(host.forwarderProcess == forwarder)
        #expect(host.central.syncs[count].ports == told, "up from the first word on, under the same claim")
        #expect(try host.port("vm1")?["state"] == "up")
    }

    @Test func aForwarderThatIsKilledIsReplacedAndTheDeviceStays() throws {
        try host.startAgent()
        let guest = try host.addGuest()
        _ = try plug("vm1", netns: guest)
        #expect(try host.waitForPort("vm1", toBe: "up") == "up")
        let index = try host.link("vm1", in: guest)?.index
        let first = try #require(host.forwarderProcess)
        while host.central.syncs.last?.ports.first?.isUp != true { usleep(1000) }
        let before = host.central.syncs.count
        kill(first, SIGKILL)
        while host.forwarderProcess ?? first == first { usleep(1000) }
        #expect(try host.waitForPort("vm1", toBe: "up") == "up")
        #expect(try host.link("vm1", in: guest)?.index == index)
        #expect(try host.link("vm1", in: guest)?.hasCarrier == true)
        while host.central.syncs.count == before { usleep(1000) }
        #expect(host.central.syncs.dropFirst(before).allSatisfy { $0.ports.allSatisfy(\.isUp) }, "central saw no gap")
    }

    @Test func whenBothAreKilledTheDeviceIsOpenedAgainByItsName() throws {
        try host.startAgent()
        let guest = try host.addGuest()
        let claim = try plug("vm1", netns: guest)["claim"]
        let index = try host.link("vm1", in: guest)?.index
        host.killAgent()
        kill(try #require(host.forwarderProcess), SIGKILL)
        while host.forwarderProcess != nil { usleep(1000) }
        try host.startAgent()
        #expect(try host.waitForPort("vm1", toBe: "up") == "up")
        #expect(try host.link("vm1", in: guest)?.index == index)
        #expect(try host.port("vm1")?["claim"] == claim)
        #expect(try host.call(.delete, "/v1/ports/vm1").status == 204)
        #expect(try host.link("vm1", in: guest) == nil)
    }

    @Test func aDeviceThatSomebodyDeletesIsAFailedPortUntilItIsPluggedAgain() throws {
        try host.startAgent()
        let guest = try host.addGuest()
        _ = try plug("vm1", netns: guest)
        #expect(try host.waitForPort("vm1", toBe: "up") == "up")
        try run("ip", "-n", guest, "link", "del", "vm1")
        #expect(try host.waitForPort("vm1", toBe: "failed") == "failed")
        _ = try plug("vm1", netns: guest)
        #expect(try host.waitForPort("vm1", toBe: "up") == "up")
        #expect(try host.link("vm1", in: guest) != nil)
    }

    @Test func aGuestMayRenameItsDeviceAndUnpluggingStillFindsIt() throws {
        try host.startAgent()
        let guest = try host.addGuest()
        _ = try plug("vm1", netns: guest)
        try run("ip", "-n", guest, "link", "set", "vm1", "down")
        try run("ip", "-n", guest, "link", "set", "vm1", "name", "eth0", "address", "02:00:00:00:00:99")
        host.killAgent()
        try host.startAgent()
        #expect(try host.link("eth0", in: guest)?.isUp == false, "what the guest has set is not set back")
        #expect(try host.call(.delete, "/v1/ports/vm1").status == 204)
        #expect(try host.link("eth0", in: guest) == nil)
    }

    @Test func aSecondAgentOnTheSameStateSaysWhoHoldsIt() throws {
        try host.startAgent()
        let first = try #require(host.agent)
        let said = try #require(try host.startAgent(), "the second one must not get ready")
        #expect(said.contains("process \(first.processIdentifier) is the agent of \(host.stateDirectory)"))
        #expect(host.agent?.terminationStatus == 1)
        first.terminate()
        first.waitUntilExit()
        #expect(first.terminationStatus == 0)
    }

    @Test func aChassisThatIsTakenEndsTheAgentAndTheForwarderThatItStarted() throws {
        host.central.refuse(status: 409, code: "chassis_conflict", detail: "hv1 belongs to another live host (host9).")
        let said = try #require(try host.startAgent())
        #expect(said.contains("central refuses this host as chassis hv1"))
        #expect(said.contains("hv1 belongs to another live host (host9)"))
        #expect(host.agent?.terminationStatus == 1)
        #expect(host.forwarderProcess == nil)
    }

    @Test func stoppingAllEndsTheForwarderToo() throws {
        try host.startAgent()
        let forwarder = try #require(host.forwarderProcess)
        #expect(try host.call(.post, "/v1/stop?all=true").status == 204)
        host.agent?.waitUntilExit()
        #expect(host.agent?.terminationStatus == 0)
        #expect(kill(forwarder, 0) != 0)
    }

    @Test func theStateIsTheOwnersAlone() throws {
        try host.startAgent()
        let manager = FileManager.default
        #expect(try manager.attributesOfItem(atPath: host.stateDirectory)[.posixPermissions] as? Int == 0o700)
        for file in ["agent.sock", "chassis_id"] {
            let path = "\(host.stateDirectory)/\(file)"
            #expect(try manager.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        }
    }
}
