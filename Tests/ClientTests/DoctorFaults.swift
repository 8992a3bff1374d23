import HTTP
import HTTPTypes
import JSON
import Wire

@testable import Client
@testable import Netdev

/// A host on which all is well, and what can be wrong with it, for the tests of doctor's judgement.
enum DoctorFaults {
    private static let address = IPAddress("10.0.0.3") ?? .v4(IPv4Address(0))
    private static let peer = IPAddress("10.0.0.4") ?? .v4(IPv4Address(0))

    /// A host on which all is well.
    static let healthy = HostFacts(
        version: "1.0",
        isRoot: true,
        central: .answered(
            HostFacts.CentralAnswer(
                url: "http://10.0.0.2:6641",
                unreadiness: nil,
                version: "1.0",
                revision: 12,
                secondsAhead: 1
            )
        ),
        stateDirectory: directory("/var/lib/heddle/agent"),
        isAgentNamed: false,
        agent: .success(status),
        agentProcess: RunningProcess(number: 100),
        forwarderProcess: RunningProcess(number: 101),
        centralProcess: RunningProcess(number: 102),
        hasUnits: true,
        forwarderRunsOtherProgram: false,
        isElsewhere: false,
        underlayMTU: 1500,
        isUnderlayUp: true,
        isTunnelPortTaken: true,
        ownPort: .open,
        peers: [HostFacts.Peer(chassis: "hv2", address: peer, outcome: .carriesAll, byteCount: 1500)],
        peersUnknown: nil,
        downPorts: [],
        tunDevice: .usable,
        kernel: KernelFeatures(
            takesTCPSuperpackets: true,
            takesUDPSuperpackets: true,
            sendsTrains: true,
            receivesTrains: true
        ),
        dataDirectory: directory("/var/lib/heddle/central"),
        store: .whole,
        certificates: [certificate(0...600)],
        now: 400
    )

    private static func certificate(_ validity: ClosedRange<Int64>?) -> HostFacts.KeptCertificate {
        HostFacts.KeptCertificate(path: "/var/lib/heddle/agent/membership.pem", validity: validity)
    }

    private static let status: JSONValue = [
        "chassis": "hv1", "version": "1.0", "encap_ip": "10.0.0.3", "inner_mtu": 1442,
        "central": [
            "url": "http://10.0.0.2:6642", "connected": true, "failure": .null, "seconds_since_answer": 3,
        ],
        "share": ["epoch": "00000000000000aa", "revision": 12, "records": 4],
        "forwarder": ["running": true, "process_id": 101, "applied": 12],
        "ports": ["plugged": 2, "up": 2],
    ]

    private static func wire(_ state: HostFacts.Wire.State) -> HostFacts.Wire {
        HostFacts.Wire(network: "physnet1", device: "eth1", state: state)
    }

    private static func lost(_ failure: String) -> @Sendable (inout HostFacts) -> Void {
        let change: JSONValue = ["central": ["connected": false, "failure": .string(failure)]]
        return { $0.agent = .success(status.merged(with: change)) }
    }

    private static func directory(
        _ path: String,
        mode: UInt32 = 0o700,
        free: UInt64 = 1 << 30,
        isReadOnly: Bool = false,
        strangers: [String] = []
    ) -> HostFacts.Directory {
        let contents = HostFacts.Directory.Contents(
            mode: mode,
            freeBytes: free,
            totalBytes: 4 << 30,
            isReadOnly: isReadOnly,
            strangers: strangers,
            owner: "heddle-agent"
        )
        return HostFacts.Directory(path: path, state: .present(contents))
    }

    private static func answer(_ change: (inout HostFacts.CentralAnswer) -> Void) -> HostFacts.Central {
        guard case .answered(var answer) = healthy.central else { return healthy.central }
        change(&answer)
        return .answered(answer)
    }

    private static func unready(_ status: Int, _ code: String, _ detail: String) -> HostFacts.Central {
        answer { $0.unreadiness = Problem(.init(code: status), code: code, detail: detail) }
    }

