import Persistent
import Southbound
import Wire

/// northd: the southbound record of each northbound object.
///
/// A record depends on one object and on the place of its port, which hosts decide; so a commit translates exactly the
/// objects that it touches (``Transaction``), and that equals the full translation.
public enum Translation {
    /// The datapath of a switch on which these ACLs are asked.
    static func record(of stored: Stored<LogicalSwitch>, _ filter: PacketFilter?) -> Record {
        var binding = DatapathBinding(
            id: stored.id,
            name: stored.value.name,
            tunnelKey: stored.value.status.tunnelKey,
            vlanPassthru: stored.value.vlanPassthru,
            dnsRecords: stored.value.dnsRecords,
            dnsDomain: stored.value.dnsDomain,
            // It was checked when it was written.
            routerAdvertisement: try? stored.value.routerAdvertisement(),
            guardsRouters: stored.value.guardsRouters,
            guardsDHCP: stored.value.guardsDHCP,
            filter: filter
        )
        binding.snooping = try? stored.value.multicastSnooping()
        return .datapathBinding(binding)
    }

    /// The answers of a set of DHCP options; `nil` if it has none yet, or this version refuses what another one took.
    public static func record(of stored: Stored<DHCPOptions>) -> Record? {
        (try? stored.value.responder(stored.id)).map { .dhcpResponder($0) }
    }

    /// The answers of a set of DNS records.
    public static func record(of stored: Stored<DNSRecords>) -> Record {
        .dnsResponder(stored.value.responder(stored.id))
    }

    /// The place of a mirror.
    public static func record(of stored: Stored<Mirror>) -> Record {
        .mirrorSession(session(of: stored.value, stored.id))
    }

    /// The place of a mirror, its rules in the order in which they are asked.
    public static func session(of mirror: Mirror, _ id: ObjectID = .zero) -> MirrorSession {
        MirrorSession(
            id: id,
            type: mirror.type,
            filter: mirror.filter,
            sink: mirror.sink,
            index: mirror.index,
            rules: mirror.orderedRules
        )
    }

    /// The binding of a port that is at these places.
    public static func binding(
        of stored: Stored<LogicalSwitchPort>,
        at locations: [PortBinding.Location]
    ) -> PortBinding {
        let port = stored.value
        let addresses = port.logicalAddresses
        var binding = PortBinding(
            id: stored.id,
            logicalPort: port.name,
            datapath: port.switchID,
            tunnelKey: port.status.tunnelKey,
            addresses: addresses.compactMap { address in
                if case .known(let mac, let ips) = address { PortAddress(mac: mac, ips: ips) } else { nil }
            },
            hasUnknown: addresses.contains(.unknown) || port.physicalNetwork != nil,
            portSecurity: port.portSecurityEntries,
            isEnabled: port.isEnabled,
            answersNeighbors: port.answersNeighbors,
            requestedChassis: port.requestedChassis,
            locations: locations,
            activationStrategy: port.activationStrategy,
            dhcpv4Options: port.dhcpv4Options,
            dhcpv6Options: port.dhcpv6Options,
            virtualIP: port.virtualIP,
            virtualParents: port.virtualParents,
            mirrors: port.mirrors
        )
        binding.parentPort = port.parentName
        binding.physicalNetwork = port.physicalNetwork
        binding.gatewayNetwork = port.gatewayNetwork
        binding.tag = port.isLocalnet || port.isL2Gateway ? port.tagRequest : port.status.tag
        binding.trunk = port.trunk
        binding.learnsMACs = port.learnsMACs
        binding.isAnnounced = port.options[PortOption.isUnannounced.rawValue] != "true"
        binding.guardsRouters = port.guardsRouters
        binding.guardsDHCP = port.guardsDHCP
        binding.isGuarded = port.status.isGuarded
        binding.sendingRate = port.sendingRate
        binding.floodsMulticast = port.options[PortOption.floodsMulticast.rawValue] == "true"
        binding.floodsReports = port.options[PortOption.floodsReports.rawValue] == "true"
        return binding
    }
}

extension Network {
    /// The records of northbound objects that are missing or differ (puts), and the records of none (deletes), in
    /// the order of their keys: what a full translation would change.
    /// - Parameter ports: The ports that are looked at; `nil` for all. A port's record depends on nothing else.
    public func translationDifference(ofPorts ports: Set<ObjectID>? = nil) -> [RecordChange] {
        // Record by record, in the order of the maps: a start waits for this.
        var puts: [RecordChange] = []
        var foundCount = 0
        func compare(_ wanted: Record?) {
            guard let wanted else { return }
            let found = southbound.entries[wanted.key]?.record
            if found != nil { foundCount += 1 }
            if found != wanted { puts.append(.put(wanted)) }
        }
        func compare(_ stored: Stored<LogicalSwitchPort>) {
            let found = southbound.portBinding(stored.id)
            if found != nil { foundCount += 1 }
            let wanted = Translation.binding(of: stored, at: found?.locations ?? [])
            if found != wanted { puts.append(.put(.portBinding(wanted))) }
        }
        for stored in northbound.switches.values {
            compare(Translation.record(of: stored, northbound.filter(of: stored.id)))
        }
        var count = southbound.entries.count - southbound.chassisByName.count
        if let ports {
            for id in ports.sorted() { if let stored = northbound.ports[id] { compare(stored) } }
            count -= southbound.portsByName.count - ports.count { southbound.portBinding($0) != nil }
        } else {
            for stored in northbound.ports.values { compare(stored) }
        }
        for stored in northbound.dhcpOptions.values { compare(Translation.record(of: stored)) }
        for stored in northbound.dnsRecords.values { compare(Translation.record(of: stored)) }
        for stored in northbound.mirrors.values { compare(Translation.record(of: stored)) }
        return (foundCount == count ? [] : southbound.entries.keys.filter(isWithoutObject).map { .delete($0) }) + puts
    }

    /// True if the object that a record was made of is gone, or makes none.
    private func isWithoutObject(_ key: RecordKey) -> Bool {
        switch key {
        case .chassis: false
        case .datapathBinding(let id): northbound.switches[id] == nil
        case .portBinding(let id): northbound.ports[id] == nil
        case .dhcpResponder(let id): northbound.dhcpOptions[id].flatMap { Translation.record(of: $0) } == nil
        case .dnsResponder(let id): northbound.dnsRecords[id] == nil
        case .mirrorSession(let id): northbound.mirrors[id] == nil
        }
    }
}
