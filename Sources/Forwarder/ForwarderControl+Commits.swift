import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Logging
import Reactor
import Southbound
import Wire

extension ForwarderControl {
    /// Puts what a commit has changed into the next generation.
    func commit(_ outcome: TableAssembly.Outcome) {
        for name in outcome.removedPorts {
            guard let slot = slots.ports[name]?.slot else { continue }
            if let device = slots.remove(name, lastIn: publication.newest) { unwatch(device, by: poller(of: slot)) }
        }
        for (name, device) in arrived.devices.sorted(by: { $0.key < $1.key }) { adopt(device, as: name) }
        for name in arrived.ports.sorted() where slots.ports[name]?.device == nil && arrived.devices[name] == nil {
            report(name, EBADF)
        }
        if let next = arrived.underlay { adopt(next) }
        arrived = Arrivals()
        if outcome.changesForwarding { publication.outdate() }
        publication.add(.init(epoch: assembly.inForce.epoch, revision: assembly.inForce.revision))
        // At the end of the turn: commits that came together are compiled together.
        loop.defer { [weak self] in self?.publish() }
    }

    /// Publishes a generation if it is time for one.
    func publish() {
        if let local = assembly.inForce.localChassis, let number = publication.begin() {
            let next = makeGeneration(number, local)
            generations.append(next)
            if number == 1 { recover(next) }
            for poller in pollers { poller.publish(next) }
            watchNewDescriptors()
        }
        settle()
    }

    /// Hands on what the forwarder before this one had taken. No poller runs yet: a frame that ends this process is the
    /// only one that is under way.
    private func recover(_ first: OwnedGeneration) {
        for (poller, journal) in zip(pollers, journal.pollers) {
            var frames = FrameSwitch(
                ports: TAPIO(),
                underlay: UDPIO(),
                counters: poller.counters,
                journal: journal,
                quarantine: self.journal.quarantine
            )
            frames.recover(first.pointer, now: Clock.monotonic())
        }
    }

    /// Acknowledges what every poller has seen, and frees what none uses any more.
    func settle() {
        for stamp in publication.see(pollers.map(\.words.seen).min() ?? 0) {
            connection?.send(.acknowledged(epoch: stamp.epoch, revision: stamp.revision))
        }
        generations.removeAll { $0.number < publication.seen }
        for slot in slots.free(seenByAll: publication.seen) {
            for poller in pollers { poller.counters.clear(slot) }
        }
    }

    /// Takes devices that are gone out of the tables and tells the agent.
    func detachFailedDevices() {
        for name in slots.sortedNames {
            guard let port = slots.ports[name], port.device != nil,
                let failure = poller(of: port.slot).words.failure(port.slot), failure.generation >= port.since
            else { continue }
            _ = slots.detach(name)
            publication.outdate()
            report(name, failure.errno)
        }
    }

    private func makeGeneration(_ number: UInt64, _ local: LocalChassis) -> OwnedGeneration {
        let tables = compileTables(local)
        self.tables = tables
        var devices: [Int: Int32] = [:]
        var portKeys: [Int: UInt64] = [:]
        for (name, port) in slots.ports {
            devices[port.slot] = port.device?.raw
            portKeys[port.slot] = portKey(name)
        }
        return OwnedGeneration(
            number: number,
            tables: tables,
            underlay: underlay?.socket.raw ?? -1,
            senders: underlay?.senders.map(\.raw) ?? [],
            isCutting: underlay?.isCutting ?? false,
            devices: devices,
            portKeys: portKeys,
            keeping: slots.ports.values.compactMap(\.device) + (underlay.map { [$0.socket] + $0.senders } ?? [])
        )
    }

    private func compileTables(_ local: LocalChassis) -> ForwardingTables {
        var input = TableInput(
            localChassis: local.name,
            localEncap: local.encapIP,
            innerMTU: Int(local.innerMTU)
        )
        for record in assembly.inForce.records.values {
            switch record {
            case .chassis(let chassis): input.chassis.append(chassis)
            case .datapathBinding(let datapath): input.datapaths.append(datapath)
            case .portBinding(let port): input.ports.append(port)
            }
        }
        for name in slots.sortedNames {
            guard let port = slots.ports[name], port.device != nil, let local = assembly.inForce.ports[name] else {
                continue
            }
            input.localPorts.append(.init(logicalPort: local.logicalPort, slot: UInt16(port.slot)))
        }
        input.previous = tables
        input.now = loop.now
        input.hashSeed = hashSeed
        return ForwardingTables.compile(input)
    }

    // Descriptors

    private func adopt(_ device: Descriptor, as name: String) {
        do throws(SystemError) {
            try device.setNonBlocking()
        } catch {
            return report(name, error.errno)
        }
        guard let (slot, former) = slots.attach(device, to: name, since: publication.newest + 1) else {
            return report(name, ENOSPC)
        }
        if let former { unwatch(former, by: poller(of: slot)) }
        unwatched.append((slot, device))
        publication.outdate()
    }

    private func adopt(_ next: Underlay) {
        var next = next
        do throws(SystemError) {
            try prepare(&next)
        } catch {
            connection?.close("cannot use the underlay's socket: \(error)")
            return
        }
        if let former = underlay { unwatch(former.socket, by: underlayPoller) }
        underlay = next
        unwatched.append((CounterBlock.underlay, next.socket))
        publication.outdate()
    }

    /// Asks the kernel for trains both ways and for what outer headers say. Where it has none, datagrams come and go
    /// one by one.
    private func prepare(_ underlay: inout Underlay) throws(SystemError) {
        let socket = underlay.socket
        let isIPv6 = if case .v6 = underlay.address { true } else { false }
        try SenderPool.forbidFragments(socket, isIPv6: isIPv6)
        if isIPv6 {
            try socket.setOption(CLINUX_IPPROTO_IPV6, IPV6_RECVTCLASS, 1)
        } else {
            try socket.setOption(CLINUX_IPPROTO_IP, IP_RECVTOS, 1)
        }
        do throws(SystemError) {
            try socket.setOption(CLINUX_SOL_UDP, CLINUX_UDP_GRO, 1)
        } catch {
            log.warning("the kernel does not receive datagrams in trains: \(error)")
        }
        do throws(SystemError) {
            _ = try socket.option(CLINUX_SOL_UDP, CLINUX_UDP_SEGMENT)
        } catch {
            log.warning("the kernel does not send datagrams in trains: \(error)")
            underlay.isCutting = false
        }
        do throws(SystemError) {
            underlay.senders = try senderPool.bind(to: underlay.address)
        } catch {
            log.warning("cannot spread flows over sockets: \(error)")
        }
    }

    /// Lets pollers read what the generation just published has: not before, since they would not know what it is.
    private func watchNewDescriptors() {
        for (source, descriptor) in unwatched {
            do throws(SystemError) {
                try poller(of: source).watch(descriptor, as: source)
            } catch {
                guard let name = slots.name(ofSlot: source) else {
                    connection?.close("cannot read the underlay: \(error)")
                    continue
                }
                _ = slots.detach(name)
                publication.outdate()
                report(name, error.errno)
            }
        }
        unwatched = []
    }

    private func unwatch(_ descriptor: Descriptor, by poller: Poller) {
        poller.unwatch(descriptor)
        unwatched.removeAll { $0.descriptor === descriptor }
    }

    private func report(_ name: String, _ errno: Int32) {
        log.warning("\(SystemError(call: "device of port \(name)", errno: errno))")
        connection?.send(.portFailed(name: name, errno: errno))
    }
}
