import AgentCore
import ArgumentParser
import Client
import Wire

/// `heddle port add`: makes an interface and plugs it into a logical port.
struct PortAdd: ParsableCommand {
    /// The longest name of an interface in bytes: Linux's IFNAMSIZ without the closing zero.
    static let interfaceNameMaximum = 15
    /// The MTUs that an interface may have: from IPv4's least (RFC 791) to the largest packet.
    static let mtuRange: ClosedRange<Int64> = 68...65535

    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Make an interface and plug it into a logical port.",
        discussion: """
            Returns when the interface exists and the claim is saved; the port comes up once central has bound it. \
            The same command again changes nothing.

            EXAMPLES:
              heddle port add vm1 --logical-port ls1-vm1
              heddle port add vm1 --logical-port ls1-vm1 --netns vm1 \\
                --mac 02:ac:10:ff:00:11 --address 172.16.255.11/24
              heddle port add web --logical-port ls1-web --device veth --netns web --interface eth0
              heddle port add vm2 --logical-port ls1-vm2 --device existing --interface tap0
              heddle port add vm3 --logical-port ls1-vm3 --device vhost-user --socket /run/heddle/vm3.sock
            """
    )

    @Argument(help: "The port's name on this host; also the interface's, unless --interface says otherwise.")
    var name: String

    @Option(help: "The logical port, as in 'heddle nb lsp-add'.", completion: .custom(completePorts))
    var logicalPort: String

    @Option(
        help: ArgumentHelp(
            "The kind of the interface: tap, which Heddle makes and opens; veth, for a container: Heddle makes a pair, "
                + "and the interface is its other end; existing: a TAP that a VMM makes or has open, or a veth end, in "
                + "the agent's namespace, which is waited for; vhost-user: a guest's rings in memory that it shares, "
                + "whose VMM connects to --socket.",
            valueName: "kind"
        )
    )
    var device = DeviceKind.tap

    @Option(help: "The network namespace for the interface, a name or a path (default: the agent's).")
    var netns: String?

    @Option(help: "The interface's MAC address (default: the kernel's choice).")
    var mac: String?

    @Option(
        name: .customLong("address"),
        help: ArgumentHelp(
            "An address for the interface, with its prefix length; may be repeated.",
            valueName: "ip/len"
        )
    )
    var addresses: [String] = []

    @Option(help: "The interface's MTU in bytes (default: what fits through the tunnels).")
    var mtu: Int64?

    @Option(help: "The interface's name, at most 15 bytes.")
    var interface: String?

    @Option(help: "The path of the socket at which the VMM of a vhost-user port connects.", completion: .file())
    var socket: String?

    func validate() throws {
        if name.isEmpty || logicalPort.isEmpty { throw ValidationError("a port's name may not be empty") }
        try validateSocket()
        let interfaceName = device == .vhostUser ? "socket" : interface ?? name
        guard (1...Self.interfaceNameMaximum).contains(interfaceName.utf8.count) else {
            throw ValidationError(
                "'\(interfaceName)' cannot be an interface's name, which has 1 to \(Self.interfaceNameMaximum) bytes; "
                    + "give another one with --interface"
            )
        }
        if let mac, MACAddress(mac).map({ $0.isMulticast || $0.isZero }) ?? true {
            throw ValidationError("--mac '\(mac)' is not an interface's MAC address, such as 02:ac:10:ff:00:11")
        }
        for address in addresses where !address.contains("/") || IPPrefix(address) == nil {
            throw ValidationError("--address '\(address)' is not IP/LENGTH, such as 172.16.255.11/24")
        }
        if let mtu, !Self.mtuRange.contains(mtu) {
            throw ValidationError(
                "--mtu \(mtu) is out of range, \(Self.mtuRange.lowerBound) to \(Self.mtuRange.upperBound)"
            )
        }
        if device == .existing, netns != nil || mac != nil || !addresses.isEmpty {
            throw ValidationError(
                "--device existing is in the agent's namespace and set up by those who make it; leave out --netns, "
                    + "--mac and --address"
            )
        }
        if let netns, netns.contains("/"), !netns.hasPrefix("/") {
            throw ValidationError("--netns '\(netns)' is neither a name nor an absolute path")
        }
    }

    private func validateSocket() throws {
        guard device == .vhostUser else {
            if socket != nil { throw ValidationError("only a port of --device vhost-user has a --socket") }
            return
        }
        guard let socket, socket.hasPrefix("/") else {
            throw ValidationError(
                "--device vhost-user needs --socket with an absolute path, such as /run/heddle/\(name).sock"
            )
        }
        if interface != nil || netns != nil || mac != nil || !addresses.isEmpty || mtu != nil {
            throw ValidationError(
                "the VMM of a vhost-user port sets up the guest's interface; leave out --interface, --netns, --mac, "
                    + "--address and --mtu"
            )
        }
    }

    func run() throws {
        let session = PortSession(caller: try Connection.toAgent())
        put(
            try session.add(
                name,
                to: logicalPort,
                device: device,
                interface: interface,
                socket: socket,
                netns: netns,
                mac: mac,
                addresses: addresses,
                mtu: mtu
            )
        )
    }
}

extension DeviceKind: ExpressibleByArgument {}
