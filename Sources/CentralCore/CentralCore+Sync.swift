import NetworkModel
import Persistent
import Southbound
import Wire

/// A sync is two things: what a chassis says, which only a core that leads hears, and its poll of the feed.
extension CentralCore {
    mutating func sync(_ ticket: Ticket, _ name: String, _ request: SyncRequest, isCertified: Bool) {
        let queued = pending.count
        do throws(Refusal) {
            if configuration.isLeader { try hear(name, request, isCertified: isCertified) }
        } catch {
            return answerWhenDurable(ticket, .refused(error, operationIndex: nil))
        }
        poll(ticket, Poll(of: name, request), hasCommitted: pending.count > queued)
    }

    /// Hears what a chassis says: its identity first, which may refuse it, then its lease, its tables and its claims.
    private mutating func hear(_ name: String, _ request: SyncRequest, isCertified: Bool) throws(Refusal) {
        try checkBoot(of: name, request)
        try checkPlace(of: name, request)
        let superseded = try checkIdentity(of: name, request, isCertified: isCertified)
        keep(request, of: name)
        register(name, request, superseding: superseded)
        settleUnsettledPorts(of: name)
        report(request.errors, of: name)
        if let parked = sessions[name]?.parkedSync { answerPoll(parked) }
        checkRealizations(of: name)
    }

    /// Answers the poll of a chassis.
    /// - Parameter hasCommitted: True if its own words brought about commits, from which its feed goes on.
    private mutating func poll(_ ticket: Ticket, _ poll: Poll, hasCommitted: Bool) {
        if hasCommitted, let last = pending.indices.last {
            pending[last].syncs.append((ticket, poll))
        } else if working.revision > durable.revision, durable.southbound.chassis(named: poll.chassis) == nil {
            parkUntilDurable(ticket, poll)
        } else {
            read(ticket, poll)
        }
    }

    /// Says what went wrong on a host, as much of it as its budget has room for.
    private mutating func report(_ errors: [SyncRequest.HostError], of name: String) {
        guard let (said, omittedCount) = sessions[name]?.reports.take(errors, now: now) else { return }
        if omittedCount > 0 {
            let text = "\(omittedCount) more lines about chassis \(name) were left out."
            effects.append(.log(LogEntry(.warning, text)))
        }
        for error in said {
            let place = error.logicalPort.isEmpty ? "" : " (port \(error.logicalPort))"
            effects.append(.log(LogEntry(.warning, "Chassis \(name) reports: \(error.detail)\(place)")))
        }
    }

    /// A chassis whose registration is still on the way has no feed before it is there.
    private mutating func parkUntilDurable(_ ticket: Ticket, _ poll: Poll) {
        if let last = pending.indices.last {
            pending[last].syncs.append((ticket, poll))
        } else if let last = appending.indices.last {
            appending[last].syncs.append((ticket, poll))
        }
    }

    /// Refuses what an agent said earlier than something already heard.
    private func checkBoot(of name: String, _ request: SyncRequest) throws(Refusal) {
        // A chassis that is there already goes on under a name that an older version allowed.
        if working.southbound.chassis(named: name) == nil, let problem = ObjectName.problem(ofChassis: name) {
            throw Refusal(.invalidValue, "\(quoted(name)) cannot be the name of a chassis: \(problem).")
        }
        guard let session = sessions[name],
            working.southbound.chassis(named: name)?.chassisID == request.chassisID
        else { return }
        // Only while the newer start is heard: a late sync that took over by itself must not lock the real one out.
        if session.formerBootIDs.contains(request.bootID), session.leaseEnd > now {
            let detail = "A newer start of the agent of \"\(name)\" is connected."
            throw Refusal(.staleSequence, detail, pointer: "/boot_id")
        }
        if session.bootID == request.bootID, request.seq <= session.seq {
            throw Refusal(
                .staleSequence,
                "The sequence number \(request.seq) is not above \(session.seq), the last one received.",
                pointer: "/seq"
            )
        }
    }

