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

        public init() {}

        public mutating func insert(_ port: Stored<LogicalSwitchPort>) {
            bySwitch.update(port.value.switchID, default: OrderedMap()) { $0[ProjectName(port.value.name)] = port.id }
            forEachAddress(of: port) {
                $0.byMAC[$1] = port.id
            } ip: {
                $0.byIP[$1] = port.id
            }
        }

        public mutating func remove(_ port: Stored<LogicalSwitchPort>) {
            let home = port.value.switchID
            bySwitch.update(home, default: OrderedMap()) { $0[ProjectName(port.value.name)] = nil }
            if bySwitch[home]?.isEmpty == true { bySwitch[home] = nil }
            release(port)
        }

        /// Releases a port's addresses, except those that another port has taken meanwhile.
        public mutating func release(_ port: Stored<LogicalSwitchPort>) {
            forEachAddress(of: port) {
                if $0.byMAC[$1] == port.id { $0.byMAC[$1] = nil }
            } ip: {
                if $0.byIP[$1] == port.id { $0.byIP[$1] = nil }
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
        }

        /// The ports that have any of these MAC addresses, on whatever switch; `nil` if they are more than a maximum.
        public func portIDs(macs: [MACAddress], atMost maximum: Int) -> [ObjectID]? {
            Self.holders(of: macs, in: byMAC, atMost: maximum)
        }

        /// The ports that have any of these IP addresses, on whatever switch; `nil` if they are more than a maximum.
        public func portIDs(ips: [IPAddress], atMost maximum: Int) -> [ObjectID]? {
            Self.holders(of: ips, in: byIP, atMost: maximum)
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
