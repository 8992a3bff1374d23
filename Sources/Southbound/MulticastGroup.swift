import JSON
import Persistent
import Wire

/// A group of ports that a frame is copied to (OVN_Southbound `Multicast_Group`).
///
/// Derived from the port bindings wherever it is needed; never stored, never on the feed.
public struct MulticastGroup: Hashable, Sendable {
    /// The groups of a switch without routers and multicast snooping.
    public enum Kind: UInt16, Sendable, CaseIterable {
        /// All enabled ports: for broadcast and multicast.
        case flood = 32768
        /// The enabled ports with `unknown` among their addresses.
        case unknown = 32769
        /// As ``flood``, but never router ports: for what routers have no use for.
        case floodL2 = 32772

        /// OVN's name for the group.
        public var name: String {
            switch self {
            case .flood: "_MC_flood"
            case .unknown: "_MC_unknown"
            case .floodL2: "_MC_flood_l2"
            }
        }

        /// True if a port of the switch belongs to the group.
        public func includes(_ port: PortBinding) -> Bool {
            switch self {
            case .flood, .floodL2: port.isEnabled
            case .unknown: port.isEnabled && port.hasUnknown
            }
        }
    }

    /// The switch's name.
    public var datapath: String
    /// Which group it is; the raw value is its key in the Geneve option.
    public var kind: Kind
    /// The names of its ports, in order of their keys.
    public var ports: [String]

    /// The canonical JSON: `{"datapath","name","tunnel_key","ports":[…]}`.
    public var json: JSONValue {
        [
            "datapath": .string(datapath),
            "name": .string(kind.name),
            "tunnel_key": .integer(Int64(kind.rawValue)),
            "ports": .array(ports.map { .string($0) }),
        ]
    }
}

extension SouthboundDatabase {
    /// The groups of a datapath that have ports, in order of their keys; none for an unknown datapath.
    public func multicastGroups(ofDatapath id: ObjectID) -> [MulticastGroup] {
        guard case .datapathBinding(let datapath)? = entries[.datapathBinding(id)]?.record else { return [] }
        let ports = portBindings(ofDatapath: id)
        return MulticastGroup.Kind.allCases.compactMap { kind in
            let members = ports.filter(kind.includes)
            guard !members.isEmpty else { return nil }
            return MulticastGroup(datapath: datapath.name, kind: kind, ports: members.map(\.logicalPort))
        }
    }
}
