import Wire

/// A port as the user asks for it.
public struct PortSpecification: Hashable, Sendable {
    public var name: String
    /// The logical switch port that it shall be.
    public var logicalPort: String
    /// The kind of device that the interface is.
    public var device = DeviceKind.tap
    /// The interface's name, at most ``interfaceByteCountMaximum`` bytes; of a vhost-user port the path of its socket.
    public var interface: String
    /// The network namespace of the interface: a name below /run/netns, a path, or `nil` for the agent's own.
    public var netns: String?
    /// The interface's MAC; `nil` leaves the one that the kernel gives.
    public var mac: MACAddress?
    /// The addresses that the interface gets.
    public var addresses: [IPPrefix] = []
    /// The interface's MTU in bytes; `nil` is the inner MTU for a device that we make.
    public var mtu: Int?
    /// The VLAN that the frames of a wire are tagged with; `nil` for none.
    public var tag: UInt16?

    /// The longest interface name that Linux takes: IFNAMSIZ less the terminating zero.
    public static let interfaceByteCountMaximum = 15
    /// The longest path of a socket: sun_path less the terminating zero.
    public static let socketByteCountMaximum = 107
    /// The longest port name, so that a list stays readable and a file small.
    public static let nameByteCountMaximum = 64
    /// The longest name of a logical port, as central has it.
    public static let logicalPortByteCountMaximum = 128
    /// The most addresses of one port: far more than a guest needs, and a bound on a request's work.
    public static let addressCountMaximum = 64
    /// The smallest MTU that Linux takes for an Ethernet device.
    public static let mtuMinimum = 68
    /// The largest MTU that can be asked for; the inner MTU bounds it further.
    public static let mtuMaximum = 65_535
    /// The longest path of a network namespace (PATH_MAX).
    public static let netnsByteCountMaximum = 4_095
}

/// The kind of a port's device.
public enum DeviceKind: String, CaseIterable, Hashable, Sendable {
    /// A TAP that we open, and make if it is not there: the guest sees a network interface.
    case tap
    /// A veth pair that we make: the guest, a container, has the other end.
    case veth
    /// A TAP that a VMM makes or has open, or a veth end, in the agent's namespace: others make it, and we wait for it.
    case existing
    /// A guest's rings in memory that it shares: we listen at a socket for its VMM.
    case vhostUser = "vhost-user"
    /// A device of the host's own by which a switch is joined to a physical network: not a guest's, and no user plugs
    /// it.
    case physical

    /// The kinds that a user plugs.
    static let ofUsers = allCases.filter { $0 != .physical }

    /// True if it is served by a packet socket, which does not tell when its device is gone.
    var isChecked: Bool {
        switch self {
        case .tap, .vhostUser: false
        case .veth, .existing, .physical: true
        }
    }

    /// True if others make it, and it is waited for.
    var isOfOthers: Bool {
        switch self {
        case .tap, .veth: false
        case .existing, .vhostUser, .physical: true
        }
    }
}

/// The demand of a `port add` on the device.
public enum DeviceDemand: Hashable, Sendable {
    /// Take the device if it is there, else make it.
    case any
    /// It must be there already.
    case existing
    /// It must not be there yet.
    case new
}
