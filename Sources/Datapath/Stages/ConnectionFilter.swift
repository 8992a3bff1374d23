import Wire

extension Context {
    /// Asks the ACLs of one direction on a switch that tracks connections (OVN's `ls_in_acl_eval` with `ct` states).
    ///
    /// A connection is judged when it begins, and again with the next packet, in either direction, after ACLs or what
    /// they name have changed. What belongs to an allowed one passes. Every port has connections of its own, which both
    /// directions of ACLs know: so an answer to what a port has sent needs no ACL. Localnet ports have none, as in OVN.
    mutating func judgeConnection(_ filter: FilterRow, isFromPort: Bool, _ tables: Tables) -> Step {
        finding = nil
        let port = egress ?? ingress
        let isTracked = (network == .ipv4 || network == .ipv6) && !isMulticast
        guard isTracked, !port.pointee.flags.contains(.isLocalnet) else { return judge(filter, tables) }
        if isICMPv6, isAlwaysAllowed {
            acl = .max
            return .next
        }
        if isStateless(filter, tables) { return .next }
        let (packet, now) = tracked
        if packet.kind == .untracked {
            keepConnection(.none)
            return judge(filter, tables)
        }
        var reference = ConnectionReference.none
        let step = judge(packet, filter, isFromPort: isFromPort, now: now, tables, &reference)
        keepConnection(reference)
        return step
    }

    /// Asks the ACLs about a packet that may be of a connection.
    /// - Parameter reference: gets the connection that a decision to let it pass may be kept with.
    private mutating func judge(
        _ packet: TrackedPacket,
        _ filter: FilterRow,
        isFromPort: Bool,
        now: UInt64,
        _ tables: Tables,
        _ reference: inout ConnectionReference
    ) -> Step {
        acl = .max
        // A later fragment must not write over the header that was judged (RFC 1858).
        if packet.kind == .laterFragment, contents.hidesTransport { return .drop(.connectionInvalid) }
        let (port, vni) = (egress ?? ingress, datapath.pointee.vni)
        var lookup =
            connections.map { $0.look(packet, zone: $0.zone(of: port, vni: vni), now: now) }
            ?? ConnectionTable.Lookup(packet, now: now)
        finding = lookup.finding
        let judgement = judgement(tables)
        let isCurrent = isCurrent(lookup.connection, packet, judgement, tables)
        var refusal: DropReason? = isCurrent && !lookup.connection.isBlocked ? nil : .acl
        switch lookup.finding {
        case .invalid: return .drop(.connectionInvalid)
        case .related, .fragment: return refusal.map { .drop($0) } ?? .next
        case .new:
            if let refusal = verdict(filter, tables) { return .drop(refusal) }
            refusal = nil
            lookup.connection.judgement = judgement
            lookup.connection.isFromPort = isFromPort
            lookup.connection.ingressKey = ingress.pointee.key
            (lookup.connection.vni, lookup.connection.portKey) = (vni, port.pointee.key)
        case .original:
            if packet.isPlain { reference = lookup.reference }
            if UInt32(truncatingIfNeeded: lookup.connection.judgement ^ judgement) != 0 {
                // By another way than what was judged: it says nothing of those.
                reference = .none
                if lookup.connection.isBlocked { return .drop(.acl) }
                if let refusal = verdict(filter, tables) { return .drop(refusal) }
                refusal = nil
            } else if !isCurrent {
                refusal = verdict(filter, tables)
                lookup.connection.judgement = judgement
            } else if refusal != nil {
                // It may be that its sender is to be told.
                refusal = verdict(filter, tables) ?? .acl
            } else {
                lookup.connection.judgement = judgement
            }
        case .reply:
            if packet.isPlain { reference = lookup.reference }
            if !isCurrent {
                // The other end is told, by its next packet.
                refusal = reversedVerdict(lookup.connection, tables).map { _ in .acl }
            }
            let link = lookup.connection.judgement & 0xffff_ffff
            lookup.connection.judgement = (judgement &>> 32) &<< 32 | link
        }
        lookup.connection.isBlocked = refusal != nil
        guard let table = connections else { return refusal.map { .drop($0) } ?? .next }
        guard table.keep(lookup, packet, now: now) else { return .drop(.connectionLimit) }
        if let refusal {
            reference = .none
            return .drop(refusal)
        }
        if let fragments = packet.fragments,
            !table.keepFragments(of: fragments, like: lookup.connection, now: now)
        {
            return .drop(.connectionLimit)
        }
        return .next
    }

