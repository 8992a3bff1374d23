import HTTP
import HTTPTypes
import Wire

extension AgentCore {
    /// The errors of reading from a TAP that was deleted: EBADFD, ENODEV.
    private static let errorsOfGoneDevices: Set<Int32> = [77, 19]

    /// Opens the devices whose descriptors nobody holds: those of a host that has just started.
    mutating func openDevices() {
        for name in ports.keys.sorted() {
            guard let port = ports[name], port.device == .unknown, !port.isLeaving else { continue }
            ports[name]?.device = .opening
            emit(.openDevice(port.specification, restoring(port)))
        }
    }

    /// Returns the way to open the device of a port that an earlier start has plugged. No device is made in the
    /// namespace of a process: its number may belong to another one by now.
    private func restoring(_ port: PluggedPort) -> DeviceOrder {
        let mtu = port.specification.mtu ?? portMTU
        return .restore(isOwned: port.isOwned && !isOfProcess(port.specification), mtu: mtu)
    }

    private func isOfProcess(_ port: PortSpecification) -> Bool { port.netns?.hasPrefix("/proc/") ?? false }

    mutating func deviceOpened(_ name: String, _ result: Result<Device, Problem>, now: Duration) {
        guard let port = ports[name], !port.isLeaving else {
            // A device that is still to be removed is removed by its descriptor; nobody else asks for it any more.
            if ports[name]?.isRemovalAsked ?? true { emit(.releaseDevice(port: name)) }
            return
        }
        ports[name]?.isLookedFor = false
        if case .failure = result, port.isLookedFor, port.demand != nil { return plugAgain(name) }
        ports[name]?.demand = nil
        switch result {
        case .success(let device):
            let isAsked = isAskedToPlug(name)
            if case .failed = port.device {
                emit(.log(.info, "port \(name): its device is there again"))
                ports[name]?.isOwned = device.isOwned
            }
            if port.device == .awaited { emit(.log(.info, "port \(name): its device is there")) }
            ports[name]?.device = .present
            ports[name]?.mac = device.mac
            ports[name]?.isToBeRestored = false
            ports[name]?.place = device.place
            noteDevicesToCheck(now: now)
            if port.isWire { announcements.openings[name, default: 0] += 1 }
            // It may have gone while it was opened, and what it takes is not known yet.
            if port.specification.device.isChecked { mustCheckSockets = true }
            forwarder.held.remove(name)
            forwarder.changedPorts.insert(name)
            if isAsked || port.claim == 0 {
                ports[name]?.isOwned = device.isOwned
                claim(name)
            } else if device.place != port.place {
                _ = savePorts()
            }
        case .failure(let refusal) where isAwaited(port, refusal):
            ports[name]?.device = .awaited
            mustCheckSockets = true
            if isAskedToPlug(name) || port.claim == 0 { claim(name) }
        case .failure(let refusal):
            answer(.plug(port: name), .refused(refusal))
            if port.claim == 0 {
                ports[name] = nil
            } else {
                deviceFailed(name, reason(for: port, refusal), now: now)
            }
        }
    }

    /// The reason why a port has no device, and what helps.
    private func reason(for port: PluggedPort, _ refusal: Problem) -> String {
        let wanted = port.specification
        switch refusal.code {
        case "netns_missing", "device_missing":
            // A known cause tells more than that the device is missing.
            if case .failed(let reason) = port.device, !port.isToBeRestored { return reason }
            guard port.isOwned, refusal.code == "netns_missing", let netns = wanted.netns else {
                return "\(refusal.detail) To make it: \(wanted.command)"
            }
            let missing = "there is no network namespace \(netns)"
            guard !isOfProcess(wanted) else {
                return "\(missing); its guest has ended, so unplug the port: heddle port del \(wanted.name)"
            }
            let example = netns.utf8.contains(UInt8(ascii: "/")) ? "" : ", as after 'ip netns add \(netns)'"
            return "\(missing); the port is made again once there is\(example)"
        default: return refusal.detail
        }
    }

    /// True if others are to make the device, and have not.
    private func isAwaited(_ port: PluggedPort, _ refusal: Problem) -> Bool {
        port.specification.device.isOfOthers && refusal.code == "device_missing"
    }

    func isAskedToPlug(_ name: String) -> Bool { waiting.contains { $0.subject == .plug(port: name) } }

