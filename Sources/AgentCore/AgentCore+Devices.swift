import Wire

extension AgentCore {
    /// What reading from a TAP that was deleted fails with: EBADFD, ENODEV.
    private static let errorsOfGoneDevices: Set<Int32> = [77, 19]

    /// Opens the devices whose descriptors nobody holds: those of a host that has just started.
    mutating func openDevices() {
        for name in ports.keys.sorted() {
            guard let port = ports[name], port.device == .unknown, !port.isLeaving else { continue }
            ports[name]?.device = .opening
            let mtu = port.specification.mtu ?? portMTU
            emit(.openDevice(port.specification, .restore(isOwned: port.isOwned, mtu: mtu)))
        }
    }

    mutating func deviceOpened(_ name: String, _ result: Result<Device, Refusal>, now: Duration) {
        guard let port = ports[name], !port.isLeaving else { return }
        ports[name]?.isLookedFor = false
        if case .failure = result, port.isLookedFor, port.demand != nil { return plugAgain(name) }
        ports[name]?.demand = nil
        switch result {
        case .success(let device):
            let isAsked = waiting.contains { $0.subject == .plug(port: name) }
            if case .failed = port.device {
                emit(.log(.info, "port \(name): its device is there again"))
                ports[name]?.isOwned = device.isOwned
            }
            ports[name]?.device = .present
            ports[name]?.mac = device.mac
            forwarder.held.remove(name)
            forwarder.changedPorts.insert(name)
            if isAsked || port.claim == 0 {
                ports[name]?.isOwned = device.isOwned
                claim(name)
            }
        case .failure(let refusal):
            answer(.plug(port: name), .refused(refusal))
            if port.claim == 0 {
                ports[name] = nil
            } else {
                deviceFailed(name, refusal.detail, now: now)
            }
        }
    }

    /// The forwarder has let go of a device that no longer works: removed by somebody, or its namespace is gone.
    mutating func devicePulled(_ name: String, errno: Int32, now: Duration) {
        guard let port = ports[name], forwarder.held.remove(name) != nil else { return }
        forwarder.upPorts.remove(name)
        forwarder.commit?.upPorts.remove(name)
        guard port.device == .present, !port.isLeaving else { return }
        emit(.releaseDevice(port: name))
        let what = "the interface \(port.specification.interface)"
        let isGone = Self.errorsOfGoneDevices.contains(errno)
        deviceFailed(name, isGone ? "\(what) is gone; plug the port again" : "\(what) fails (errno \(errno))", now: now)
        forwarder.changedPorts.insert(name)
    }

    private mutating func deviceFailed(_ name: String, _ reason: String, now: Duration) {
        guard ports[name]?.device != .failed(reason) else { return }
        ports[name]?.device = .failed(reason)
        emit(.log(.warning, "port \(name): \(reason)"))
        if deviceRetryAt == nil { deviceRetryAt = now + Self.deviceRetryInterval }
    }

    /// Removes the devices of ports that leave, and looks for lost devices again, once in a while.
    mutating func settleDevices(now: Duration) {
        removeLeavingDevices()
        guard let due = deviceRetryAt, due <= now else { return }
        let failed = ports.values.filter { port in
            if case .failed = port.device { return !port.isLeaving && !port.isLookedFor }
            return false
        }
        let hasFailed = ports.values.contains { if case .failed = $0.device { !$0.isLeaving } else { false } }
        deviceRetryAt = hasFailed ? now + Self.deviceRetryInterval : nil
        for port in failed.sorted(by: { $0.specification.name < $1.specification.name }) {
            ports[port.specification.name]?.isLookedFor = true
            emit(.openDevice(port.specification, .reopen(isOwned: port.isOwned)))
        }
    }

    /// Takes the devices of ports that leave away, or gives them back: when the leaving is on disk, so that a restart
    /// finishes it, and the forwarder has let go, so that the next user finds the device free.
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
            return answer(.unplug(port: name), .refused(Refusal(.unavailable, code: "device_busy", detail: detail)))
        }
        // The file tells that the port is leaving until it is saved without it: nothing more can bring it back.
        ports[name] = nil
        _ = savePorts()
        answer(.unplug(port: name), .deleted)
    }
}
