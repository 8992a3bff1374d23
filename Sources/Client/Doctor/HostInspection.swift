import Glibc
import HTTP
import JSON
import Netdev
import Reactor
import Security
import Wire

/// Looks at a host and its central for `heddle doctor`: what goes wrong becomes a fact, never an error.
public struct HostInspection {
    /// The time that a server may take to answer: a person waits.
    static let patience = Duration.seconds(5)
    /// The time that other chassis may take to answer pings.
    static let pingPatience = Duration.seconds(1)
    /// The time that refusals of the tunnel port may take: they come from the hosts that have just answered pings.
    static let portPatience = Duration.milliseconds(200)
    /// The number of times that the forwarder is asked if datagrams have come, a tenth of a second apart.
    static let ownPortTryCount = 30
    /// The most other chassis that are pinged: more would tell the same.
    static let peerCountMaximum = 64
    /// Geneve's UDP port (RFC 8926 section 3.3).
    static let tunnelPort: UInt16 = 6081

    private let version: String
    private let central: Result<any Caller, ClientError>
    private let isCentralNamed: Bool
    private let agent: any Caller
    private let isAgentNamed: Bool
    let stateDirectory: String
    let dataDirectory: String

    /// Creates an inspection.
    /// - Parameters:
    ///   - central: Central, or why it cannot even be asked.
    ///   - isCentralNamed: True if the user said where central is; else it may be on another host.
    ///   - isAgentNamed: True if the user said where the agent is; else there may be none on this host.
    public init(
        version: String,
        central: Result<any Caller, ClientError>,
        isCentralNamed: Bool,
        agent: any Caller,
        isAgentNamed: Bool,
        stateDirectory: String,
        dataDirectory: String
    ) {
        self.version = version
        self.central = central
        self.isCentralNamed = isCentralNamed
        self.agent = agent
        self.isAgentNamed = isAgentNamed
        self.stateDirectory = stateDirectory
        self.dataDirectory = dataDirectory
    }

    /// Looks at everything and judges it; takes a few seconds at most.
    public func report() -> DoctorReport { Diagnosis(facts: facts()).report }

    private func facts() -> HostFacts {
        let agentAnswer: Result<JSONValue, ClientError>
        do throws(ClientError) {
            let reply = try agent.require(Call(.get, "/v1/status", timeout: Self.patience))
            agentAnswer = .success(reply.body ?? .null)
        } catch {
            agentAnswer = .failure(error)
        }
        let status = try? agentAnswer.get()
        let encapIP = status.flatMap { IPAddress($0.text("encap_ip")) }
        let agentProcess = RunningProcess(named: "agent", in: stateDirectory)
        // The second is where those of older versions are.
        let forwarderProcess =
            RunningProcess(named: "forwarder", in: "\(stateDirectory)/forwarder")
            ?? RunningProcess(named: "forwarder", in: stateDirectory)
        let centralProcess = RunningProcess(named: "central", in: dataDirectory)
        let isElsewhere =
            agentProcess.map { !isSameFile("/proc/self/ns/net", "/proc/\($0.number)/ns/net") } ?? false
        let link = encapIP.flatMap { try? Link.find(address: $0) }
        let innerMTU = Int(status?["inner_mtu"]?.integerValue ?? 0)
        let probeByteCount = innerMTU + (encapIP.map { if case .v4 = $0 { 58 } else { 78 } } ?? 0)
        let central = centralFacts(status)
        let others = otherChassis(status, central, from: encapIP)
        return HostFacts(
            version: version,
            isRoot: geteuid() == 0,
            central: central,
            stateDirectory: directory(stateDirectory, ours: Self.stateFiles),
            isAgentNamed: isAgentNamed,
            agent: agentAnswer,
            agentProcess: agentProcess,
            forwarderProcess: forwarderProcess,
            centralProcess: centralProcess,
            ends: HostFacts.Ends(
                central: centralProcess == nil ? EndNote(of: "central", in: dataDirectory) : nil,
                agent: EndNote(of: "agent", in: stateDirectory),
                forwarder: forwarderProcess == nil ? EndNote(of: "forwarder", in: "\(stateDirectory)/forwarder") : nil
            ),
            hasUnits: hasUnits,
            forwarderRunsOtherProgram: agentProcess.flatMap { agent in
                forwarderProcess.flatMap { runOtherPrograms(agent.number, $0.number) }
            },
            isElsewhere: isElsewhere,
            underlayMTU: link?.mtu,
            isUnderlayUp: link?.hasCarrier ?? false,
            isTunnelPortTaken: isTaken(Self.tunnelPort, at: encapIP ?? .v4(IPv4Address(0))),
            ownPort: isElsewhere || forwarderProcess?.isStopped == true ? .unknown : ownPort(encapIP),
            peers: isElsewhere ? [] : probe(others.sameFamily, status, from: encapIP, byteCount: probeByteCount),
            otherFamilies: others.otherFamily,
            peersUnknown: isElsewhere ? nil : others.unknown,
            wires: isElsewhere ? [] : wires(status),
            downPorts: downPorts(status),
            tunDevice: tunDevice(of: agentProcess),
            kernel: try? KernelFeatures.probe(),
            dataDirectory: directory(dataDirectory, ours: Self.dataFiles),
            store: store(of: centralProcess),
            missingKey: missingKey,
            certificates: ["\(stateDirectory)/membership.pem", "\(dataDirectory)/ca.crt"].compactMap(certificate),
            now: Clock.wallSeconds()
        )
    }