    /// The forwarder has let go of a device that no longer works: removed by somebody, or its namespace is gone.
    mutating func devicePulled(_ name: String, errno: Int32, now: Duration) {
        guard let port = ports[name], forwarder.held.remove(name) != nil else { return }
        forwarder.upPorts.remove(name)
        forwarder.commit?.upPorts.remove(name)
        guard port.device == .present, !port.isLeaving else { return }
        emit(.releaseDevice(port: name))
        let what = "the interface \(port.specification.interface)"
        let isGone = Self.errorsOfGoneDevices.contains(errno)
        let reason = isGone ? "\(what) is gone" : "\(what) fails (errno \(errno))"
        deviceFailed(name, "\(reason)\(PluggedPort.remedyMark)\(port.specification.command)", now: now)
        forwarder.changedPorts.insert(name)
    }

    mutating func deviceFailed(_ name: String, _ reason: String, now: Duration) {
        guard let port = ports[name], port.device != .failed(reason) else { return }
        if port.specification.device.isOfOthers, port.device == .present {
            // Those who have made it make it again.
            let cause = reason.split(separator: PluggedPort.remedyMark).first ?? ""
            emit(.log(.warning, "port \(name): \(cause); it is waited for"))
            ports[name]?.device = .awaited
            return lookFor(name)
        }
        ports[name]?.device = .failed(reason)
        emit(.log(.warning, "port \(name): \(reason)"))
        if deviceRetryAt == nil { deviceRetryAt = now + Self.deviceRetryInterval }
    }

    /// Removes the devices of ports that leave, and looks for lost devices again, once in a while.
    mutating func settleDevices(now: Duration) {
        removeLeavingDevices()
        checkPinnedDevices(now: now)
        checkSockets(now: now)
        guard let due = deviceRetryAt, due <= now else { return }
        let failed = ports.values.filter { port in
            if case .failed = port.device { return !port.isLeaving && !port.isLookedFor }
            return false
        }
        let hasFailed = ports.values.contains { if case .failed = $0.device { !$0.isLeaving } else { false } }
        deviceRetryAt = hasFailed ? now + Self.deviceRetryInterval : nil
        for port in failed.sorted(by: { $0.specification.name < $1.specification.name }) {
            ports[port.specification.name]?.isLookedFor = true
            let order = port.isToBeRestored ? restoring(port) : .reopen(isOwned: port.isOwned)
            emit(.openDevice(port.specification, order))
        }
    }

    /// Opens a device that others have made, unless that is under way.
    mutating func lookFor(_ name: String) {
        guard let port = ports[name], !port.isLookedFor, !port.isLeaving else { return }
        ports[name]?.isLookedFor = true
        emit(.openDevice(port.specification, .reopen(isOwned: port.isOwned)))
    }

    /// Looks at the devices that are served by packet sockets, which do not tell when theirs is gone, and for those
    /// that are waited for: when a device of this host has changed, one look at a time.
    private mutating func checkSockets(now: Duration) {
        guard mustCheckSockets, !areSocketsBeingChecked else { return }
        if let socketCheckAt, now < socketCheckAt { return }
        mustCheckSockets = false
        let served = ports.values.filter { port in
            let isThere = port.device == .present || port.device == .awaited
            return isThere && port.specification.device.isChecked && !port.isLeaving
        }
        guard !served.isEmpty else { return }
        areSocketsBeingChecked = true
        socketCheckAt = now + Self.socketCheckInterval
        emit(.checkDevices(Dictionary(uniqueKeysWithValues: served.map { ($0.specification, $0.place) })))
    }

    /// Removes the devices of leaving ports, or gives them back, when two things are done: the leaving is on disk, so
    /// that a restart finishes it, and the forwarder has released the device, so that the next user finds it free.
    private mutating func removeLeavingDevices() {
        for name in ports.keys.sorted() {
            guard let port = ports[name], port.isLeaving, !port.isRemovalAsked else { continue }
            guard port.save <= files.portsSaved, forwarder.hasLetGo(of: name) else { continue }
            ports[name]?.isRemovalAsked = true
            emit(.removeDevice(port.specification, isOwned: port.isOwned))
        }
    }

    mutating func deviceRemoved(_ name: String, _ failure: String?) {
        guard let port = ports[name], port.isLeaving else { return }
        if let failure {
            let detail = "The device of the port \(name) cannot be removed: \(failure). Try again."
            return answer(
                .unplug(port: name),
                .refused(Problem(.serviceUnavailable, code: "device_busy", detail: detail))
            )
        }
        // The file tells that the port is leaving until it is saved without it: nothing more can bring it back.
        ports[name] = nil
        _ = savePorts()
        answer(.unplug(port: name), .deleted)
    }
}
