import Persistent
import Wire

extension LogicalSwitchPort {
    /// An index that finds ports by their switch and by their addresses.
    public struct Index: KindIndex {
        /// The ports of each switch, in the order that lists have.
        public private(set) var bySwitch: OrderedMap<ObjectID, OrderedMap<ProjectName, ObjectID>> = OrderedMap()
        /// The port that has a MAC address on a switch: what makes a duplicate a look-up. In order, because addresses
        /// are given out in order: those of one transaction are neighbours, and change few nodes.
        private(set) var byMAC = OrderedMap<OnSwitch<MACAddress>, ObjectID>()
        /// The port that has an IP address on a switch.
        private(set) var byIP = OrderedMap<OnSwitch<IPAddress>, ObjectID>()

        /// The nested ports of each parent, by its name and their tags.
        public private(set) var nested = OrderedMap<String, OrderedMap<UInt16, ObjectID>>()
        /// The physical networks that localnet ports join each switch to, by those ports.
        private(set) var physicalNetworks = OrderedMap<ObjectID, OrderedMap<ObjectID, String>>()
        /// The same of l2gateway ports.
        private(set) var gatewayNetworks = OrderedMap<ObjectID, OrderedMap<ObjectID, String>>()
        /// The l2gateway ports of each chassis, by its name.
        public private(set) var gateways = OrderedMap<String, OrderedMap<ObjectID, Void>>()

        /// The IPv4 addresses that ports have on each switch with a subnet: what makes the lowest free one a look-up.
        private(set) var takenIPs = OrderedMap<ObjectID, IntervalSet<UInt32>>()
        /// The MAC addresses of ports on any switch, of those that central gives out; `nil` until it gives the first.
        private(set) var takenMACs: TakenMACs?

        public init() {}

        public mutating func insert(_ port: Stored<LogicalSwitchPort>) {
            bySwitch.update(port.value.switchID, default: OrderedMap()) { $0[ProjectName(port.value.name)] = port.id }
            if let network = port.value.physicalNetwork {
                physicalNetworks.update(port.value.switchID, default: OrderedMap()) { $0[port.id] = network }
            }
            if let network = port.value.gatewayNetwork {
                gatewayNetworks.update(port.value.switchID, default: OrderedMap()) { $0[port.id] = network }
            }
            if let chassis = port.value.gatewayChassis {
                gateways.update(chassis, default: OrderedMap()) { $0[port.id] = () }
            }
            claim(port)
        }

        /// Takes a port's addresses and tag in.
        mutating func claim(_ port: Stored<LogicalSwitchPort>) {
            if let parent = port.value.parentName, let tag = port.value.status.tag {
                nested.update(parent, default: OrderedMap()) { $0[tag] = port.id }
            }
            forEachAddress(of: port) {
                $0.byMAC[$1] = port.id
                $0.takenMACs?.insert($1.address)
            } ip: {
                $0.byIP[$1] = port.id
                $0.updateTaken($1) { $0.insert($1) }
            }
        }

        public mutating func remove(_ port: Stored<LogicalSwitchPort>) {
            let home = port.value.switchID
            bySwitch.update(home, default: OrderedMap()) { $0[ProjectName(port.value.name)] = nil }
            if bySwitch[home]?.isEmpty == true { bySwitch[home] = nil }
            if port.value.physicalNetwork != nil {
                physicalNetworks.update(home, default: OrderedMap()) { $0[port.id] = nil }
                if physicalNetworks[home]?.isEmpty == true { physicalNetworks[home] = nil }
            }
            if port.value.gatewayNetwork != nil {
                gatewayNetworks.update(home, default: OrderedMap()) { $0[port.id] = nil }
                if gatewayNetworks[home]?.isEmpty == true { gatewayNetworks[home] = nil }
            }
            if let chassis = port.value.gatewayChassis {
                gateways.update(chassis, default: OrderedMap()) { $0[port.id] = nil }
                if gateways[chassis]?.isEmpty == true { gateways[chassis] = nil }
            }
            release(port)
        }

        /// Releases a port's addresses and tag, except those that another port has taken meanwhile.
        public mutating func release(_ port: Stored<LogicalSwitchPort>) {
            if let parent = port.value.parentName, let tag = port.value.status.tag, nested[parent]?[tag] == port.id {
                nested.update(parent, default: OrderedMap()) { $0[tag] = nil }
                if nested[parent]?.isEmpty == true { nested[parent] = nil }
            }
            forEachAddress(of: port) {
                guard $0.byMAC[$1] == port.id else { return }
                $0.byMAC[$1] = nil
                guard $0.takenMACs?.prefix.contains($1.address) == true else { return }
                if $0.portIDs(macs: [$1.address], atMost: 1)?.isEmpty == true { $0.takenMACs?.remove($1.address) }
            } ip: {
                guard $0.byIP[$1] == port.id else { return }
                $0.byIP[$1] = nil
                $0.updateTaken($1) { $0.remove($1) }
            }
        }

        private mutating func forEachAddress(
            of port: Stored<LogicalSwitchPort>,
            mac visitMAC: (inout Index, OnSwitch<MACAddress>) -> Void,
            ip visitIP: (inout Index, OnSwitch<IPAddress>) -> Void
        ) {
            for address in port.value.logicalAddresses {
                guard case .known(let mac, let ips) = address else { continue }
                visitMAC(&self, OnSwitch(switchID: port.value.switchID, address: mac))
                for ip in ips { visitIP(&self, OnSwitch(switchID: port.value.switchID, address: ip)) }
            }
            if let ip = port.value.virtualIP { visitIP(&self, OnSwitch(switchID: port.value.switchID, address: ip)) }
        }