    /// Refuses a copy of a live host's state directory: another start of the same chassis that is somewhere else.
    ///
    /// The same directory under the same kernel has one agent at a time, which may have moved; so may one that has said
    /// that it ends, or that was not heard for its lease. A host that has rebooted is where it was.
    private func checkPlace(of name: String, _ request: SyncRequest) throws(Refusal) {
        guard let known = working.southbound.chassis(named: name), known.chassisID == request.chassisID, isLive(name),
            Set(known.encaps).isDisjoint(with: request.encaps)
        else { return }
        if let session = sessions[name], session.hasSpoken {
            guard session.bootID != request.bootID, !session.isLeaving else { return }
            if let machine = session.machine, machine == request.machine { return }
        }
        let addresses = { (encaps: [Encap]) in encaps.map(\.ip.description).joined(separator: ", ") }
        throw Refusal(
            .chassisElsewhere,
            "\"\(name)\" is live at \(addresses(known.encaps)), and this host uses its name from "
                + "\(addresses(request.encaps)): is this a copy of its state directory? Give this host a state "
                + "directory, a name and a join token of its own. If the host has moved, stop its former agent, or "
                + "wait for its lease to end.",
            pointer: "/encaps/0/ip",
            conflictsWith: "/v1/chassis/\(name)"
        )
    }

    /// Refuses a chassis whose name, identity or encap address a live one holds.
    /// - Returns: the dead chassis that have to make way.
    private func checkIdentity(
        of name: String,
        _ request: SyncRequest,
        isCertified: Bool
    ) throws(Refusal) -> [String] {
        var superseded: Set<String> = []
        let known = working.southbound.chassis(named: name)
        if let known, known.chassisID != request.chassisID, isLive(name) {
            throw conflict(
                "The name \"\(name)\" belongs to another live host (\(known.hostname)); choose another --chassis, or "
                    + "wait for its lease to end, or delete it.",
                "/chassis_id",
                name
            )
        }
        if known?.chassisID != request.chassisID {
            guard known != nil || working.southbound.chassisByName.count < configuration.chassisCountMaximum else {
                let count = configuration.chassisCountMaximum
                throw Refusal(.limitExceeded, "There are \(count) chassis, which is the maximum.")
            }
            if let other = working.southbound.chassisByIdentity[request.chassisID.lowercased()], other != name {
                if isCertified { throw foreign("identity", of: other, "/chassis_id") }
                guard !isLive(other) else {
                    throw conflict(
                        "The identity of this host's state directory belongs to the live chassis \"\(other)\"; "
                            + "wait for its lease to end, or delete it; a copied state directory has to go.",
                        "/chassis_id",
                        other
                    )
                }
                superseded.insert(other)
            }
        }
        for (index, encap) in request.encaps.enumerated() {
            guard let holder = working.southbound.chassisByEncap[encap], holder != name else { continue }
            if isCertified { throw foreign("encap address", of: holder, "/encaps/\(index)/ip") }
            guard !isLive(holder) else {
                throw conflict(
                    "The encap address \(encap.ip) belongs to the live chassis \"\(holder)\"; give another "
                        + "--encap-ip, or wait for its lease to end, or delete it.",
                    "/encaps/\(index)/ip",
                    holder
                )
            }
            superseded.insert(holder)
        }
        return superseded.sorted()
    }

    /// A chassis that is known by its certificate can only act as itself.
    private func foreign(_ what: String, of holder: String, _ pointer: String) -> Refusal {
        Refusal(
            .forbidden,
            "The \(what) belongs to the chassis \"\(holder)\", and a chassis may not take another's place; delete that "
                + "one first: heddle sb chassis-del \(holder).",
            pointer: pointer,
            conflictsWith: "/v1/chassis/\(holder)"
        )
    }

    private func conflict(_ detail: String, _ pointer: String, _ holder: String) -> Refusal {
        Refusal(.chassisConflict, detail, pointer: pointer, conflictsWith: "/v1/chassis/\(holder)")
    }