    private static func setUpNothing(_ facts: inout HostFacts) {
        let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
        facts.agent = .failure(.unreachable(server, reason: "No such file or directory", mayHaveActed: false))
        facts.central = .notAsked("HEDDLE_NB is not set, and there is no central on this host")
        (facts.agentProcess, facts.forwarderProcess, facts.centralProcess) = (nil, nil, nil)
        (facts.stateDirectory.state, facts.dataDirectory.state) = (.missing, .missing)
        (facts.store, facts.certificates) = (.unseen, [])
    }

    /// The faults of an otherwise healthy host, each by itself.
    static let faults: [(name: String, change: @Sendable (inout HostFacts) -> Void)] = [
        ("nothing", { _ in }),
        (
            "central is down",
            {
                let server = Server.central(url: "http://10.0.0.2:6641")
                $0.central = .silent(.unreachable(server, reason: "Connection refused", mayHaveActed: false))
            }
        ),
        (
            "central has ended on this host",
            {
                let server = Server.central(url: "http://10.0.0.2:6641")
                $0.central = .silent(.unreachable(server, reason: "Connection refused", mayHaveActed: false))
                $0.centralProcess = nil
            }
        ),
        (
            "central's certificate is not known",
            {
                let server = Server.central(url: "https://10.0.0.2:6641")
                $0.central = .silent(.insecure(server, reason: "self-signed", remedy: "set HEDDLE_CA"))
            }
        ),
        ("central's file is damaged", { $0.store = .damaged }),
        ("another program holds central's file", { $0.store = .locked(by: 9) }),
        ("central takes no token", { $0.peersUnknown = "This needs a token" }),
        ("central speaks something else", { $0.central = .silent(.badAnswer(.central(url: "http://x"), "no HTTP")) }),
        ("central is elsewhere", { $0.central = .notAsked("HEDDLE_NB is not set") }),
        ("central is stopping", { $0.central = unready(503, "unavailable", "Central is stopping") }),
        ("central's disk is full", { $0.central = unready(503, "storage_full", "The disk is full") }),
        (
            "central has no connection left",
            { $0.central = unready(429, "too_many_connections", "Your address has too many connections") }
        ),
        (
            "central has said why it ended",
            {
                let server = Server.central(url: "http://10.0.0.2:6641")
                $0.central = .silent(.unreachable(server, reason: "Connection refused", mayHaveActed: false))
                $0.centralProcess = nil
                $0.ends.central = EndNote(sentence: "10.0.0.2:6641 is not an address of this host", seconds: 300)
            }
        ),
        (
            "nothing was ever set up",
            {
                setUpNothing(&$0)
            }
        ),
        (
            "nothing was ever set up, and there is no systemd",
            {
                setUpNothing(&$0)
                $0.hasUnits = false
            }
        ),
        (
            "the authority's key is missing",
            { $0.missingKey = "/var/lib/heddle/central/ca.key" }
        ),
        (
            "a certificate of the authority expires",
            { $0.certificates = [HostFacts.KeptCertificate(path: "/d/ca.crt", validity: 0...430)] }
        ),
        ("/dev/net/tun is root's", { $0.tunDevice = .closed(to: "heddle-agent") }),
        (
            "another host has addresses of the other family",
            { $0.otherFamilies = [("hv3", IPAddress("fd00::5") ?? address)] }
        ),
        (
            "the agent has said why it ended",
            {
                let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "Connection refused", mayHaveActed: false))
                $0.agentProcess = nil
                $0.ends.agent = EndNote(sentence: "--encap-ip 10.0.0.9 is not an address of this host", seconds: 300)
            }
        ),
        (
            "agent and forwarder have ended without systemd",
            {
                let server = Server.agent(socket: "/s/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "Connection refused", mayHaveActed: false))
                ($0.agentProcess, $0.forwarderProcess) = (nil, nil)
                $0.hasUnits = false
            }
        ),
        (
            "the agent does not answer yet",
            {
                let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "No such file or directory", mayHaveActed: false))
            }
        ),
        (
            "the agent waits to join",
            {
                let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "No such file or directory", mayHaveActed: false))
                $0.ends.agent = EndNote(sentence: "cannot join yet: central: Connection refused", seconds: 300)
            }
        ),
        (
            "all versions differ, without systemd",
            {
                $0.central = answer { $0.version = "0.9" }
                $0.agent = .success(status.merged(with: ["version": "0.8"]))
                $0.forwarderRunsOtherProgram = true
                $0.hasUnits = false
            }
        ),
        ("central is older", { $0.central = answer { $0.version = "0.9" } }),
        ("central's clock is ahead", { $0.central = answer { $0.secondsAhead = 6 } }),
        (
            "central's clock is behind",
            {
                $0.central = answer { $0.secondsAhead = -3600 }
                $0.certificates = [certificate(-10_000...10_000)]
            }
        ),
        (
            "this host's clock is days ahead, so that certificates seem to have expired",
            {
                $0.central = .notAsked("HEDDLE_NB is not set")
                $0.agent = .success(status.merged(with: ["central": ["clock_seconds_ahead": -999_600]]))
                $0.now = 1_000_000
            }
        ),
        ("the agent is another version", { $0.agent = .success(status.merged(with: ["version": "0.8"])) }),
        ("the forwarder is another build", { $0.forwarderRunsOtherProgram = true }),
        (
            "the agent is down",
            {
                let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "No such file or directory", mayHaveActed: false))
                $0.agentProcess = nil
            }
        ),
        (
            "nothing runs and another program has the port",
            {
                let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "Connection refused", mayHaveActed: false))
                ($0.agentProcess, $0.forwarderProcess) = (nil, nil)
            }
        ),
        (
            "the user may not look",
            {
                let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "Permission denied", mayHaveActed: false))
                $0.isRoot = false
                $0.stateDirectory.state = .unreadable(13)
                $0.dataDirectory.state = .unreadable(13)
                $0.tunDevice = .unusable(13)
                $0.kernel = nil
            }
        ),
        (
            "there is no agent on this host",
            {
                let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "No such file or directory", mayHaveActed: false))
                ($0.agentProcess, $0.forwarderProcess) = (nil, nil)
                $0.stateDirectory.state = .missing
                $0.tunDevice = .unusable(2)
            }
        ),
        (
            "the agent has lost central",
            {
                let change: JSONValue = ["central": ["connected": false, "failure": "Connection refused"]]
                $0.agent = .success(status.merged(with: change))
            }
        ),
        ("the agent's clock is behind", lost("no secure connection: certificate is not yet valid")),
        ("central's name is another", lost("no secure connection: hostname mismatch")),
        ("central has another authority", lost("no secure connection: self-signed certificate in certificate chain")),
        (
            "its certificate is another chassis'",
            lost("The certificate is that of the chassis \"hv2\", not of \"hv1\"")
        ),
        ("its certificate was revoked", lost("The certificate of the chassis \"hv1\" was revoked; make a token")),
        ("another host is this chassis", lost("A newer start of the agent of \"hv1\" has spoken")),
        (
            "only the agent knows central's time",
            {
                $0.central = .notAsked("HEDDLE_NB is not set")
                $0.agent = .success(status.merged(with: ["central": ["clock_seconds_ahead": -61_200]]))
                $0.certificates = [certificate(-100_000...100_000)]
            }
        ),
        ("central is quiet", { $0.agent = .success(status.merged(with: ["central": ["seconds_since_answer": 61]])) }),
        ("the forwarder is gone", { $0.forwarderProcess = nil }),
        ("the forwarder is stopped", { $0.forwarderProcess?.isStopped = true }),
        (
            "the agent is stopped",
            {
                let server = Server.agent(socket: "/var/lib/heddle/agent/agent.sock")
                $0.agent = .failure(.unreachable(server, reason: "no answer within 5.0 seconds", mayHaveActed: false))
                $0.agentProcess?.isStopped = true
            }
        ),
        ("a firewall drops tunnels", { $0.ownPort = .silent }),
        ("a firewall refuses tunnels", { $0.ownPort = .refused("Operation not permitted") }),
        ("another host refuses tunnels", { $0.peers[0].portRefusal = "Connection refused" }),
        ("the underlay is unplugged", { $0.isUnderlayUp = false }),
        ("a wire leads to a physical network", { $0.wires = [wire(.connected)] }),
        ("a wire is unplugged", { $0.wires = [wire(.silent)] }),
        ("a wire is missing", { $0.wires = [wire(.missing), wire(.connected)] }),
        ("the state directory takes no writes", { $0.stateDirectory = directory("/s", isReadOnly: true) }),
        ("a file belongs to root", { $0.stateDirectory = directory("/s", strangers: ["share.json", "x"]) }),
        (
            "many ports are down",
            {
                $0.agent = .success(status.merged(with: ["ports": ["plugged": 5, "up": 1]]))
                $0.downPorts = (1...4).map { number in
                    [
                        "name": .string("vm\(number)"), "logical_port": .string("ls1-vm\(number)"),
                        "detail": "its device is gone",
                    ]
                }
            }
        ),
        ("the forwarder is deaf", { $0.agent = .success(status.merged(with: ["forwarder": ["running": false]])) }),
        ("the forwarder is behind", { $0.agent = .success(status.merged(with: ["forwarder": ["applied": 11]])) }),
        ("a port is down", { $0.agent = .success(status.merged(with: ["ports": ["up": 1]])) }),
        (
            "the MTU has changed",
            {
                $0.underlayMTU = 1400
                $0.peers[0].outcome = .carriesSmallOnly
            }
        ),
        ("the MTU is too small", { $0.underlayMTU = 1300 }),
        ("the encap address is gone", { $0.underlayMTU = nil }),
        ("the agent is in another namespace", { $0.isElsewhere = true }),
        ("big packets vanish", { $0.peers[0].outcome = .carriesSmallOnly }),
        (
            "a path carries less",
            { $0.peers.append(.init(chassis: "hv3", address: peer, outcome: .carriesAll, byteCount: 1400)) }
        ),
        ("a host answers no probes", { $0.peers[0].pathState = "assumed" }),
        (
            "a host does not answer",
            {
                $0.peers[0].outcome = .silent; $0.peers[0].pathState = "unanswered"
            }
        ),
        ("there is no route", { $0.peers[0].outcome = .failed("Network is unreachable") }),
        ("there is no TAP device", { $0.tunDevice = .unusable(2) }),
        (
            "the kernel is old",
            {
                $0.kernel = KernelFeatures(
                    takesTCPSuperpackets: true,
                    takesUDPSuperpackets: false,
                    sendsTrains: true,
                    receivesTrains: false
                )
            }
        ),
        (
            "the kernel is rather old",
            { $0.kernel?.takesUDPSuperpackets = false }
        ),
        (
            "the disk is full and a file belongs to root",
            { $0.dataDirectory = directory("/d", free: 1 << 20, strangers: ["central.db"]) }
        ),
        ("the disk is full", { $0.dataDirectory = directory("/var/lib/heddle/central", free: 1 << 20) }),
        ("others may read", { $0.stateDirectory = directory("/var/lib/heddle/agent", mode: 0o755) }),
        ("there are no certificates", { $0.certificates = [] }),
        ("a certificate is damaged", { $0.certificates = [certificate(nil)] }),
        ("a certificate is not valid yet", { $0.certificates = [certificate(402...600)] }),
        ("a certificate has expired", { $0.certificates = [certificate(0...399)] }),
        ("a certificate is not renewed", { $0.certificates = [certificate(0...430)] }),
        ("central's store is elsewhere", { $0.dataDirectory.state = .missing }),
    ]
}
