import JSON
import Southbound
import TestSupport
import Testing
import Wire

@Suite struct SyncRequestTests {
    private var sample: SyncRequest {
        let encap = Encap(ip: .v4(IPv4Address(0x0a00_0001)))
        var sync = SyncRequest(chassisID: "c-1", bootID: "b-1", seq: 7, wait: 30, encaps: [encap])
        sync.version = "1.0"
        sync.hostname = "host1"
        sync.epoch = 0xabc
        sync.since = 41
        sync.hash = 0xfed
        sync.applied = 40
        sync.page = FeedPage(to: 44, offset: 500)
        sync.ports = [.init(logicalPort: "p1", interface: "tap1", claim: 3, isUp: true, activated: 5)]
        sync.errors = [.init(logicalPort: "p2", detail: "no interface")]
        return sync
    }

    private func problem(_ change: JSONValue) -> String? {
        do {
            _ = try SyncRequest(json: sample.json.merged(with: change))
            return nil
        } catch {
            return error.pointer
        }
    }

    @Test func `a sync comes back from its JSON`() throws {
        #expect(try SyncRequest(json: sample.json) == sample)
        #expect(
            sample.json.text
                == #"{"chassis_id":"c-1","boot_id":"b-1","seq":7,"version":"1.0","#
                + #""features":["chassis","datapath_binding","port_binding","dhcp_responder","dns_responder","#
                + #""mirror_session","chassis.tunnel_keys","#
                + #""port_binding.dhcpv4_options","port_binding.dhcpv6_options","#
                + #""datapath_binding.dns_records","datapath_binding.router_advertisement","#
                + #""datapath_binding.ra_guard","datapath_binding.dhcp_guard","#
                + #""port_binding.port_security.virtual_macs","port_binding.virtual_parents","#
                + #""port_binding.guards","datapath_binding.router_advertisement.max_interval","#
                + #""port_binding.locations.standby","datapath_binding.filter","#
                + #""datapath_binding.filter.allow_related","datapath_binding.filter.reject","#
                + #""port_binding.mirrors","port_binding.sending_rate","port_binding.parent_port","#
                + #""port_binding.network_name","port_binding.gateway_network","port_binding.trunk","#
                + #""datapath_binding.multicast_snooping","ask","datapath_binding.filter.patch","#
                + #""datapath_binding.filter.qos_rules"],"#
                + #""hostname":"host1","#
                + #""epoch":"0000000000000abc","since":41,"applied":40,"wait":30,"#
                + #""encaps":[{"type":"geneve","ip":"10.0.0.1"}],"#
                + #""ports":[{"logical_port":"p1","interface":"tap1","claim":3,"up":true,"activated":5}],"#
                + #""errors":[{"logical_port":"p2","detail":"no interface"}],"#
                + #""hash":"0000000000000fed","page":"44.500"}"#
        )
    }

    @Test func `what a host holds, where it is and whether it leaves comes back from its JSON`() throws {
        var sync = sample
        sync.held = HeldShare(
            epoch: 0xdef,
            revision: 7,
            pluggedPortCount: 2,
            portCount: 3,
            epochInForce: 0xabc,
            revisionInForce: 50
        )
        sync.machine = "m-1"
        sync.isLeaving = true
        #expect(try SyncRequest(json: sync.json) == sync)
        #expect(
            sync.held?.json.text
                == #"{"epoch":"0000000000000def","revision":7,"plugged_ports":2,"ports":3,"#
                + #""in_force":{"epoch":"0000000000000abc","revision":50}}"#
        )
        #expect(problem(["held": .null]) == nil)
        #expect(problem(["held": ["epoch": "0000000000000def"]]) == "/held")
        #expect(problem(["held": true]) == "/held")
        #expect(problem(["machine": ""]) == "/machine")
        #expect(problem(["leaving": 1]) == "/leaving")
    }

    @Test func `what may be left out has a default, what a newer agent adds is ignored`() throws {
        let json: JSONValue = [
            "chassis_id": "c", "boot_id": "b", "seq": 1, "encaps": [["type": "geneve", "ip": "::1"]], "later": [1],
        ]
        let sync = try SyncRequest(json: json)
        #expect(sync.wait == SyncRequest.waitDefault)
        #expect(sync.since == 0 && sync.applied == 0 && sync.epoch == nil && sync.hash == nil && sync.page == nil)
        #expect(sync.features.isEmpty && sync.ports.isEmpty)
    }

    @Test func `each wrong member is pointed at`() {
        #expect(problem([:]) == nil)
        for name in ["chassis_id", "boot_id", "seq", "encaps"] {
            var object = JSONObject()
            object[name] = .null
            #expect(problem(.object(object)) == "/\(name)")
        }
        #expect(problem(["chassis_id": ""]) == "/chassis_id")
        #expect(problem(["boot_id": .string(String(repeating: "b", count: 65))]) == "/boot_id")
        #expect(problem(["seq": -1]) == "/seq")
        #expect(problem(["since": "1"]) == "/since")
        #expect(problem(["epoch": "xyz"]) == "/epoch")
        #expect(problem(["hash": "xyz"]) == "/hash")
        #expect(problem(["epoch": .null]) == "/hash", "a hash without its epoch")
        #expect(problem(["page": "1"]) == "/page")
        #expect(problem(["encaps": []]) == "/encaps")
        #expect(problem(["encaps": [["type": "vxlan", "ip": "10.0.0.1"]]]) == "/encaps/0")
        for address in ["224.0.0.1", "0.0.0.0", "::", "fe80::1"] {
            #expect(problem(["encaps": [["type": "geneve", "ip": .string(address)]]]) == "/encaps/0/ip")
        }
        #expect(problem(["ports": [["claim": 1]]]) == "/ports/0/logical_port")
        #expect(problem(["ports": [["logical_port": "p"]]]) == "/ports/0/claim")
        #expect(problem(["ports": [["logical_port": "p", "claim": 1, "up": 1]]]) == "/ports/0/up")
        #expect(problem(["features": [1]]) == "/features/0")
        #expect(problem(["hostname": "h\n    Port_Binding \"fake\""]) == "/hostname")
        #expect(problem(["version": "1\u{1b}[31m"]) == "/version")
        #expect(problem(["chassis_id": "c\u{9b}"]) == "/chassis_id")
        #expect(problem(["features": ["chassis\u{7f}"]]) == "/features/0")
        #expect(problem(["ports": [["logical_port": "p\u{07}", "claim": 1]]]) == "/ports/0/logical_port")
        let interface: JSONValue = ["logical_port": "p", "claim": 1, "interface": "tap\r1"]
        #expect(problem(["ports": [interface]]) == "/ports/0/interface")
        #expect(problem(["errors": [["detail": "what the kernel said:\n…"]]]) == nil)
        #expect(problem(["errors": "x"]) == "/errors")
        #expect(throws: SyncRequestError.self) { try SyncRequest(json: []) }
    }

    @Test func `waits are cut and lists are bounded`() throws {
        let long = try SyncRequest(json: sample.json.merged(with: ["wait": 1_000_000]))
        #expect(long.wait == SyncRequest.waitMaximum)
        let encap: JSONValue = ["type": "geneve", "ip": "10.0.0.1"]
        let port: JSONValue = ["logical_port": "p", "claim": 1]
        for (name, element, maximum) in [
            ("encaps", encap, SyncRequest.encapCountMaximum), ("ports", port, SyncRequest.portCountMaximum),
            ("features", "f", SyncRequest.featureCountMaximum), ("errors", [:], SyncRequest.errorCountMaximum),
        ] as [(String, JSONValue, Int)] {
            var object = JSONObject()
            object[name] = .array(Array(repeating: element, count: maximum))
            #expect(problem(.object(object)) == nil)
            object[name] = .array(Array(repeating: element, count: maximum + 1))
            #expect(problem(.object(object)) == "/\(name)")
        }
        let text = String(repeating: "t", count: SyncRequest.textByteCountMaximum)
        #expect(problem(["version": .string(text)]) == nil)
        #expect(problem(["version": .string(text + "t")]) == "/version")
    }

    @Test func `a cut or damaged body never traps`() {
        let bytes = sample.json.bytes
        var generator = SeededGenerator(seed: 5)
        for end in 0..<bytes.count { #expect(parseSync(Array(bytes[..<end])) == nil) }
        for _ in 0..<3000 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            if let sync = parseSync(damaged) { #expect(parseSync(sync.json.bytes) == sync) }
        }
    }

    @Test func `the corpus of the fuzzer is replayed`() throws {
        for bytes in try corpus("SyncRequest") { _ = parseSync(bytes) }
    }

    private func parseSync(_ bytes: [UInt8]) -> SyncRequest? {
        guard let json = try? JSONParser.parse(bytes) else { return nil }
        return try? SyncRequest(json: json)
    }
}
