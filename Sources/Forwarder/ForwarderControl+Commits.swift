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
            unwatch(slots.remove(name, lastIn: publication.newest), of: slot)
        }
        for (name, device) in arrived.devices.sorted(by: { $0.key < $1.key }) { adopt(device, as: name) }
        for name in arrived.ports.sorted() where arrived.devices[name] == nil {
            if slots.ports[name]?.queues.isEmpty ?? true { report(name, EBADF) }
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
            for poller in pollers { poller.publish(next) }
            watchNewDescriptors()
        }
        settle()
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
            guard let port = slots.ports[name], !port.queues.isEmpty,
                let failure = portPollers.lazy.compactMap({ $0.words.failure(port.slot) })
                    .first(where: { $0.generation >= port.since })
            else { continue }
            unwatch(slots.detach(name), of: port.slot)
            publication.outdate()
            report(name, failure.errno)
        }
    }

    private func makeGeneration(_ number: UInt64, _ local: LocalChassis) -> OwnedGeneration {
        paths.setUsualMTU(Int(local.innerMTU))
        guard let (tables, mapped) = compileTables(local) else { preconditionFailure("no memory for tables") }
        var devices: [Int: [Int32]] = [:]
        for port in slots.ports.values { devices[port.slot] = port.queues.map(\.raw) }
        return OwnedGeneration(
            number: number,
            tables: tables,
            of: mapped,
            queueCount: queueCount,
            underlays: underlay?.sockets.map(\.raw) ?? [],
            senders: underlay?.senders.map(\.raw) ?? [],
            isCutting: underlay?.isCutting ?? false,
            devices: devices,
            paths: paths,
            tunnelKeys: tunnelKeys(local),
            keeping: slots.ports.values.flatMap(\.queues) + (underlay.map { $0.sockets + $0.senders } ?? [])
        )
    }

    /// The keys by the addresses of the chassis, with the time from which on tags are demanded: hosts do not hear at the
    /// same moment that they have a key.
    private func tunnelKeys(_ local: LocalChassis) -> [OwnedTunnelPeers.Entry] {
        var entries: [OwnedTunnelPeers.Entry] = []
        for (name, keys) in assembly.inForce.tunnelKeys where name != local.name && !keys.isEmpty {
            guard case .chassis(let chassis)? = assembly.inForce.records[.chassis(name)] else { continue }
            for encap in chassis.encaps {
                let enforcedAt = tagsEnforcedAt[encap.ip] ?? loop.now + Self.untaggedTime
                entries.append(.init(address: encap.ip, keys: keys, enforcedAt: enforcedAt))
            }
        }
        paths.setTagged(Set(entries.map(\.address)))
        tagsEnforcedAt = Dictionary(entries.map { ($0.address, $0.enforcedAt) }) { first, _ in first }
        return entries
    }

    private func compileTables(_ local: LocalChassis) -> (Tables, MappedTables)? {
        let wanted = assembly.inForce
        let former = compiled.localChassis
        let tables: ForwardingTables
        if let present = self.tables, former?.name == local.name, former?.encapIP == local.encapIP {
            tables = present
        } else {
            compiled = TableSet()
            tables = ForwardingTables(
                localChassis: local.name,
                localEncap: local.encapIP,
                innerMTU: Int(local.innerMTU),
                hashSeed: hashSeed,
                epoch: self.tables?.epoch ?? 0
            )
        }
        let put = wanted.records.filter { compiled.records[$0.key] != $0.value }.map { RecordChange.put($0.value) }
        let deleted = compiled.records.keys.filter { wanted.records[$0] == nil }.map { RecordChange.delete($0) }
        var taken: [String: UInt16] = [:]
        for name in slots.sortedNames {
            guard let port = slots.ports[name], !port.queues.isEmpty, let local = wanted.ports[name] else { continue }
            taken[local.logicalPort] = UInt16(port.slot)
        }
        let descriptor = tables.descriptor
        tables.apply(put + deleted, slots: taken, innerMTU: Int(local.innerMTU), now: loop.now)
        if self.tables !== tables || tables.descriptor != descriptor || tables.byteCount > mapped?.byteCount ?? 0 {
            mapped = MappedTables(tables.descriptor)
        }
        self.tables = tables
        compiled = wanted
        guard let mapped else { return nil }
        return mapped.tables(root: tables.rootOffset, length: tables.byteCount).map { ($0, mapped) }
    }

    // Descriptors

    private func adopt(_ queues: [Descriptor], as name: String) {
        do throws(SystemError) {
            for queue in queues { try queue.setNonBlocking() }
        } catch {
            return report(name, error.errno)
        }
        guard let (slot, former) = slots.attach(queues, to: name, since: publication.newest + 1) else {
            return report(name, ENOSPC)
        }
        unwatch(former, of: slot)
        unwatched += queues.enumerated().map { (slot, $0, $1) }
        publication.outdate()
    }

    private func adopt(_ next: Underlay) {
        var next = next
        do throws(SystemError) {
            for socket in next.sockets { try prepare(socket, of: &next) }
        } catch {
            connection?.close("cannot use the underlay's socket: \(error)")
            return
        }
        do throws(SystemError) {
            next.senders = try senderPool.bind(to: next.address)
        } catch {
            log.warning("cannot spread flows over sockets: \(error)")
        }
        unwatch(underlay?.sockets ?? [], of: CounterBlock.underlay)
        underlay = next
        unwatched += next.sockets.enumerated().map { (CounterBlock.underlay, $0, $1) }
        publication.outdate()
    }

    /// Asks the kernel for trains both ways and for what outer headers say. Where it has none, datagrams come and go
    /// one by one.
    private func prepare(_ socket: Descriptor, of underlay: inout Underlay) throws(SystemError) {
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
    }

    /// Lets pollers read what the generation just published has: not before, since they would not know what it is.
    private func watchNewDescriptors() {
        let coming = unwatched
        unwatched = []
        var failed: Set<CounterBlock.Source> = []
        for (source, queue, descriptor) in coming where !failed.contains(source) {
            do throws(SystemError) {
                try poller(of: source, queue: queue).watch(descriptor, as: source, queue: queue)
            } catch {
                failed.insert(source)
                guard let name = slots.name(ofSlot: source) else {
                    connection?.close("cannot read the underlay: \(error)")
                    continue
                }
                unwatch(slots.detach(name), of: source)
                publication.outdate()
                report(name, error.errno)
            }
        }
    }

    private func unwatch(_ queues: [Descriptor], of source: CounterBlock.Source) {
        for (queue, descriptor) in queues.enumerated() {
            poller(of: source, queue: queue).unwatch(descriptor)
            unwatched.removeAll { $0.descriptor === descriptor }
        }
    }

    private func report(_ name: String, _ errno: Int32) {
        log.warning("\(SystemError(call: "device of port \(name)", errno: errno))")
        connection?.send(.portFailed(name: name, errno: errno))
    }
}
