import JSON
import TestSupport
import Testing

@testable import Client

@Suite struct ListingTests {
    private let switches: [JSONValue] = [
        ["id": "bbbbbbbb-0000-4000-8000-000000000002", "name": "ls2"],
        ["id": "aaaaaaaa-0000-4000-8000-000000000010", "name": "ls10"],
        ["id": "aaaaaaaa-0000-4000-8000-000000000001", "name": "Ls1"],
    ]

    private let ports: [JSONValue] = [
        [
            "name": "vm2", "switch": "ls2", "type": "", "addresses": ["unknown", "02:00:00:00:00:02 10.0.0.2"],
            "port_security": ["02:00:00:00:00:02 10.0.0.2"], "enabled": false, "requested_chassis": ["hv1", "hv2"],
            "options": ["b": "2", "a": "1"], "status": ["up": true],
        ],
        ["name": "vm1", "switch": "ls2", "type": "", "addresses": [], "status": ["up": false, "chassis": .null]],
        ["name": "rtr", "switch": "ls10", "type": "router", "addresses": ["router"]],
        ["name": "vm3", "switch": "ls10", "addresses": ["02:00:00:00:00:03"]],
        [
            "name": "vm4", "switch": "ls10", "addresses": ["unknown", "dynamic"],
            "status": ["dynamic_addresses": "0a:00:00:00:00:03 10.0.0.2"],
        ],
    ]

    @Test func `show prints what ovn-nbctl show prints, sorted by name`() {
        expect(NbListing.show(switches: switches, ports: ports), golden: "nb-show")
        #expect(NbListing.show(switches: [], ports: []).isEmpty)
    }

    @Test func `ls-list and lsp-list print UUID and name, sorted by name`() {
        expect(NbListing.list(switches), golden: "nb-ls-list")
        #expect(NbListing.list([]).isEmpty)
    }

    @Test func `The get verbs print one column, its values sorted`() {
        let full = ports[0]
        let bare = ports[1]
        #expect(NbListing.column(.addresses, of: full) == "02:00:00:00:00:02 10.0.0.2\nunknown\n")
        #expect(NbListing.column(.portSecurity, of: full) == "02:00:00:00:00:02 10.0.0.2\n")
        #expect(NbListing.column(.up, of: full) == "up\n")
        #expect(NbListing.column(.enabled, of: full) == "disabled\n")
        #expect(NbListing.column(.options, of: full) == "a=1\nb=2\nrequested-chassis=hv1,hv2\n")
        #expect(NbListing.column(.addresses, of: bare).isEmpty)
        #expect(NbListing.column(.up, of: bare) == "down\n")
        #expect(NbListing.column(.enabled, of: bare) == "enabled\n")
        #expect(NbListing.column(.options, of: bare).isEmpty)
    }

    @Test func `sb show prints what ovn-sbctl show prints, sorted by name`() {
        let chassis: [JSONValue] = [
            [
                "name": "hv2", "hostname": "", "encaps": [["type": "geneve", "ip": "fd00::4"]],
                "status": ["live": false],
            ],
            [
                "name": "hv1", "hostname": "host-1", "encaps": [["type": "geneve", "ip": "10.127.0.3"]],
                "status": ["live": true],
            ],
        ]
        let bindings: [JSONValue] = [
            ["logical_port": "vm2", "locations": [["chassis": "hv1", "bind_seq": 1, "state": "active"]]],
            ["logical_port": "vm1", "locations": [["chassis": "hv1", "bind_seq": 2, "state": "active"]]],
            [
                "logical_port": "vm3",
                "locations": [
                    ["chassis": "hv1", "bind_seq": 2, "state": "active"],
                    ["chassis": "hv2", "bind_seq": 3, "state": "standby"],
                ],
            ],
        ]
        expect(SbListing.show(chassis: chassis, portBindings: bindings), golden: "sb-show")
    }

    /// The held share of a host.
    static let held: JSONValue = [
        "epoch": "0000000000000def", "revision": 7, "plugged_ports": 1, "ports": 3,
        "in_force": ["epoch": "0000000000000abc", "revision": 50],
    ]

    private let agentAnswer: JSONValue = [
        "ports": [
            [
                "name": "vm3", "logical_port": "ls1-vm3", "interface": "vm3", "state": "failed",
                "detail": "no netns vm3",
            ],
            [
                "name": "vm2", "logical_port": "ls1-vm2", "device": "veth", "interface": "eth0", "netns": "vm2",
                "state": "pending",
                "detail": "central has not bound it yet", "mtu": 1442,
                "statistics": [
                    "rx_frames": 0, "rx_bytes": 0, "tx_frames": 0, "tx_bytes": 0, "drops": ["disabled": 0],
                ],
            ],
            [
                "name": "vm1", "logical_port": "ls1-vm1", "device": "tap", "interface": "vm1", "netns": .null,
                "state": "up",
                "detail": "", "mtu": 1442,
                "statistics": [
                    "rx_frames": 12, "rx_bytes": 1180, "tx_frames": 9, "tx_bytes": 882, "singly_sent_frames": 3,
                    "drops": ["port_security": 3, "disabled": 0, "destination_unknown": 1],
                ],
            ],
        ],
        "underlay": ["singly_sent_frames": 5],
        "drops": ["unknown_vni": 2, "malformed": 0],
        "pollers": [
            ["name": "from-ports-0", "sources": 2, "rx_frames": 12],
            ["name": "from-underlay-0", "sources": 1, "rx_frames": 9],
        ],
    ]

    @Test func `port list prints a table of the ports, sorted by name`() {
        expect(PortTable.list(agentAnswer), golden: "port-list")
        expect(PortTable.list(["ports": []]), golden: "port-list-empty")
        let held = agentAnswer.merged(with: ["held": Self.held])
        expect(PortTable.list(held), golden: "port-list-held")
    }

    @Test func `port list --stats prints counters and every reason that dropped something`() {
        expect(PortTable.statistics(agentAnswer), golden: "port-list-stats")
    }

    private func expect(_ text: String, golden name: String) {
        let mismatch = goldenMismatch(text, named: name)
        #expect(mismatch == nil, Comment(rawValue: mismatch ?? ""))
    }
}