    /// Takes the parts of a sync that concern the session only: nothing of them is committed, and nobody is woken.
    private mutating func keep(_ request: SyncRequest, of name: String) {
        let lease = max(configuration.lease, .seconds(request.wait) + .seconds(10))
        var session =
            sessions[name] ?? Session(leaseEnd: now + lease, now: now, shareMayHaveChangedUpTo: durable.revision)
        let features = Set(request.features)
        if session.bootID != request.bootID || session.features != features
            || session.physicalNetworks != request.physicalNetworks
        {
            session.isAllUnsettled = true
        }
        if session.bootID != request.bootID { session.begin(boot: request.bootID) }
        session.seq = request.seq
        session.machine = request.machine
        session.isLeaving = request.isLeaving
        session.held = request.held
        session.features = features
        session.physicalNetworks = request.physicalNetworks
        if request.epoch == durable.epoch, min(request.applied, durable.revision) > session.applied {
            session.applied = min(request.applied, durable.revision)
            session.unsettled = union(session.unsettled, session.awaitingTables.map(\.key)[...])
        }
        let ports = PluggedPorts(request.ports)
        session.unsettled = union(session.unsettled, ports.namesOfChanges(since: session.ports)[...])
        session.ports = ports
        sessions[name] = session
        setLease(of: name, until: now + lease)
    }

    /// Notes that a chassis has a port plugged in, or no longer has, as its last sync said.
    mutating func notePlug(of port: String, at name: String) {
        guard sessions[name]?.ports[port] == nil else {
            pluggedAt[port, default: []].insert(name)
            return
        }
        sessions[name]?.awaitingTables[port] = nil
        pluggedAt[port]?.remove(name)
        if pluggedAt[port]?.isEmpty == true { pluggedAt[port] = nil }
    }

    /// True if the chassis is to be registered, or counts as live again, by a sync.
    func registers(_ name: String, _ request: SyncRequest) -> Bool {
        working.southbound.chassis(named: name)?.chassisID != request.chassisID
            || working.ledger.chassis[name]?.isLive != true
            || request.encaps.contains { working.southbound.chassisByEncap[$0] != name }
            || working.southbound.chassis(named: name)?.tunnelKeys != request.tunnelKeys
            || working.southbound.chassis(named: name)?.physicalNetworks != request.physicalNetworks
    }

    /// Commits that the chassis is there, as it describes itself, and live.
    private mutating func register(_ name: String, _ request: SyncRequest, superseding others: [String]) {
        var encaps: [Encap] = []
        for encap in request.encaps where !encaps.contains(encap) { encaps.append(encap) }
        var chassis = Chassis(
            name: name,
            chassisID: request.chassisID,
            hostname: request.hostname,
            encaps: encaps,
            tunnelKeys: request.tunnelKeys
        )
        chassis.physicalNetworks = request.physicalNetworks
        let known = working.southbound.chassis(named: name)
        let state = working.ledger.chassis[name]
        let wasLive = state?.isLive == true
        sessions[name]?.postponed = nil
        guard known != chassis || !wasLive || !others.isEmpty || state?.held != request.held else { return }
        if known != nil, wasLive, others.isEmpty, isHolding || sessions[name]?.budget.take(now: now) == false {
            sessions[name]?.postponed = chassis
            return postpone(name)
        }
        if !wasLive { sessions[name]?.isAllUnsettled = true }
        var draft = Transaction(on: working, time: time)
        for other in others { remove(chassis: other, in: &draft) }
        draft.put(chassis)
        draft.setLive(true, held: request.held, chassis: name)
        let revision = working.revision
        commit(draft, author: "chassis/\(name)")
        // Said when it is so: a commit that is too large is dropped.
        guard working.revision > revision else { return }
        if known != chassis || !wasLive || !others.isEmpty, sessions[name]?.reports.takeLine(now: now) == true {
            effects.append(.log(LogEntry(.info, "Chassis \(name) is live at \(encaps.map(\.ip.description)).")))
        }
        noteHeld(request.held, before: state?.held, of: name)
    }

