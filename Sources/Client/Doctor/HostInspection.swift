import Glibc
import HTTPCore
import JSON
import Netdev
import Reactor
import Security
import Wire

/// Looks at a host and its central for `heddle doctor`: what goes wrong becomes a fact, never an error.
public struct HostInspection {
    /// How long a server may take to answer: a person waits.
    static let patience = Duration.seconds(5)
    /// How long other chassis may take to answer pings.
    static let pingPatience = Duration.seconds(1)
    /// The most other chassis that are pinged: more would tell the same.
    static let peerCountMaximum = 64
    /// Geneve's UDP port (RFC 8926 section 3.3).
    static let tunnelPort: UInt16 = 6081

    private let version: String
    private let central: Result<any Caller, ClientError>
    private let isCentralNamed: Bool
    private let agent: any Caller
    private let isAgentNamed: Bool
    private let stateDirectory: String
    private let dataDirectory: String

    /// What to look at.
    /// - Parameters:
    ///   - central: Central, or why it cannot even be asked.
    ///   - isCentralNamed: Whether the user said where central is; else it may be on another host.
    ///   - isAgentNamed: Whether the user said where the agent is; else there may be none on this host.
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
        let agentProcess = process(named: "agent")
        let forwarderProcess = process(named: "forwarder")
        let isElsewhere = agentProcess.map { !isSameFile("/proc/self/ns/net", "/proc/\($0)/ns/net") } ?? false
        let innerMTU = Int(status?["inner_mtu"]?.integerValue ?? 0)
        let probeByteCount = innerMTU + (encapIP.map { if case .v4 = $0 { 58 } else { 78 } } ?? 0)
        let chassis = status?.text("chassis") ?? ""
        return HostFacts(
            version: version,
            isRoot: geteuid() == 0,
            central: centralFacts(status),
            stateDirectory: directory(stateDirectory),
            isAgentNamed: isAgentNamed,
            agent: agentAnswer,
            agentProcess: agentProcess,
            forwarderProcess: forwarderProcess,
            forwarderRunsOtherProgram: agentProcess.flatMap { agent in
                forwarderProcess.flatMap { runOtherPrograms(agent, $0) }
            },
            isElsewhere: isElsewhere,
            underlayMTU: encapIP.flatMap { try? Link.mtu(ofAddress: $0) },
            isTunnelPortTaken: isTaken(Self.tunnelPort, at: encapIP ?? .v4(IPv4Address(0))),
            peers: isElsewhere ? [] : peers(of: chassis, from: encapIP, byteCount: probeByteCount),
            probeByteCount: probeByteCount,
            tunDevice: tunDevice(),
            kernel: try? KernelFeatures.probe(),
            dataDirectory: directory(dataDirectory),
            certificates: ["\(stateDirectory)/membership.pem", "\(dataDirectory)/ca.crt"].compactMap(certificate),
            now: Clock.wallSeconds()
        )
    }

    // MARK: Central

    private func centralFacts(_ status: JSONValue?) -> HostFacts.Central {
        // A host of ports need not be central's; its agent knows central by the other port.
        if !isCentralNamed, let url = status?["central"]?.text("url"), !Self.isOnLoopback(url) {
            return .notAsked("HEDDLE_NB is not set; the agent's central is \(url)")
        }
        do throws(ClientError) {
            let central = try central.get()
            var url = central.server.title
            if case .central(let text) = central.server { url = text }
            let ready = try central.send(Call(.get, "/readyz", timeout: Self.patience))
            let reply = try central.send(Call(.get, "/version", timeout: Self.patience))
            return .answered(
                HostFacts.CentralAnswer(
                    url: url,
                    unreadiness: ready.status == 200 ? nil : Problem(status: ready.status, body: ready.body).sentence,
                    version: reply.body?["version"]?.stringValue,
                    revision: ready.revision ?? reply.revision,
                    secondsAhead: reply.date.map { $0 - Clock.wallSeconds() }
                )
            )
        } catch {
            return .silent(error)
        }
    }

    private static func isOnLoopback(_ url: String) -> Bool {
        let host = url.split(separator: "/").dropFirst().first.map(String.init) ?? ""
        return host.hasPrefix("localhost") || SocketAddress(parsing: host)?.isLoopback ?? false
    }

    /// Whether packets of the tunnels' full size get to the other chassis.
    private func peers(of chassis: String, from source: IPAddress?, byteCount: Int) -> [HostFacts.Peer] {
        guard let source, let list = try? central.get().list("/v1/chassis") else { return [] }
        var others: [(chassis: String, address: IPAddress)] = []
        for host in list where host.text("name") != chassis && host.chassisState == "live" {
            for encap in host["encaps"]?.arrayValue ?? [] {
                guard let address = IPAddress(encap.text("ip")), Self.isSameFamily(address, source) else { continue }
                others.append((host.text("name"), address))
                break
            }
        }
        others = Array(others.prefix(Self.peerCountMaximum))
        let addresses = others.map(\.address)
        guard
            let outcomes = try? PathProbe.run(
                addresses,
                from: source,
                byteCount: byteCount,
                patience: Self.pingPatience
            )
        else { return [] }
        return zip(others, outcomes).map { HostFacts.Peer(chassis: $0.chassis, address: $0.address, outcome: $1) }
    }

    private static func isSameFamily(_ left: IPAddress, _ right: IPAddress) -> Bool {
        switch (left, right) {
        case (.v4, .v4), (.v6, .v6): true
        case (.v4, .v6), (.v6, .v4): false
        }
    }

    // MARK: This host

    private func directory(_ path: String) -> HostFacts.Directory {
        var entry = stat()
        guard stat(path, &entry) == 0 else {
            return HostFacts.Directory(path: path, state: errno == ENOENT ? .missing : .unreadable(errno))
        }
        var system = statvfs()
        guard statvfs(path, &system) == 0 else { return HostFacts.Directory(path: path, state: .unreadable(errno)) }
        let block = UInt64(system.f_frsize)
        return HostFacts.Directory(
            path: path,
            state: .present(
                mode: entry.st_mode & 0o7777,
                freeBytes: UInt64(system.f_bavail) * block,
                totalBytes: UInt64(system.f_blocks) * block
            )
        )
    }

    /// The first certificate of a file; `nil` where there is none that we may read.
    private func certificate(at path: String) -> HostFacts.KeptCertificate? {
        guard let bytes = try? readFile(path, maximum: 1 << 20) else { return nil }
        let validity = (try? Certificate.list(pem: bytes))?.first.map { certificate in
            certificate.notBefore...max(certificate.notBefore, certificate.notAfter)
        }
        return HostFacts.KeptCertificate(path: path, validity: validity)
    }

    /// The running process of a subcommand of ours, by its pid file in the state directory.
    private func process(named name: String) -> Int32? {
        guard let bytes = try? readFile("\(stateDirectory)/\(name).pid", maximum: 64),
            let process = Int32(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)),
            process > 0,
            let words = try? readFile("/proc/\(process)/cmdline", maximum: 1 << 20)
        else { return nil }
        // The number may have been given to another program since.
        return words.split(separator: 0).dropFirst().first.map { $0.elementsEqual(name.utf8) } == true ? process : nil
    }

    /// Whether two processes run different files, or one of them a file that has been replaced.
    private func runOtherPrograms(_ left: Int32, _ right: Int32) -> Bool? {
        guard access("/proc/\(left)/exe", F_OK) == 0, access("/proc/\(right)/exe", F_OK) == 0 else { return nil }
        return !isSameFile("/proc/\(left)/exe", "/proc/\(right)/exe")
    }

    private func isSameFile(_ left: String, _ right: String) -> Bool {
        var (first, second) = (stat(), stat())
        guard stat(left, &first) == 0, stat(right, &second) == 0 else { return true }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    private func isTaken(_ port: UInt16, at address: IPAddress) -> Bool {
        do throws(SystemError) {
            _ = try UDPSocket(boundTo: .ip(address, port: port))
            return false
        } catch {
            return error.errno == EADDRINUSE
        }
    }

    private func tunDevice() -> HostFacts.TunDevice {
        do throws(SystemError) {
            _ = try Descriptor.open("/dev/net/tun", flags: O_RDWR)
            return .usable
        } catch {
            return .unusable(error.errno)
        }
    }
}
