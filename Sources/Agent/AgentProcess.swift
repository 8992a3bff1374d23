import AgentCore
import ForwarderProtocol
import Glibc
import HTTPTransport
import Reactor
import Wire

/// `heddle agent`: the process that brings this host's ports, central and the forwarder together.
public enum AgentProcess {
    /// Runs until SIGTERM, SIGINT or a request at its socket.
    /// - Parameter forwarderExecutable: The program that has the subcommand `forwarder`; `nil` is this one.
    /// - Throws: ``AgentFailure`` when it cannot start, or when central says that the chassis is another host's.
    public static func run(_ options: AgentOptions, forwarderExecutable: String? = nil) throws(AgentFailure) {
        let endpoint = try endpoint(of: options)
        let chassis = try chassis(of: options)
        let serviceManager = ServiceManager()
        var end: (() -> Void)?
        let loop = try explaining("cannot start") { () throws(SystemError) in
            let loop = try EventLoop()
            // Signals first: threads that start later inherit that they are blocked.
            for signal in [SIGTERM, SIGINT] { try loop.onSignal(signal) { end?() } }
            for signal in [SIGPIPE, SIGHUP] { try ignoreSignal(signal) }
            // Each queue of a port takes a descriptor.
            try Privileges.raiseDescriptorLimit()
            return loop
        }
        let directory = try StateDirectory(path: options.stateDirectory, forwarderDirectory: options.forwarderDirectory)
        // The host is looked at first: the token is good for one time only.
        let innerMTU = try Underlay.innerMTU(at: options.encapIP)
        let queueCount = options.queueCount ?? ForwarderProtocol.queueCount(processors: Processors.count)
        let underlay = try underlay(at: options.encapIP, count: queueCount, directory: directory)
        var membership: Membership?
        if case .tls = endpoint {
            membership = try Joining.membership(
                of: chassis,
                with: options.join,
                at: endpoint,
                in: directory,
                on: loop,
                onInterrupt: { end = $0 }
            )
            // Told to end before central was there.
            guard membership != nil else { return }
        }
        let executable = forwarderExecutable ?? ownExecutable
        let agent = try makeAgent(
            options,
            chassis,
            endpoint,
            directory,
            membership,
            loop,
            executable,
            innerMTU: innerMTU,
            underlay: underlay,
            deviceQueues: PortDevice.Queues(count: queueCount, byteCount: options.queuedByteCount)
        )
        agent.serviceManager = serviceManager
        end = { agent.end() }
        agent.start()
        loop.run()
        if let failure = agent.failure { throw failure }
    }

    private static func makeAgent(
        _ options: AgentOptions,
        _ chassis: String,
        _ endpoint: HTTPEndpoint,
        _ directory: StateDirectory,
        _ membership: Membership?,
        _ loop: EventLoop,
        _ forwarderExecutable: String,
        innerMTU: Int,
        underlay: [Descriptor]?,
        deviceQueues: PortDevice.Queues
    ) throws(AgentFailure) -> Agent {
        var generator = SystemRandomNumberGenerator()
        let hadKeys = options.authenticatesTunnels ? false : try TunnelKeyring.remove(from: directory)
        let keyring =
            options.authenticatesTunnels ? try TunnelKeyring(in: directory, now: Clock.wallSeconds()) : nil
        var configuration = Configuration(
            chassis: chassis,
            chassisID: try directory.chassisID(),
            bootID: ObjectID(using: &generator).description,
            version: options.version,
            // Linux takes anything for a name; central refuses what a terminal would obey.
            hostname: ((try? hostName()) ?? "").printable,
            encapIP: options.encapIP,
            innerMTU: innerMTU,
            central: options.central,
            machine: directory.machine()
        )
        configuration.physicalNetworks = options.physicalNetworks
        configuration.tunnelKeys = keyring?.published ?? []
        // A forwarder does not say which keys it has: those of this start are told anew.
        configuration.hasNewTunnelKeys = keyring != nil || hadKeys
        let ports = try directory.ports()
        let (stored, warning) = try directory.share(of: chassis)
        if let warning { Log.write(.warning, warning) }
        do {
            return try Agent(
                loop: loop,
                directory: directory,
                configuration: configuration,
                core: AgentCore(
                    configuration: configuration,
                    share: stored?.share ?? Share(),
                    innerMTU: stored?.innerMTU,
                    ports: ports
                ),
                endpoint: endpoint,
                membership: membership,
                underlay: underlay,
                keyring: keyring,
                forwarderExecutable: forwarderExecutable,
                startsForwarder: options.startsForwarder,
                deviceQueues: deviceQueues
            )
        } catch {
            throw AgentFailure("cannot start: \(error)")
        }
    }

    /// Fresh sockets, or `nil` if a forwarder may have them, which will then give them back.
    private static func underlay(
        at address: IPAddress,
        count: Int,
        directory: StateDirectory
    ) throws(AgentFailure) -> [Descriptor]? {
        if let sockets = try Underlay.open(at: address, count: count) { return sockets }
        guard ForwarderLink.isListening(in: directory) else { throw Underlay.isTaken(at: address) }
        return nil
    }

    private static func endpoint(of options: AgentOptions) throws(AgentFailure) -> HTTPEndpoint {
        let endpoint: HTTPEndpoint
        do throws(HTTPEndpointError) {
            endpoint = try HTTPEndpoint(url: options.central)
        } catch {
            throw AgentFailure("--central: \(error)")
        }
        if case .tls = endpoint { return endpoint }
        guard options.isInsecure || isLoopback(endpoint) else {
            throw AgentFailure(
                "central at \(options.central) is beyond loopback, and plain HTTP has neither encryption nor "
                    + "authentication; say https://, or --insecure in a lab"
            )
        }
        return endpoint
    }

    private static func isLoopback(_ endpoint: HTTPEndpoint) -> Bool {
        switch endpoint {
        case .unix: true
        case .tcp(let host, _), .tls(let host, _): host == "localhost" || IPAddress(host)?.isLoopback ?? false
        }
    }

    private static func chassis(of options: AgentOptions) throws(AgentFailure) -> String {
        let name: String
        if let chassis = options.chassis {
            name = chassis
        } else {
            do throws(SystemError) {
                name = try hostName()
            } catch {
                throw AgentFailure("this host's name is unknown (\(error)); give --chassis NAME")
            }
        }
        guard Configuration.isChassisName(name) else {
            throw AgentFailure(
                "\"\(name)\" cannot be a chassis' name: give 1 to 128 characters of A-Z a-z 0-9 . _ : @ -"
            )
        }
        return name
    }

    /// The file of this program; if that was replaced meanwhile, the one that still runs.
    private static var ownExecutable: String {
        let link = "/proc/self/exe"
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(link, &path, path.count - 1)
        guard count > 0 else { return link }
        let text = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return access(text, X_OK) == 0 ? text : link
    }
}