    private mutating func judge(_ filter: FilterRow, _ tables: Tables) -> Step {
        verdict(filter, tables).map { .drop($0) } ?? .next
    }

    private mutating func verdict(_ filter: FilterRow, _ tables: Tables) -> DropReason? {
        acl = .max
        return filter.rules.count == 0 ? nil : refusal(filter, tables)
    }

    /// Judges by an answer the connection that it is of.
    private mutating func reversedVerdict(_ connection: Connection, _ tables: Tables) -> DropReason? {
        (isReversed, openerKey) = (true, connection.ingressKey)
        defer { isReversed = false }
        let filters = datapath.pointee
        return verdict(connection.isFromPort ? filters.fromPort : filters.toPort, tables)
    }

    /// A word for all that a judgement depends on besides what a connection is found by: the upper half for the state
    /// of the ACLs, the lower half for the sender and the link addresses of what has opened it.
    private mutating func judgement(_ tables: Tables) -> UInt64 {
        let state = datapath.pointee.filterGeneration
        let port = UInt64(ingress.pointee.key) | UInt64(tagWord) &<< 16
        let link = spread(port, source, destination, seed: tables.hashSeed)
        return UInt64(state) &<< 32 | link & 0xffff_ffff
    }

    /// True if nothing has changed since a connection was judged that the judgement may have read of the ACLs, or what
    /// they name.
    private func isCurrent(
        _ connection: Connection,
        _ packet: TrackedPacket,
        _ judgement: UInt64,
        _ tables: Tables
    ) -> Bool {
        guard (connection.judgement ^ judgement) &>> 32 != 0 else { return true }
        // The generation by which it was judged; one of another agent's tables is lower than all of this one's.
        let row = datapath.pointee
        let generation = UInt32(truncatingIfNeeded: connection.judgement &>> 32)
        guard row.filterGeneration &- generation <= Self.judgementAgeMaximum,
            Int32(bitPattern: row.generation &- generation) <= 0
        else { return false }
        let ports = (connection.portKey, connection.ingressKey)
        return !tables.areChanged(packet.tuple.ends, ports, since: generation, in: datapath)
    }

    /// The changes of a host's tables after which numbers of generations cannot be compared any more.
    private static var judgementAgeMaximum: UInt32 { 1 << 30 }

    /// A field of the packet that has opened the connection, by one of its answers. What the connection does not tell
    /// is as the answer has it.
    mutating func reversedValue(of field: FilterField) -> UInt128 {
        switch field {
        case .inport: UInt128(openerKey)
        case .outport: UInt128((egress ?? ingress).pointee.key)
        case .ethernetSource: value(of: .ethernetDestination)
        case .ethernetDestination: value(of: .ethernetSource)
        case .ipv4Source: value(of: .ipv4Destination)
        case .ipv4Destination: value(of: .ipv4Source)
        case .ipv6Source: value(of: .ipv6Destination)
        case .ipv6Destination: value(of: .ipv6Source)
        case .sourcePort: value(of: .destinationPort)
        case .destinationPort: value(of: .sourcePort)
        case .sctpSourcePort: value(of: .sctpDestinationPort)
        case .sctpDestinationPort: value(of: .sctpSourcePort)
        case .messageType: Self.query(UInt8(truncatingIfNeeded: value(of: .messageType)))
        case .ethernetType, .vlanTag, .ipProtocol, .ipDSCP, .ipECN, .ipTTL, .ipFragment, .ipv6Label, .messageCode,
            .arpOperation, .arpSenderIP, .arpSenderMAC, .arpTargetIP, .arpTargetMAC, .tcpFlags:
            value(of: field)
        }
    }

    /// The ICMP query that an answer is to.
    private static func query(_ type: UInt8) -> UInt128 {
        switch type {
        case 0: 8
        case 14, 16, 18, 129: UInt128(type - 1)
        default: UInt128(type)
        }
    }
}
