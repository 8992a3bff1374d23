import HTTP
import HTTPTypes

/// Guests that end: their namespaces and interfaces, and what of ours keeps them.
extension AgentCore {
    /// Checks an existing device before a user who plugs its port is told that it is up.
    mutating func checkBeforePlugging(_ name: String) {
        guard let port = ports[name], !port.isBeingChecked else { return }
        ports[name]?.isBeingChecked = true
        emit(.checkDevices([port.specification: port.place]))
    }

    /// Sees to it that devices which keep a namespace alive are looked at.
    mutating func noteDevicesToCheck(now: Duration) {
        let hasPinned = ports.values.contains { $0.device == .present && $0.place.isPinned }
        deviceCheckAt = hasPinned ? deviceCheckAt ?? now + Self.deviceCheckInterval : nil
    }

    /// Looks at the devices that keep a namespace alive, once in a while.
    mutating func checkPinnedDevices(now: Duration) {
        guard let due = deviceCheckAt, due <= now else { return }
        deviceCheckAt = nil
        let pinned = ports.values.filter { $0.device == .present && $0.place.isPinned && !$0.isLeaving }
        guard !pinned.isEmpty else { return }
        emit(.checkDevices(Dictionary(uniqueKeysWithValues: pinned.map { ($0.specification, $0.place) })))
    }

    mutating func devicesChecked(_ conditions: [String: DeviceCondition], now: Duration) {
        areSocketsBeingChecked = false
        for (name, condition) in conditions.sorted(by: { $0.key < $1.key }) {
            guard let port = ports[name] else { continue }
            ports[name]?.isBeingChecked = false
            if port.device == .present, !port.isLeaving { judge(port, condition, now: now) }
            if port.device == .awaited, condition.isPresent { lookFor(name) }
            guard isAskedToPlug(name) else { continue }
            if let refusal = differences(of: port.specification, from: port) {
                answer(.plug(port: name), .refused(refusal))
            } else if ports[name]?.device == .awaited {
                continue
            } else if ports[name]?.device == .present {
                plugPresent(name)
            } else if ports[name]?.isLookedFor == false {
                plugAgain(name)
            }
        }
        noteDevicesToCheck(now: now)
    }

    /// Gives up a device that is gone, or whose namespace only our descriptors keep alive, or that is not where a user
    /// wants it.
    private mutating func judge(_ port: PluggedPort, _ condition: DeviceCondition, now: Duration) {
        let name = port.specification.name
        let (interface, netns) = (port.specification.interface, port.specification.netns ?? "")
        if port.specification.device.isChecked {
            ports[name]?.takesNoSuperpackets = condition == .presentWithoutSuperpackets
        }
        switch condition {
        case .present, .presentWithoutSuperpackets: break
        case .gone: drop(name, "the interface \(interface) is gone", now: now)
        case .namespaceGone where port.place.isPinned:
            drop(name, "its network namespace \(netns) was deleted", now: now)
        case .namespaceReplaced where port.place.isPinned || isAskedToPlug(name):
            drop(name, "its network namespace \(netns) was deleted, and another one has that name", now: now)
        case .namespaceGone:
            // Processes in it go on without its name.
            let detail = "There is no netns \(netns) any more; the port \(name) is in one that had this name."
            answer(.plug(port: name), .refused(Problem(.conflict, code: "netns_missing", detail: detail)))
        case .namespaceReplaced: break
        }
    }

    /// Claims a port that is there anew if it is not bound here, and answers those who plug it.
    private mutating func plugPresent(_ name: String) {
        guard let port = ports[name] else { return }
        ports[name]?.demand = nil
        let isBoundHere = share.binding(of: port.specification.logicalPort)?.location(on: configuration.chassis) != nil
        if port.isSetAside || !isBoundHere, port.save <= files.portsSaved { claim(name) }
        answerPlugs(of: name)
    }

    /// Gives up a device whose guest has ended: takes it away if it is ours, and with our descriptors what keeps its
    /// namespace alive.
    private mutating func drop(_ name: String, _ reason: String, now: Duration) {
        guard let port = ports[name] else { return }
        forwarder.held.remove(name)
        forwarder.upPorts.remove(name)
        forwarder.commit?.upPorts.remove(name)
        forwarder.changedPorts.insert(name)
        emit(.removeDevice(port.specification, isOwned: port.isOwned))
        deviceFailed(name, "\(reason)\(PluggedPort.remedyMark)\(port.specification.command)", now: now)
    }

    // Guests of vhost-user ports

    /// Tells the forwarder what a VMM has said of its guest.
    mutating func guestChanged(_ name: String, isServed: Bool, takesSuperpackets: Bool) {
        forwarder.unsettledGuests.insert(name)
        guard let port = ports[name], !port.isLeaving else { return }
        ports[name]?.takesNoSuperpackets = isServed && !takesSuperpackets
        switch (port.device, isServed) {
        case (.awaited, true):
            emit(.log(.info, "port \(name): its guest is there"))
            ports[name]?.device = .present
            forwarder.changedPorts.insert(name)
        case (.present, true):
            // The descriptors are others.
            forwarder.held.remove(name)
            forwarder.changedPorts.insert(name)
        case (.present, false):
            emit(.log(.info, "port \(name): its guest is gone; it is waited for"))
            ports[name]?.device = .awaited
            forwarder.upPorts.remove(name)
            forwarder.commit?.upPorts.remove(name)
            forwarder.changedPorts.insert(name)
        // While it is opened, all that was said is asked for at the end.
        case (.unknown, _), (.opening, _), (.awaited, false), (.failed, _): break
        }
    }

    /// Lets VMMs go on that wait for the forwarder: it goes by all that they have said, or there is none.
    mutating func settleGuests() {
        guard !forwarder.unsettledGuests.isEmpty else { return }
        switch forwarder.phase {
        case .away: break
        case .starting: return
        case .connected:
            guard forwarder.commit == nil, !forwarder.needsSnapshot else { return }
            guard forwarder.changedPorts.isDisjoint(with: forwarder.unsettledGuests) else { return }
        }
        emit(.guestsSettled(forwarder.unsettledGuests))
        forwarder.unsettledGuests = []
    }
}
