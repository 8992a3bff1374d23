import Persistent
import Wire

/// The logical network as users wrote it. A value: a copy is a snapshot and costs nothing.
public struct NorthboundDatabase: Sendable {
    /// The switches by identity.
    public internal(set) var switches: OrderedMap<ObjectID, Stored<LogicalSwitch>> = OrderedMap()
    /// The ports by identity.
    public internal(set) var ports: OrderedMap<ObjectID, Stored<LogicalSwitchPort>> = OrderedMap()
    /// The switches in the order that lists have.
    public internal(set) var switchesByName = OrderedMap<ProjectName, ObjectID>()
    /// The ports in the order that lists have, with their canonical JSON: a list of them looks at nothing else.
    public internal(set) var portsByName = OrderedMap<ProjectName, ListedObject>()
    /// The ports of each switch, in the order that lists have.
    public internal(set) var portsBySwitch: OrderedMap<ObjectID, OrderedMap<ProjectName, ObjectID>> = OrderedMap()
    /// What each owner has declared, in the order that lists have.
    public internal(set) var topologies = OrderedMap<String, Topology>()
    /// The port that has a MAC address on a switch: what makes a duplicate a look-up. In order, because addresses are
    /// given out in order: those of one transaction are neighbours, and change few nodes.
    var portsByMAC = OrderedMap<OnSwitch<MACAddress>, ObjectID>()
    /// The port that has an IP address on a switch.
    var portsByIP = OrderedMap<OnSwitch<IPAddress>, ObjectID>()

    /// A network without objects.
    public init() {}

    /// The switch that a path or a body points at.
    public func logicalSwitch(_ reference: Reference) -> Stored<LogicalSwitch>? {
        switch reference {
        case .id(let id): switches[id]
        case .name(let name): switchesByName[ProjectName(name)].flatMap { switches[$0] }
        }
    }

    /// The port that a path points at.
    public func port(_ reference: Reference) -> Stored<LogicalSwitchPort>? {
        switch reference {
        case .id(let id): ports[id]
        case .name(let name): portsByName[ProjectName(name)].flatMap { ports[$0.id] }
        }
    }
}

extension NorthboundDatabase {
    /// The port that a path points at, as far as a reader is interested in it.
    public func listedPort(_ reference: Reference) -> ListedObject? {
        switch reference {
        case .id(let id): ports[id].map { ListedObject($0) }
        case .name(let name): portsByName[ProjectName(name)]
        }
    }
}

extension NorthboundDatabase {
    /// The ports that have any of these MAC addresses, on whatever switch; `nil` where they are more than a maximum.
    public func portIDs(macs: [MACAddress], atMost maximum: Int) -> [ObjectID]? {
        Self.holders(of: macs, in: portsByMAC, atMost: maximum)
    }

    /// The ports that have any of these IP addresses, on whatever switch; `nil` where they are more than a maximum.
    public func portIDs(ips: [IPAddress], atMost maximum: Int) -> [ObjectID]? {
        Self.holders(of: ips, in: portsByIP, atMost: maximum)
    }

    private static func holders<Address>(
        of addresses: [Address],
        in index: OrderedMap<OnSwitch<Address>, ObjectID>,
        atMost maximum: Int
    ) -> [ObjectID]? {
        var holders: [ObjectID] = []
        for address in addresses {
            // No switch has the lowest identity.
            var cursor = index.cursor(after: OnSwitch(switchID: ObjectID(high: 0, low: 0), address: address))
            while let entry = cursor.next(), entry.key.address == address {
                guard holders.count < maximum else { return nil }
                holders.append(entry.value)
            }
        }
        return holders
    }
}

/// An object as an index has it.
public struct ListedObject: Sendable {
    /// The identity.
    public let id: ObjectID
    /// The revision of the last commit that changed the bytes: the entity tag.
    public let revision: UInt64
    /// The canonical JSON.
    public let bytes: [UInt8]

    init<Value>(_ stored: Stored<Value>) {
        (id, revision, bytes) = (stored.id, stored.revision, stored.bytes)
    }
}

/// An address on a switch: two ports of one switch may not share it, ports of two switches may.
struct OnSwitch<Address: Comparable & Sendable>: Comparable, Sendable {
    var switchID: ObjectID
    var address: Address

    /// By address, so that those who have one on any switch are neighbours, too.
    static func < (left: OnSwitch, right: OnSwitch) -> Bool {
        left.address == right.address ? left.switchID < right.switchID : left.address < right.address
    }
}
