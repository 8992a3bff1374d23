import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Logging
import Reactor
import Wire

extension ForwarderControl {
    /// Puts what a commit has changed into the next generation.
    func commit(_ outcome: CommitAssembly.Outcome) {
        if arrived.hasKeys { places = nil }
        for name in outcome.removedPorts {
            noteRings(of: name)
            guard let slot = slots.ports[name]?.slot else { continue }
            unwatch(slots.remove(name, lastIn: publication.newest), of: slot)
        }
        for (name, port) in arrived.ports.sorted(by: { $0.key < $1.key }) {
            let slot = port.slot
            if let former = slots.ports[name], former.slot != Int(slot) {
                noteRings(of: name)
                unwatch(slots.remove(name, lastIn: publication.newest), of: former.slot)
            }
            if port.isNested {
                if slots.ports[name]?.isNested != true { attach([], isNested: true, to: name, slot: Int(slot)) }
            } else if let device = arrived.devices[name] {
                if let layout = port.rings {
                    adopt(layout, device, as: name, slot: Int(slot))
                } else {
                    adopt(device, as: name, port)
                }
            } else if slots.ports[name]?.queues.isEmpty ?? true {
                report(name, EBADF)
            }
        }
        if let next = arrived.underlay { adopt(next) }
        arrived = Arrivals()
        if outcome.changesForwarding { publication.outdate() }
        publication.add(.init(epoch: assembly.inForce.epoch, revision: assembly.inForce.revision))
        // At the end of the turn: commits that came together are published together.
        loop.defer { [weak self] in self?.publish() }
    }

    /// Publishes a generation if it is time for one.
    func publish() {
        if let tables, let mapped, let number = publication.begin() {
            let next = makeGeneration(number, tables, mapped)
            generations.append(next)
            for poller in pollers { poller.publish(next) }
            watchNewDescriptors()
            watchAdvertisers()
            watchQueriers()
        }
        settle()
    }

    /// Acknowledges what every poller has seen, and frees what none uses any more.
    func settle() {
        for stamp in publication.see(pollers.map(\.words.seen).min() ?? 0) {
            connection?.send(.acknowledged(epoch: stamp.epoch, revision: stamp.revision))
        }
        tellCaptures()
        generations.removeAll { $0.number < publication.seen }
        adoptWaitingRings()
        for slot in slots.free(seenByAll: publication.seen) {
            for poller in pollers { poller.counters.clear(slot) }
            counters.clear(slot)
        }
    }

    /// Takes devices that are gone out of the tables and tells the agent.
    func detachFailedDevices() {
        for name in slots.sortedNames {
            guard let port = slots.ports[name], !port.queues.isEmpty,
                let failure = portPollers.lazy.compactMap({ $0.words.failure(port.slot) })
                    .first(where: { $0.generation >= port.since })
            else { continue }
            detach(name)
            report(name, failure.errno)
        }
    }

    /// Maps the tables that the agent has put into force; `false` if they cannot be read, and those before stay.
    func mapTables() -> Bool {
        guard let place = assembly.inForce.tables, let file = arrived.tableFile ?? tableFile else { return false }
        let length = Int(clamping: place.length)
        var next = arrived.tableFile == nil ? mapped : nil
        // The file grows by doubling, so that it is seldom mapped anew.
        if length > next?.byteCount ?? 0 { next = MappedTables(file.raw) }
        guard let next, let tables = next.tables(root: Int(clamping: place.root), length: length) else { return false }
        if arrived.tableFile != nil || tables.placesGeneration != self.tables?.placesGeneration { places = nil }
        (tableFile, mapped, self.tables) = (file, next, tables)
        self.tables?.activations = activations
        return true
    }

