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
    /// How long refusals of the tunnel port may take: they come from the hosts that have just answered pings.
    static let portPatience = Duration.milliseconds(200)
    /// How often the forwarder is asked whether datagrams have come, each a tenth of a second after the other.
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
        let agentProcess = process(named: "agent", in: stateDirectory)
        let forwarderProcess = process(named: "forwarder", in: stateDirectory)
        let centralProcess = process(named: "central", in: dataDirectory)
        let isElsewhere =
            agentProcess.map { !isSameFile("/proc/self/ns/net", "/proc/\($0.number)/ns/net") } ?? false
        let link = encapIP.flatMap { try? Link.find(address: $0) }
        let innerMTU = Int(status?["inner_mtu"]?.integerValue ?? 0)
        let probeByteCount = innerMTU + (encapIP.map { if case .v4 = $0 { 58 } else { 78 } } ?? 0)
        let central = centralFacts(status)
        let (peers, peersUnknown) =
            isElsewhere ? ([], nil) : self.peers(status, central, from: encapIP, byteCount: probeByteCount)
        return HostFacts(
            version: version,
            isRoot: geteuid() == 0,
            central: central,
            stateDirectory: directory(stateDirectory),
            isAgentNamed: isAgentNamed,
            agent: agentAnswer,
            agentProcess: agentProcess,
            forwarderProcess: forwarderProcess,
            centralProcess: centralProcess,
            forwarderRunsOtherProgram: agentProcess.flatMap { agent in
                forwarderProcess.flatMap { runOtherPrograms(agent.number, $0.number) }
            },
            isElsewhere: isElsewhere,
            underlayMTU: link?.mtu,
            isUnderlayUp: link?.hasCarrier ?? false,
            isTunnelPortTaken: isTaken(Self.tunnelPort, at: encapIP ?? .v4(IPv4Address(0))),
            ownPort: isElsewhere || forwarderProcess?.isStopped == true ? .unknown : ownPort(encapIP),
            peers: peers,
            peersUnknown: peersUnknown,
            downPorts: downPorts(status),
            probeByteCount: probeByteCount,
            tunDevice: tunDevice(),
            kernel: try? KernelFeatures.probe(),
            dataDirectory: directory(dataDirectory),
            store: store(of: centralProcess),
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
            // The southbound port has these two as well.
            _ = try central.send(Call(.get, "/v1/chassis?limit=1", timeout: Self.patience))
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

    /// Whether packets of the tunnels' full size get to the other chassis, or why it is not known which there are.
    private func peers(
        _ status: JSONValue?,
        _ answer: HostFacts.Central,
        from source: IPAddress?,
        byteCount: Int
    ) -> ([HostFacts.Peer], String?) {
        guard let source, case .answered = answer else { return ([], nil) }
        let chassis = status?.text("chassis") ?? ""
        let list: [JSONValue]
        do throws(ClientError) {
            list = try central.get().list("/v1/chassis")
        } catch {
            return ([], error.halves.detail)
        }
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
        else { return ([], nil) }
        let refusals = PortProbe.run(addresses, from: source, port: Self.tunnelPort, patience: Self.portPatience)
        return (
            others.indices.map { index in
                HostFacts.Peer(
                    chassis: others[index].chassis,
                    address: others[index].address,
                    outcome: outcomes[index],
                    portRefusal: refusals[index]
                )
            }, nil
        )
    }

    /// Whether datagrams of this host itself reach its forwarder: a firewall often asks only for the port.
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

    /// How many control packets the forwarder has dropped, as it does with all; `nil` where it does not say.
    private func controlPacketCount() -> Int64? {
        let call = Call(.get, "/v1/ports?stats=true", timeout: Self.patience)
        guard let answer = try? agent.require(call).body, answer["underlay"] != nil else { return nil }
        return answer["drops"]?["tunnel_control_packet"]?.integerValue ?? 0
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

    // MARK: This host

    private func directory(_ path: String) -> HostFacts.Directory {
        var entry = stat()
        guard stat(path, &entry) == 0 else {
            return HostFacts.Directory(path: path, state: errno == ENOENT ? .missing : .unreadable(errno))
        }
        guard access(path, R_OK | X_OK) == 0 else { return HostFacts.Directory(path: path, state: .unreadable(errno)) }
        var system = statvfs()
        guard statvfs(path, &system) == 0 else { return HostFacts.Directory(path: path, state: .unreadable(errno)) }
        let block = UInt64(system.f_frsize)
        return HostFacts.Directory(
            path: path,
            state: .present(
                HostFacts.Directory.Contents(
                    mode: entry.st_mode & 0o7777,
                    freeBytes: UInt64(system.f_bavail) * block,
                    totalBytes: UInt64(system.f_blocks) * block,
                    isReadOnly: system.f_flag & UInt(ST_RDONLY) != 0,
                    strangers: strangers(in: path, owner: entry.st_uid),
                    owner: userName(entry.st_uid)
                )
            )
        )
    }

    /// What is in a directory and belongs to somebody else than the directory, who could not write it.
    private func strangers(in path: String, owner: uid_t) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            var status = stat()
            guard name != "..", lstat("\(path)/\(name)", &status) == 0, status.st_uid != owner else { continue }
            names.append(name)
        }
        return names.sorted { $0.utf8Precedes($1) }
    }

    private func userName(_ number: uid_t) -> String {
        getpwuid(number).map { String(cString: $0.pointee.pw_name) } ?? "\(number)"
    }

    private func store(of central: HostFacts.RunningProcess?) -> HostFacts.Store {
        let path = dataDirectory + "/central.db"
        guard let descriptor = try? Descriptor.open(path, flags: O_RDONLY) else { return .unseen }
        var head = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor.raw, &head, head.count, 0)
        // An empty file is a database that nothing has been written to (the file format of SQLite, section 1.3).
        guard count == 0 || head.elementsEqual("SQLite format 3\0".utf8) else { return .damaged }
        guard central == nil, let holder = lockHolder(of: descriptor) else { return .whole }
        return .locked(by: holder)
    }

    /// The process that has a lock on a file (proc(5), /proc/locks).
    private func lockHolder(of descriptor: Descriptor) -> Int32? {
        var entry = stat()
        guard fstat(descriptor.raw, &entry) == 0, let bytes = try? readFile("/proc/locks", maximum: 1 << 20) else {
            return nil
        }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 6, words[5].hasSuffix(":\(entry.st_ino)") else { continue }
            if let process = Int32(words[4]), process > 0 { return process }
        }
        return nil
    }

    /// The first certificate of a file; `nil` where there is none that we may read.
    private func certificate(at path: String) -> HostFacts.KeptCertificate? {
        guard let bytes = try? readFile(path, maximum: 1 << 20) else { return nil }
        let validity = (try? Certificate.list(pem: bytes))?.first.map { certificate in
            certificate.notBefore...max(certificate.notBefore, certificate.notAfter)
        }
        return HostFacts.KeptCertificate(path: path, validity: validity)
    }

    /// The running process of a subcommand of ours, by its pid file in its directory.
    private func process(named name: String, in directory: String) -> HostFacts.RunningProcess? {
        guard let bytes = try? readFile("\(directory)/\(name).pid", maximum: 64),
            let process = Int32(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)),
            process > 0,
            let words = try? readFile("/proc/\(process)/cmdline", maximum: 1 << 20)
        else { return nil }
        // The number may have been given to another program since.
        guard words.split(separator: 0).dropFirst().first?.elementsEqual(name.utf8) == true else { return nil }
        let status = (try? readFile("/proc/\(process)/stat", maximum: 4096)) ?? []
        // The state is behind the name, which is in parentheses and may have any bytes itself (proc(5)).
        let state = status.lastIndex(of: UInt8(ascii: ")")).map { status.dropFirst($0 + 2).first } ?? nil
        return HostFacts.RunningProcess(number: process, isStopped: state == UInt8(ascii: "T"))
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
