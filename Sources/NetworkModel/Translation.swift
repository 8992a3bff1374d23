import Persistent
import Southbound
import Wire

/// northd: the southbound record of each northbound object.
///
/// A record depends on one object and on where its port is, which hosts decide and northd keeps; so a commit
/// translates exactly what it touches (`Network.translate(_:)`), and that equals the full translation.
public enum Translation {
    /// The datapath of a switch.
    public static func record(of stored: Stored<LogicalSwitch>) -> Record {
        .datapathBinding(
            DatapathBinding(
                id: stored.id,
                name: stored.value.name,
                tunnelKey: stored.value.status.tunnelKey,
                vlanPassthru: stored.value.vlanPassthru
            )
        )
    }

    /// The binding of a port that is at these places.
    public static func record(of stored: Stored<LogicalSwitchPort>, at locations: [PortBinding.Location]) -> Record {
        let port = stored.value
        let addresses = port.logicalAddresses
        return .portBinding(
            PortBinding(
                id: stored.id,
                logicalPort: port.name,
                datapath: port.switchID,
                tunnelKey: port.status.tunnelKey,
                addresses: addresses.compactMap { address in
                    if case .known(let mac, let ips) = address { PortAddress(mac: mac, ips: ips) } else { nil }
                },
                hasUnknown: addresses.contains(.unknown),
                portSecurity: port.portSecurityRules.map { PortSecurityEntry(mac: $0.mac, prefixes: $0.prefixes) },
                isEnabled: port.isEnabled,
                answersNeighbors: port.answersNeighbors,
                requestedChassis: port.requestedChassis,
                locations: locations
            )
        )
    }

    /// All datapaths and ports that a northbound database stands for, in the order of their keys; where ports are is
    /// taken from `southbound`.
    ///
    /// The oracle of the incremental translation, and what a starting central compares its log with.
    public static func records(
        of northbound: NorthboundDatabase,
        keepingLocationsOf southbound: SouthboundDatabase
    ) -> [Record] {
        let datapaths = northbound.switches.values.map { record(of: $0) }
        let ports = northbound.ports.values.map { port in
            record(of: port, at: southbound.portBinding(port.id)?.locations ?? [])
        }
        return (datapaths + ports).sorted { $0.key < $1.key }
    }
}

extension Network {
    /// The records of northbound objects that are missing or differ (puts), and the records of none (deletes), in
    /// the order of their keys: what a full translation would change.
    public func translationDifference() -> [RecordChange] {
        let wanted = Translation.records(of: northbound, keepingLocationsOf: southbound)
        let keys = Set(wanted.map(\.key))
        let puts = wanted.filter { southbound.entries[$0.key]?.record != $0 }.map { RecordChange.put($0) }
        let deletes = southbound.entries.keys.filter { key in
            if case .chassis = key { false } else { !keys.contains(key) }
        }
        return deletes.sorted().map { .delete($0) } + puts
    }

    /// What the commit under way has made of one switch, translated; `nil` where the switch is gone.
    public func translated(switch id: ObjectID) -> Record? {
        northbound.switches[id].map { Translation.record(of: $0) }
    }

    /// What the commit under way has made of one port, translated; `nil` where the port is gone.
    public func translated(port id: ObjectID, at locations: [PortBinding.Location]) -> Record? {
        northbound.ports[id].map { Translation.record(of: $0, at: locations) }
    }
}
