import Southbound
import Wire

/// A port that is plugged into this host: a device that the forwarder reads.
public struct LocalPort: Hashable, Sendable {
    /// The logical switch port that the device is for.
    public var logicalPort: String
    /// The forwarder's number for the device; dense, as tables hold a row for every number up to the largest.
    public var slot: UInt16

    /// A device for a logical port.
    public init(logicalPort: String, slot: UInt16) {
        self.logicalPort = logicalPort
        self.slot = slot
    }
}

/// All that forwarding tables are compiled from: this host's share of the southbound database and what is plugged in.
public struct TableInput: Sendable {
    /// The name of this host's chassis.
    public var localChassis: String
    /// This host's underlay address: tunnels go to encaps of its family.
    public var localEncap: IPAddress
    /// The longest IP packet, in octets, that the host's own device leaves to tunnels: its MTU less 58 (IPv4) or 78
    /// (IPv6). What the path to each place carries is told to the forwarder apart.
    public var innerMTU: Int
    /// The chassis that share a datapath with this one; this one may be among them.
    public var chassis: [Chassis]
    /// The datapaths of this host.
    public var datapaths: [DatapathBinding]
    /// All ports of these datapaths.
    public var ports: [PortBinding]
    /// The devices here. Of two for one logical port the later is the port's.
    public var localPorts: [LocalPort]
    /// The tables in use: they know where ports were until now.
    public var previous: ForwardingTables?
    /// The time of `processTunnel`'s clock.
    public var now: Duration
    /// Spreads the keys of the hash tables, so that tenants cannot choose MACs that meet; any value will do.
    public var hashSeed: UInt64

    /// How long frames are taken from a port's previous place after the newer binding arrived: hosts do not hear of a
    /// move at the same moment.
    public static let previousPlaceTime = Duration.seconds(1)

    /// The input of a first compilation; what else there is, is set afterwards.
    public init(localChassis: String, localEncap: IPAddress, innerMTU: Int) {
        self.localChassis = localChassis
        self.localEncap = localEncap
        self.innerMTU = innerMTU
        chassis = []
        datapaths = []
        ports = []
        localPorts = []
        previous = nil
        now = .zero
        hashSeed = 0
    }
}
