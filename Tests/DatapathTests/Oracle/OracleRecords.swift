import Datapath
import Southbound
import Wire

/// The records as the oracle reads them: a linear scan for everything.
struct OracleRecords {
    /// All inputs that tables were compiled from, oldest first: where ports were counts for a second.
    var history: [TableInput]

    var input: TableInput { history[history.count - 1] }

    func ports(of datapath: DatapathBinding) -> [PortBinding] {
        input.ports.filter { $0.datapath == datapath.id }.sorted { $0.tunnelKey < $1.tunnelKey }
    }

    func datapath(of port: PortBinding) -> DatapathBinding? {
        input.datapaths.first { $0.id == port.datapath }
    }

    func port(in slot: UInt16) -> PortBinding? {
        guard let name = input.plugged.first(where: { $0.slot == slot })?.logicalPort else { return nil }
        return input.ports.first {
            $0.logicalPort == name && isHere($0) && !$0.isVirtual && self.slot(of: $0) == slot
        }
    }

    /// True if the switch of the port is joined to a physical network.
    func isJoined(_ port: PortBinding) -> Bool {
        datapath(of: port).map { ports(of: $0).contains(where: \.isLocalnet) } ?? false
    }

    /// The slot that frames for the port leave by: its own, or that of the wire to its host.
    func exit(of port: PortBinding) -> UInt16? {
        if isHere(port), let slot = slot(of: port) { return slot }
        guard isJoined(port), chassis(of: port).contains(where: { $0 != input.localChassis }),
            let datapath = datapath(of: port)
        else { return nil }
        return ports(of: datapath).lazy.filter { $0.isLocalnet && $0.isEnabled }.compactMap { self.slot(of: $0) }.first
    }

    /// The slot of its device; of a virtual port that of the parent which has it.
    func slot(of port: PortBinding) -> UInt16? {
        let place = port.locations.first { $0.state == .active && $0.chassis == input.localChassis }
        let device = port.isVirtual ? place?.parent : port.logicalPort
        // A nested port is there with its parent.
        if !port.isVirtual, let parent = port.parentPort, !input.plugged.contains(where: { $0.logicalPort == parent }) {
            return nil
        }
        return device.flatMap { device in input.plugged.last { $0.logicalPort == device }?.slot }
    }

    func chassis(of port: PortBinding) -> [String] { port.locations.map(\.chassis) }

    func isStandbyHere(_ port: PortBinding) -> Bool {
        port.locations.contains { $0.chassis == input.localChassis && $0.state == .standby }
            && slot(of: port) != nil
    }

    func isHere(_ port: PortBinding) -> Bool {
        port.isLocalnet || chassis(of: port).contains(input.localChassis)
    }

    func isHereAndPlugged(_ port: PortBinding) -> Bool { isHere(port) && slot(of: port) != nil }

    /// Returns the tunnel addresses of the port.
    func places(of port: PortBinding) -> [IPAddress] {
        guard !isJoined(port) else { return [] }
        return chassis(of: port).filter { $0 != input.localChassis }.compactMap { name in
            input.chassis.first { $0.name == name }?.encaps.map(\.ip)
                .first { $0.bitCount == input.localEncap.bitCount }
        }
    }

    /// True if the chassis with this encap is known, or was that of a port which left it a moment ago.
    func isKnownEncap(_ source: IPAddress, now: Duration) -> Bool {
        input.chassis.contains { $0.name != input.localChassis && $0.encaps.contains { $0.ip == source } }
            || input.ports.contains { pastEncaps(of: $0, at: input.now).contains(source) }
    }

    func takes(_ port: PortBinding, from source: IPAddress, now: Duration) -> Bool {
        let current = chassis(of: port).filter { $0 != input.localChassis }
        let encaps = input.chassis.filter { current.contains($0.name) }.flatMap(\.encaps).map(\.ip)
        return encaps.contains(source) || pastEncaps(of: port, at: now).contains(source)
    }

    /// The encaps of the places that the port has left by a newer binding, within the second after that.
    func pastEncaps(of port: PortBinding, at now: Duration) -> [IPAddress] {
        var left: [String: (deadline: Duration, encaps: [IPAddress])] = [:]
        for (older, newer) in zip(history, history.dropFirst()) {
            guard let after = newer.ports.first(where: { $0.id == port.id }) else {
                left = [:]
                continue
            }
            left = left.filter { $0.value.deadline > newer.now }
            let before = older.ports.first { $0.id == port.id }
            if let before, newestFence(of: after) > newestFence(of: before) {
                for name in chassis(of: before) where left[name] == nil {
                    let encaps = older.chassis.first { $0.name == name }?.encaps.map(\.ip) ?? []
                    left[name] = (newer.now + .seconds(1), encaps)
                }
            }
            for name in chassis(of: after) + [newer.localChassis] { left[name] = nil }
        }
        return left.filter { now < $0.value.deadline }.flatMap { name, past in
            input.chassis.first { $0.name == name }?.encaps.map(\.ip) ?? past.encaps
        }
    }

    func newestFence(of port: PortBinding) -> UInt64 { port.locations.map(\.bindSeq).max() ?? 0 }
}