    // MARK: Central

    private func centralFacts(_ status: JSONValue?) -> HostFacts.Central {
        // A host of ports need not be central's; its agent knows central by the other port.
        let agentsCentral = status?["central"]?.text("url")
        if !isCentralNamed, let url = agentsCentral, !Self.isOnLoopback(url) {
            return .notAsked("HEDDLE_NB is not set; the agent's central is \(url)")
        }
        do throws(ClientError) {
            let central = try central.get()
            var url = central.server.title
            if case .central(let text) = central.server { url = text }
            let ready = try central.send(Call(.get, "/readyz", timeout: Self.patience))
            let reply = try central.send(Call(.get, "/version", timeout: Self.patience))
            // The southbound port has these two as well.
            _ = try central.send(Call(.get, "/v1/chassis?limit=1", timeout: Self.patience))
            return .answered(
                HostFacts.CentralAnswer(
                    url: url,
                    unreadiness: ready.status == 200 ? nil : Problem(status: ready.status, body: ready.body),
                    version: reply.body?["version"]?.stringValue,
                    revision: ready.revision ?? reply.revision,
                    secondsAhead: reply.date.map { $0 - Clock.wallSeconds() }
                )
            )
        } catch {
            if !isCentralNamed, agentsCentral == nil, access(dataDirectory, F_OK) != 0, case .unreachable = error {
                return .notAsked("HEDDLE_NB is not set, and there is no central on this host")
            }
            return .silent(error)
        }
    }

    private static func isOnLoopback(_ url: String) -> Bool {
        let host = url.split(separator: "/").dropFirst().first.map(String.init) ?? ""
        return host.hasPrefix("localhost") || SocketAddress(parsing: host)?.isLoopback ?? false
    }

    private typealias Others = [(chassis: String, address: IPAddress)]