    private func makeGeneration(_ number: UInt64, _ tables: Tables, _ mapped: MappedTables) -> OwnedGeneration {
        paths.setUsualMTU(tables.innerMTU)
        let places = self.places ?? OwnedPlaces(tables, paths, tunnelKeys())
        self.places = places
        var devices: [Int: [Int32]] = [:]
        for port in slots.ports.values { devices[port.slot] = port.handles }
        let rates = sendingRates.compactMap { rate in
            slots.ports[rate.port].map { (slot: $0.slot, prices: SendingPrices(rate)) }
        }
        let storms = sendingRates.compactMap { rate in
            slots.ports[rate.port].map { (slot: $0.slot, limits: StormLimits(rate.storms)) }
        }
        return OwnedGeneration(
            number: number,
            tables: tables,
            of: mapped,
            queueCount: queueCount,
            underlays: underlay?.sockets.map(\.raw) ?? [],
            senders: underlay?.senders.map(\.raw) ?? [],
            isCutting: underlay?.isCutting ?? false,
            devices: devices,
            places: places,
            captures: tapsBySlot,
            learnt: learnt?.file,
            tracked: tracked?.file,
            mirrors: ownedMirrors(),
            prices: rates.filter { !$0.prices.isNothing },
            storms: storms.filter { !$0.limits.isNothing },
            keeping: slots.ports.values.flatMap(\.queues) + (underlay.map { $0.sockets + $0.senders } ?? []),
            rings: slots.ports.values.compactMap(\.rings)
        )
    }

    /// The keys by the addresses of the chassis, with the time from which on tags are demanded: hosts do not hear at
    /// the same moment that they have a key.
    private func tunnelKeys() -> [OwnedTunnelPeers.Entry] {
        let entries = assembly.inForce.tunnelKeys.map { address, keys in
            let enforcedAt = tagsEnforcedAt[address] ?? loop.now + Self.untaggedTime
            return OwnedTunnelPeers.Entry(address: address, keys: keys, enforcedAt: enforcedAt)
        }
        paths.setTagged(Set(entries.map(\.address)))
        tagsEnforcedAt = Dictionary(entries.map { ($0.address, $0.enforcedAt) }) { first, _ in first }
        return entries
    }

    // Descriptors

    private func adopt(_ queues: [Descriptor], as name: String, _ port: LocalPort) {
        do throws(SystemError) {
            for queue in queues { try queue.setNonBlocking() }
        } catch {
            return report(name, error.errno)
        }
        noteRings(of: name)
        attach(queues, tag: port.tag, to: name, slot: Int(port.slot))
    }

    func attach(
        _ queues: [Descriptor],
        rings: RingDevice? = nil,
        isNested: Bool = false,
        tag: UInt16 = 0,
        to name: String,
        slot: Int
    ) {
        let since = publication.newest + 1
        let former = slots.attach(
            queues,
            rings: rings,
            isNested: isNested,
            tag: tag,
            to: name,
            slot: slot,
            since: since
        )
        guard let former else { return report(name, ENOSPC) }
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

    /// Asks the kernel for trains both ways and for what outer headers say. If it has none, datagrams come and go
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
                if queue == 0, let name = slots.name(ofSlot: source) { slots.ports[name]?.rings?.begin() }
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

    func unwatch(_ queues: [Descriptor], of source: CounterBlock.Source) {
        for (queue, descriptor) in queues.enumerated() {
            poller(of: source, queue: queue).unwatch(descriptor)
            unwatched.removeAll { $0.descriptor === descriptor }
        }
    }

    func report(_ name: String, _ errno: Int32) {
        log.warning("\(SystemError(call: "device of port \(name)", errno: errno))")
        connection?.send(.portFailed(name: name, errno: errno))
    }
}

extension StormLimits {
    fileprivate init(_ rates: StormRates) {
        self.init(broadcasts: rates.broadcasts, multicasts: rates.multicasts, unknowns: rates.unknowns)
    }
}

extension SendingPrices {
    fileprivate init(_ rate: PortRate) {
        self.init(
            bitsPerSecond: rate.bitsPerSecond,
            burstBits: rate.burstBits,
            framesPerSecond: rate.framesPerSecond
        )
    }
}