        private mutating func updateTaken(
            _ ip: OnSwitch<IPAddress>,
            _ change: (inout IntervalSet<UInt32>, UInt32) -> Void
        ) {
            guard !takenIPs.isEmpty, case .v4(let address) = ip.address, takenIPs[ip.switchID] != nil else { return }
            takenIPs.update(ip.switchID, default: IntervalSet()) { change(&$0, address.rawValue) }
        }

        /// Counts the IPv4 addresses of a switch's ports from now on, or no longer.
        mutating func countIPs(on switchID: ObjectID, _ ports: some Sequence<Stored<LogicalSwitchPort>>) {
            var taken = IntervalSet<UInt32>()
            for port in ports {
                for case .known(_, let ips) in port.value.logicalAddresses {
                    for case .v4(let address) in ips { taken.insert(address.rawValue) }
                }
                if case .v4(let address)? = port.value.virtualIP { taken.insert(address.rawValue) }
            }
            takenIPs[switchID] = taken
        }

        /// Counts a switch's addresses no longer.
        mutating func forgetIPs(on switchID: ObjectID) { takenIPs[switchID] = nil }

        /// Counts the MAC addresses with a prefix from now on.
        mutating func countMACs(under prefix: MACPrefix) {
            guard takenMACs?.prefix != prefix else { return }
            // No switch has the lowest identity.
            var cursor = byMAC.cursor(after: OnSwitch(switchID: .zero, address: prefix.address(0)))
            let macs = AnyIterator { cursor.next().flatMap { prefix.contains($0.key.address) ? $0.key.address : nil } }
            takenMACs = TakenMACs(prefix: prefix, ordered: macs)
        }

        /// The ports that have any of these MAC addresses, on whatever switch; `nil` if they are more than a maximum.
        public func portIDs(macs: [MACAddress], atMost maximum: Int) -> [ObjectID]? {
            var holders: [ObjectID] = []
            for mac in macs {
                guard Self.find(in: byMAC, from: mac, while: { $0 == mac }, &holders, atMost: maximum) else {
                    return nil
                }
            }
            return holders
        }

        /// The ports that have an IP address of any of these networks, on whatever switch; `nil` if they are more than
        /// a maximum.
        public func portIDs(networks: [IPPrefix], atMost maximum: Int) -> [ObjectID]? {
            var holders: [ObjectID] = []
            for network in networks {
                let first = network.address
                guard Self.find(in: byIP, from: first, while: network.contains, &holders, atMost: maximum) else {
                    return nil
                }
            }
            return holders
        }

        /// Finds the ports with the addresses of a range.
        /// - Returns: False if they are more than a maximum.
        private static func find<Address>(
            in index: OrderedMap<OnSwitch<Address>, ObjectID>,
            from first: Address,
            while isInside: (Address) -> Bool,
            _ holders: inout [ObjectID],
            atMost maximum: Int
        ) -> Bool {
            // No switch has the lowest identity.
            var cursor = index.cursor(after: OnSwitch(switchID: .zero, address: first))
            while let entry = cursor.next(), isInside(entry.key.address) {
                guard holders.count < maximum else { return false }
                holders.append(entry.value)
            }
            return true
        }
    }
}

/// The MAC addresses with one prefix that ports have.
struct TakenMACs: Sendable {
    let prefix: MACPrefix
    /// The last three octets of the addresses.
    private var suffixes: IntervalSet<UInt32>

    /// The last three octets that central gives out, as OVN does.
    static let given: ClosedRange<UInt32> = 1...0xff_fffe

    /// The given addresses, in order, all of which begin with the prefix.
    init(prefix: MACPrefix, ordered macs: some Sequence<MACAddress>) {
        self.prefix = prefix
        suffixes = IntervalSet(ordered: macs.lazy.map { Self.suffix(of: $0) })
    }

    private static func suffix(of mac: MACAddress) -> UInt32 { UInt32(truncatingIfNeeded: mac.rawValue & 0xff_ffff) }

    mutating func insert(_ mac: MACAddress) {
        if prefix.contains(mac) { suffixes.insert(Self.suffix(of: mac)) }
    }

    mutating func remove(_ mac: MACAddress) {
        if prefix.contains(mac) { suffixes.remove(Self.suffix(of: mac)) }
    }

    /// The address for a port with an IPv4 address, 0 for none: as OVN makes it of the low 24 bits, else the next free
    /// one; `nil` if none is free.
    func free(for ip: UInt32) -> MACAddress? {
        let first = (ip & 0xff_ffff) % Self.given.upperBound + 1
        let suffix =
            suffixes.firstAbsent(in: first...Self.given.upperBound) ?? suffixes.firstAbsent(in: Self.given)
        return suffix.map { prefix.address($0) }
    }
}

/// An address on a switch: two ports of one switch may not share it, ports of two switches may.
struct OnSwitch<Address: Comparable & Sendable>: Comparable, Sendable {
    var switchID: ObjectID
    var address: Address

    /// By address, so that those that have one on any switch are neighbours, too.
    static func < (left: OnSwitch, right: OnSwitch) -> Bool {
        left.address == right.address ? left.switchID < right.switchID : left.address < right.address
    }
}