    /// Says that a host does not believe this central, or does again.
    private mutating func noteHeld(_ held: HeldShare?, before: HeldShare?, of name: String) {
        guard (held == nil) != (before == nil), sessions[name]?.reports.takeLine(now: now) == true else { return }
        guard let held else {
            let text = "Chassis \(name) uses this network now and holds nothing back."
            return effects.append(.log(LogEntry(.info, text)))
        }
        let text =
            "Chassis \(name) does not use this network, which would take \(held.pluggedPortCount) plugged ports from "
            + "it: it stays at revision \(held.revisionInForce) of epoch \(hexadecimal(held.epochInForce)). If this "
            + "network is right, run 'heddle agent accept' there, or restore with --force-hosts."
        effects.append(.log(LogEntry(.warning, text)))
    }

    /// Settles the ports that a sync has changed, unless the chassis has caused too many commits lately.
    mutating func settleUnsettledPorts(of name: String) {
        guard var session = sessions[name], session.isAllUnsettled || !session.unsettled.isEmpty else { return }
        guard !isHolding, session.budget.take(now: now) else { return postpone(name) }
        let isAll = session.isAllUnsettled
        let ports = PortQueue(chassis: name, names: session.unsettled)
        if !isAll { session.unsettled = [] }
        session.isAllUnsettled = false
        sessions[name] = session
        if isAll { settlePorts(of: name, author: "chassis/\(name)") } else { settle(ports, author: "chassis/\(name)") }
    }

    /// Has what a chassis said looked at again when it may cause a commit.
    mutating func postpone(_ name: String) {
        guard sessions[name]?.isPostponed == false else { return }
        sessions[name]?.isPostponed = true
        deadlines[Deadline(at: now + CommitBudget.interval, subject: .postponed(name))] = ()
    }

    /// Commits what a chassis said too soon.
    mutating func settlePostponed(_ name: String) {
        sessions[name]?.isPostponed = false
        guard let chassis = sessions[name]?.postponed, working.southbound.chassis(named: name) != nil else {
            return settleUnsettledPorts(of: name)
        }
        guard !isHolding, sessions[name]?.budget.take(now: now) == true else { return postpone(name) }
        sessions[name]?.postponed = nil
        var draft = Transaction(on: working, time: time)
        draft.put(chassis)
        let state = working.ledger.chassis[name]
        let held = sessions[name]?.held
        draft.setLive(state?.isLive ?? true, held: held, chassis: name)
        noteHeld(held, before: state?.held, of: name)
        commit(draft, author: "chassis/\(name)")
        if sessions[name]?.unsettled.isEmpty == false || sessions[name]?.isAllUnsettled == true { postpone(name) }
    }

    /// Takes a chassis out of a draft's network and frees a piece of its ports; later commits free the others.
    func remove(chassis name: String, in draft: inout Transaction) {
        let ports = draft.network.southbound.portsByChassis[name]?.map(\.key) ?? []
        draft.removeChassis(name)
        let piece = ports.prefix(configuration.pieceCountMaximum)
        for id in piece { _ = settleWithNested(id, in: &draft) }
        draft.orphaned += ports.dropFirst(piece.count)
    }

    /// Forgets what a chassis has said, once it is deleted; one that has come back meanwhile stays.
    mutating func endSession(of name: String) {
        guard working.southbound.chassis(named: name) == nil, let session = sessions[name] else { return }
        for ticket in (pollsByChassis[name] ?? []).sorted() { answerPoll(ticket) }
        giveUpQueries(of: name)
        deadlines[Deadline(at: session.leaseEnd, subject: .lease(name))] = nil
        sessions[name] = nil
        unsettled.remove(name)
        checkRealizations(of: name)
        // Users are told no more that it waits for them.
        let ports = PortQueue(
            chassis: name,
            names: union(session.unsettled, session.ports.names[...]),
            ids: (committedWaits.removeValue(forKey: name) ?? []).sorted()[...]
        )
        if !ports.isEmpty, configuration.isLeader { chores.append(.settle(ports, author: "central")) }
    }
}
