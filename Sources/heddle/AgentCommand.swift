import Agent
import AgentCore
import ArgumentParser
import Client
import ForwarderProtocol
import HTTPTransport
import Reactor
import Wire

/// `heddle agent`: brings this host's ports, central and the forwarder together.
struct AgentCommand: ParsableCommand {
    /// The agent's state directory, unless told otherwise.
    static let defaultStateDirectory = "/var/lib/heddle/agent"

    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Run this host's agent.",
        discussion: """
            Needs root. A host joins central once, with a token that 'heddle token create --chassis NAME' made on \
            central's host; give it in HEDDLE_JOIN, which other users of this host cannot read. The agent keeps its \
            certificate in the state directory and renews it. It starts the forwarder if none runs, and leaves it \
            running when it ends.

            EXAMPLES:
              HEDDLE_JOIN=TOKEN heddle agent --central https://192.0.2.1:6642 \\
                --chassis hv1 --encap-ip 192.0.2.11
              heddle agent --central http://127.0.0.1:6642 --encap-ip 192.0.2.11
              heddle agent accept
              heddle agent stop --all
            """,
        subcommands: [AgentStopCommand.self, AgentAcceptCommand.self]
    )

    @Option(help: ArgumentHelp("Central's southbound URL (or HEDDLE_CENTRAL).", valueName: "url"))
    var central: String?

    @Option(help: ArgumentHelp("The name of this chassis (default: the host's name).", valueName: "name"))
    var chassis: String?

    @Option(help: ArgumentHelp("The address of this host that tunnels start from.", valueName: "ip"))
    var encapIp: String?

    @Option(help: ArgumentHelp("The directory for its state and sockets; made if missing.", valueName: "dir"))
    var stateDir = AgentCommand.defaultStateDirectory

    @Option(
        help: ArgumentHelp(
            "Where the forwarder has its socket, from the state directory on (default: forwarder).",
            valueName: "dir"
        )
    )
    var forwarderDir: String?

    @Option(help: ArgumentHelp("Join central with this token, unless done (or HEDDLE_JOIN).", valueName: "token"))
    var join: String?

    @Flag(help: "Speak plain HTTP beyond loopback: no encryption, no authentication (labs).")
    var insecure = false

    @Flag(help: "Start no forwarder; wait for one that another program starts, such as systemd.")
    var externalForwarder = false

    @Option(help: AgentCommand.queuesHelp)
    var queues: Int?

    @Option(
        help: ArgumentHelp(
            "MiB that a guest may have waiting in the queues of its port, \(queueMemory.lowerBound) to "
                + "\(queueMemory.upperBound): 16 for each are 256 frames.",
            valueName: "mib"
        )
    )
    var queueMemory = AgentOptions.standardQueuedByteCount >> 20

    @Option(
        help: ArgumentHelp(
            "A device that leads to a physical network, for localnet and l2gateway ports (may be repeated).",
            valueName: "name=device"
        )
    )
    var physicalNetwork: [String] = []

    @Flag(help: "Tag datagrams to hosts that have this option too, and drop their datagrams without a tag.")
    var authenticateTunnels = false

    /// The range of `--queue-memory`, in MiB: a queue has 64 frames at least, of which superpackets are long ones; a
    /// GiB is more than a forwarder that is away needs bridged.
    static let queueMemory = 1...1024

    static let queuesHelp = ArgumentHelp(
        "Queues of each TAP, and sockets of the underlay: as many threads read each, 1 to "
            + "\(ForwarderProtocol.queueCountMaximum) (default: half the processors).",
        valueName: "count"
    )

    static func check(queues: Int?, of command: String) throws {
        guard let queues, !(1...ForwarderProtocol.queueCountMaximum).contains(queues) else { return }
        throw ClientError.usage(
            "--queues takes 1 to \(ForwarderProtocol.queueCountMaximum), not \(queues); see '\(command) --help'"
        )
    }

    // Checked here and not in `validate`, which would also be asked of `heddle agent stop`.
    func run() throws {
        if let join { hideArgument(join) }
        guard let central = central ?? environmentVariable("HEDDLE_CENTRAL") else {
            throw usage("where is central? give --central URL or set HEDDLE_CENTRAL")
        }
        do throws(HTTPEndpointError) {
            _ = try HTTPEndpoint(url: central)
        } catch {
            throw usage("--central: \(error)")
        }
        guard let encapIp else { throw usage("give --encap-ip, the address of this host that tunnels start from") }
        guard let address = IPAddress(encapIp) else { throw usage("--encap-ip '\(encapIp)' is not an IP address") }
        if let reason = address.reasonAgainstTunnel {
            throw usage("--encap-ip \(address): tunnels cannot end there, \(reason)")
        }
        guard insecure || !address.isLoopback else {
            throw usage(
                "--encap-ip \(address) is loopback, to which no other host can send; give the address of this host "
                    + "that the others reach, or give --insecure if all hosts of a lab are on this machine"
            )
        }
        try Self.check(queues: queues, of: "heddle agent")
        guard Self.queueMemory.contains(queueMemory) else {
            let (least, most) = (Self.queueMemory.lowerBound, Self.queueMemory.upperBound)
            throw usage("--queue-memory takes \(least) to \(most) MiB, not \(queueMemory)")
        }
        var options = AgentOptions(
            central: central,
            encapIP: address,
            stateDirectory: stateDir,
            version: Heddle.version
        )
        options.chassis = chassis
        options.forwarderDirectory = forwarderDir
        options.join = join ?? environmentVariable("HEDDLE_JOIN")
        options.isInsecure = insecure
        options.startsForwarder = !externalForwarder
        options.queueCount = queues
        options.queuedByteCount = queueMemory << 20
        options.authenticatesTunnels = authenticateTunnels
        options.physicalNetworks = try physicalNetworks()
        do throws(AgentFailure) {
            try AgentProcess.run(options)
        } catch {
            throw ClientError.refused(error.description)
        }
    }

    private func physicalNetworks() throws -> [String: String] {
        var networks: [String: String] = [:]
        for text in physicalNetwork {
            guard let (name, device) = AgentOptions.physicalNetwork(text) else {
                throw usage("--physical-network '\(text)' is not NAME=DEVICE, such as physnet1=eth1")
            }
            guard networks.updateValue(device, forKey: name) == nil else {
                throw usage("--physical-network names \(name) twice; give each physical network one device")
            }
        }
        guard networks.count <= Configuration.physicalNetworkCountMaximum else {
            throw usage("--physical-network: a host has at most \(Configuration.physicalNetworkCountMaximum)")
        }
        return networks
    }

    private func usage(_ sentence: String) -> ClientError { .usage("\(sentence); see 'heddle agent --help'") }
}
