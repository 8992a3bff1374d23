import Southbound
import Wire

/// The configuration of an agent.
public struct Configuration: Hashable, Sendable {
    public var chassis: String
    /// The random identity kept in the state directory.
    public var chassisID: String
    /// The identity of this start.
    public var bootID: String
    /// The release, for people.
    public var version: String
    /// The host's name, for `show`.
    public var hostname: String
    /// The address at which other chassis reach this one.
    public var encapIP: IPAddress
    /// The longest inner packet, in bytes, that the encap's device left to tunnels when the agent started.
    public var innerMTU: Int
    /// The devices of this host by the physical networks that they lead to.
    public var physicalNetworks: [String: String] = [:]
    /// The most physical networks of a host, as central has it.
    public static let physicalNetworkCountMaximum = Chassis.physicalNetworkCountMaximum
    /// Its public keys for the tags of datagrams, the older first; none without tags.
    public var tunnelKeys: [String] = []
    /// True if a forwarder that runs already may know other keys than those of these.
    public var hasNewTunnelKeys = false
    /// Central's URL, for `status`.
    public var central: String
    /// A value that no copy of the state directory under another kernel or path has; `nil` if unknown.
    public var machine: String?
    /// The most changes that one answer of central's may have over all its pages: a bound on memory, far above the
    /// share of any host.
    public var answerChangeMaximum = 1 << 20

    public init(
        chassis: String,
        chassisID: String,
        bootID: String,
        version: String,
        hostname: String,
        encapIP: IPAddress,
        innerMTU: Int,
        central: String,
        machine: String? = nil
    ) {
        self.chassis = chassis
        self.chassisID = chassisID
        self.bootID = bootID
        self.version = version
        self.hostname = hostname
        self.encapIP = encapIP
        self.innerMTU = innerMTU
        self.central = central
        self.machine = machine
    }

    /// The longest inner packet over an underlay of this MTU: less the inner Ethernet header (14), Geneve with OVN's
    /// option (16), UDP (8) and IP (20 or 40). `nil` for less than every IPv6 link has (1280, RFC 8200 section 5).
    public static func innerMTU(underlayMTU: Int, encapIP: IPAddress) -> Int? {
        guard underlayMTU >= PathSearch.floor else { return nil }
        return innerByteCount(underlayByteCount: min(underlayMTU, 65_535), encapIP: encapIP)
    }

    /// The inner packet of a packet of the underlay, in octets; 0 if there is none.
    static func innerByteCount(underlayByteCount: Int, encapIP: IPAddress) -> Int {
        let overhead =
            switch encapIP {
            case .v4: 58
            case .v6: 78
            }
        return max(0, underlayByteCount - overhead)
    }

    /// The packet of the underlay around an inner packet, in octets.
    static func underlayByteCount(innerByteCount: Int, encapIP: IPAddress) -> Int {
        switch encapIP {
        case .v4: innerByteCount + 58
        case .v6: innerByteCount + 78
        }
    }

    /// True if a text can be a chassis' name: 1 to 128 of the bytes that names at central have, and not what clients
    /// take out of paths.
    public static func isChassisName(_ name: String) -> Bool {
        (1...PortSpecification.logicalPortByteCountMaximum).contains(name.utf8.count)
            && name.utf8.allSatisfy(isNameByte) && name != "." && name != ".."
    }
}
