import HTTP
import HTTPTypes
import JSON
import TestSupport
import Testing
import Wire

@testable import AgentCore

@Suite struct PortRequestTests {
    @Test func whatTheUserLeavesOpenHasTheUsualValue() throws {
        let request = try PortRequest(name: "vm1", body: ["logical_port": "ls1-vm1"])
        let plain = PortSpecification(name: "vm1", logicalPort: "ls1-vm1", interface: "vm1")
        #expect(request == PortRequest(specification: plain, demand: .any))
        let nulls: JSONValue = ["logical_port": "ls1-vm1", "netns": .null, "mac": .null, "mtu": .null]
        #expect(try PortRequest(name: "vm1", body: nulls) == request)
    }

    @Test func everyFieldIsTaken() throws {
        let body: JSONValue = [
            "logical_port": "ls1-vm1", "interface": "eth0", "netns": "/proc/1/ns/net", "mac": "02:AC:10:ff:00:11",
            "addresses": ["172.16.255.11/24", "2001:db8::1/64"], "mtu": 1400, "existing": true,
        ]
        let request = try PortRequest(name: "vm1", body: body)
        let port = request.specification
        #expect(port.interface == "eth0" && port.netns == "/proc/1/ns/net" && port.mtu == 1400)
        #expect(port.mac?.description == "02:ac:10:ff:00:11")
        #expect(port.addresses.map(\.description) == ["172.16.255.11/24", "2001:db8::1/64"])
        #expect(request.demand == .existing)
    }

    @Test func whatCannotBeIsRefusedWithASentenceAndTheField() {
        var transcript = ""
        let bodies: [(String, JSONValue)] = [
            ("vm1", []), ("vm1", [:]), ("vm1", ["logical_port": 3]), ("vm1", ["logical_port": "a b"]),
            ("vm1", ["logical_port": "a", "port": "b"]), ("", ["logical_port": "a"]), ("a/b", ["logical_port": "a"]),
            ("a-name-of-20-bytes-x", ["logical_port": "a"]), ("vm1", ["logical_port": "a", "interface": "a/b"]),
            ("vm1", ["logical_port": "a", "interface": ".."]), ("vm1", ["logical_port": "a", "interface": "x%d"]),
            ("vm1", ["logical_port": "a", "netns": "a/b"]), ("vm1", ["logical_port": "a", "netns": ""]),
            ("vm1", ["logical_port": "a", "mac": "02:00"]), ("vm1", ["logical_port": "a", "mac": "01:00:00:00:00:01"]),
            ("vm1", ["logical_port": "a", "mac": "00:00:00:00:00:00"]),
            ("vm1", ["logical_port": "a", "addresses": "10.0.0.1/24"]),
            ("vm1", ["logical_port": "a", "addresses": ["10.0.0.1/24", "10.0.0.300"]]),
            ("vm1", ["logical_port": "a", "addresses": ["224.0.0.1"]]),
            ("vm1", ["logical_port": "a", "addresses": ["127.0.0.1/8"]]),
            ("vm1", ["logical_port": "a", "addresses": ["::ffff:10.0.0.1"]]),
            ("vm1", ["logical_port": "a", "addresses": ["240.0.0.1"]]), ("..", ["logical_port": "a"]),
            ("vm1", ["logical_port": "."]), ("vm1", ["logical_port": "a", "interface": "a\u{1b}"]),
            ("vm1", ["logical_port": "a", "addresses": .array(Array(repeating: "10.0.0.1", count: 65))]),
            ("vm1", ["logical_port": "a", "mtu": 67]), ("vm1", ["logical_port": "a", "mtu": 70000]),
            ("vm1", ["logical_port": "a", "mtu": "1400"]), ("vm1", ["logical_port": "a", "existing": 1]),
            ("vm1", ["logical_port": "a", "device": "tun"]), ("vm1", ["logical_port": "a", "device": 1]),
            ("vm1", ["logical_port": "a", "device": "existing", "netns": "b"]),
            ("vm1", ["logical_port": "a", "device": "existing", "mac": "02:00:00:00:00:01"]),
            ("vm1", ["logical_port": "a", "device": "existing", "addresses": ["10.0.0.1"]]),
            ("vm1", ["logical_port": "a", "device": "vhost-user", "socket": "/run/heddle/vm1.sock"]),
            ("vm1", ["logical_port": "a", "device": "vhost-user"]),
            ("vm1", ["logical_port": "a", "device": "vhost-user", "socket": "vm1.sock"]),
            ("vm1", ["logical_port": "a", "device": "vhost-user", "socket": "/run/vm 1"]),
            (
                "vm1",
                [
                    "logical_port": "a", "device": "vhost-user",
                    "socket": .string("/" + String(repeating: "a", count: 107)),
                ]
            ),
            ("vm1", ["logical_port": "a", "device": "vhost-user", "socket": "/a", "mtu": 1400]),
            ("vm1", ["logical_port": "a", "device": "vhost-user", "socket": "/a", "interface": "a"]),
            ("vm1", ["logical_port": "a", "socket": "/run/heddle/vm1.sock"]),
        ]
        for (name, body) in bodies {
            transcript += "\(name) \(body.text.prefix(100))\n"
            do throws(Problem) {
                let request = try PortRequest(name: name, body: body)
                transcript += "    taken: \(request)\n"
            } catch {
                let place = error.pointer ?? "-"
                transcript += "    \(error.status.code) \(error.code) \(place): \(error.detail.printable)\n"
            }
        }
        #expect(goldenMismatch(transcript, named: "port-requests") == nil)
    }

    @Test func anOtherDeviceThanATAPIsNamed() throws {
        let pair = try PortRequest(name: "c1", body: ["logical_port": "a", "device": "veth", "netns": "c1"])
        #expect(pair.specification.device == .veth)
        let tap: JSONValue = ["logical_port": "a", "device": "existing", "addresses": [], "mtu": 1400]
        #expect(try PortRequest(name: "vm1", body: tap).specification.device == .existing)
        let rings: JSONValue = ["logical_port": "b", "device": "vhost-user", "socket": "/run/heddle/vm2.sock"]
        let guest = try PortRequest(name: "vm2", body: rings).specification
        #expect(guest.interface == "/run/heddle/vm2.sock")
        let ports = StoredPorts(
            lastClaim: 2,
            ports: [
                StoredPort(specification: pair.specification, isOwned: true, claim: 1),
                StoredPort(specification: guest, isOwned: false, claim: 2),
            ]
        )
        #expect(try StoredPorts(fileBytes: ports.fileBytes) == ports)
    }

    @Test func theFuzzCorpusIsRead() throws {
        for bytes in try corpus("PortRequest") {
            guard let json = try? JSONParser.parse(bytes) else { continue }
            _ = try? PortRequest(name: "vm1", body: json)
        }
    }
}