    /// The other chassis, as central tells them or else as the agent knows them, or why they are not known.
    private func otherChassis(
        _ status: JSONValue?,
        _ answer: HostFacts.Central,
        from source: IPAddress?
    ) -> (sameFamily: Others, otherFamily: Others, unknown: String?) {
        guard let status, let source else { return ([], [], nil) }
        var list = status["peers"]?.arrayValue ?? []
        if case .answered = answer {
            do throws(ClientError) {
                list = try central.get().list("/v1/chassis").filter { $0.chassisState == "live" }
            } catch {
                guard status["peers"] != nil else { return ([], [], error.halves.detail) }
            }
        }
        var (same, other): (Others, Others) = ([], [])
        for host in list where host.text("name") != status.text("chassis") {
            let addresses = (host["encaps"]?.arrayValue ?? []).compactMap { IPAddress($0.text("ip")) }
            if let address = addresses.first(where: { Self.isSameFamily($0, source) }) {
                same.append((host.text("name"), address))
            } else if let address = addresses.first {
                other.append((host.text("name"), address))
            }
        }
        return (Array(same.prefix(Self.peerCountMaximum)), Array(other.prefix(Self.peerCountMaximum)), nil)
    }

    /// True if packets of the size that is said to get to the other chassis do.
    private func probe(
        _ others: Others,
        _ status: JSONValue?,
        from source: IPAddress?,
        byteCount: Int
    ) -> [HostFacts.Peer] {
        guard let source, !others.isEmpty else { return [] }
        let addresses = others.map(\.address)
        let paths = Dictionary(
            (status?["paths"]?.arrayValue ?? []).map { ($0.text("address"), $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let byteCounts = addresses.map { address in
            paths[address.description]?["underlay_mtu"]?.integerValue.map { Int($0) } ?? byteCount
        }
        guard
            let outcomes = try? PathProbe.run(
                addresses,
                from: source,
                byteCounts: byteCounts,
                patience: Self.pingPatience
            )
        else { return [] }
        let refusals = PortProbe.run(addresses, from: source, port: Self.tunnelPort, patience: Self.portPatience)
        return others.indices.map { index in
            HostFacts.Peer(
                chassis: others[index].chassis,
                address: others[index].address,
                outcome: outcomes[index],
                byteCount: byteCounts[index],
                pathState: paths[addresses[index].description]?.text("state") ?? "",
                portRefusal: refusals[index]
            )
        }
    }

    /// True if datagrams of this host itself reach its forwarder: a firewall often asks only for the port.
    private func ownPort(_ address: IPAddress?) -> HostFacts.OwnPort {
        guard let address, let before = controlPacketCount() else { return .unknown }
        let refusal = PortProbe.run([address], from: address, port: Self.tunnelPort, patience: .zero)[0]
        if let refusal { return .refused(refusal) }
        for _ in 0..<Self.ownPortTryCount {
            guard let after = controlPacketCount() else { return .unknown }
            if after > before { return .open }
            usleep(100_000)
        }
        return .silent
    }

    /// The number of control packets that the forwarder has dropped (it drops all); `nil` if it does not tell.
    private func controlPacketCount() -> Int64? {
        let call = Call(.get, "/v1/ports?stats=true", timeout: Self.patience)
        guard let answer = try? agent.require(call).body, answer["underlay"] != nil else { return nil }
        return answer["drops"]?["tunnel_control_packet"]?.integerValue ?? 0
    }

    private func wires(_ status: JSONValue?) -> [HostFacts.Wire] {
        (status?["physical_networks"]?.objectValue?.members ?? []).compactMap { network, device in
            guard let device = device.stringValue else { return nil }
            let link = try? Link.find(named: device)
            let state: HostFacts.Wire.State = link.map { $0.hasCarrier ? .connected : .silent } ?? .missing
            return HostFacts.Wire(network: network, device: device, state: state)
        }
    }

    private func downPorts(_ status: JSONValue?) -> [JSONValue] {
        guard let ports = status?["ports"], ports["plugged"] != ports["up"],
            let answer = try? agent.require(Call(.get, "/v1/ports", timeout: Self.patience)).body
        else { return [] }
        return (answer["ports"]?.arrayValue ?? []).filter { $0.text("state") != "up" }
    }

    private static func isSameFamily(_ left: IPAddress, _ right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4, .v4), (.v6, .v6): true
        case (.v4, .v6), (.v6, .v4): false
        }
    }
}
