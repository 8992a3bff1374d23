import Datapath
import JSON
import NetworkModel
import Persistent
import Southbound
import Wire

/// Traces a frame over the present tables: on the host that has the sending port, then on those that it sends the frame
/// to. Each host's tables are compiled of what central tells it of the switch, as its agent compiles them; what only
/// hosts know (paths, limits, what has not arrived yet) is not looked at.
struct Tracer {
    /// The most other hosts that are traced; a broadcast may go to thousands, on which the same happens.
    static let otherHostCountMaximum = 16

    private let southbound: SouthboundDatabase
    private let datapath: DatapathBinding
    private let ports: [PortBinding]
    private let names: [UInt16: String]

    /// A tracer of one switch; `nil` if its datapath is not there.
    init?(_ southbound: SouthboundDatabase, switch id: ObjectID) {
        guard let datapath = southbound.datapathBinding(id) else { return nil }
        self.southbound = southbound
        self.datapath = datapath
        ports = southbound.portBindings(ofDatapath: id)
        names = Dictionary(ports.map { ($0.tunnelKey, $0.logicalPort) }) { first, _ in first }
    }

    /// The way of a frame, as members of an answer: where it is delivered, or why it goes nowhere, and the stages on
    /// each host.
    func trace(_ bytes: [UInt8], from port: PortBinding) -> [(name: String, value: JSONValue)] {
        guard let name = port.locations.first?.chassis, let chassis = southbound.chassis(named: name) else {
            return report([], [], isAnswered: false, reason: .portNotBound, omittedCount: 0)
        }
        let first = Host(self, chassis, ports, sender: port)
        let trace = first.tables.trace(bytes, from: first.slot(of: port))
        var hosts = [json(trace, on: first)]
        var delivered = delivered(trace, on: first)
        var reasons = [trace.dropReason] + dropped(trace)
        var isAnswered = false
        var otherCount = 0
        for case (.remote(let address, let vni, let ingress, let egress), let edit) in zip(trace.outputs, trace.edits) {
            otherCount += 1
            guard otherCount <= Self.otherHostCountMaximum, let other = self.chassis(at: address) else { continue }
            let members = ports.filter { $0.id == port.id || $0.isLocated(at: other) }
            let host = Host(self, other, members, sender: port)
            let datagram = Self.datagram(edit.applied(to: bytes), vni, TunnelKeys(ingress: ingress, egress: egress))
            let source = first.encap(like: address) ?? address
            let arrived = host.tables.trace(datagram: datagram, from: source, now: .zero)
            hosts.append(json(arrived, on: host))
            delivered += self.delivered(arrived, on: host)
            reasons += [arrived.dropReason] + dropped(arrived)
            isAnswered = isAnswered || Self.isAnswered(arrived)
        }
        isAnswered = isAnswered || Self.isAnswered(trace)
        // A rejection is an answer to what goes nowhere.
        let isLost = delivered.isEmpty && (!isAnswered || reasons.contains(.rejected))
        return report(
            hosts,
            delivered,
            isAnswered: isAnswered,
            reason: isLost ? reasons.compactMap { $0 }.first : nil,
            omittedCount: max(0, otherCount - Self.otherHostCountMaximum)
        )
    }

    private static func isAnswered(_ trace: Trace) -> Bool {
        trace.outputs.contains { if case .answer = $0 { true } else { false } }
    }

    /// A host with its tables.
    private struct Host {
        let chassis: Chassis
        let tables: ForwardingTables
        /// The ports that are here, by the slots that they have in these tables.
        let locals: [PortBinding]

        init(_ tracer: Tracer, _ chassis: Chassis, _ ports: [PortBinding], sender: PortBinding) {
            self.chassis = chassis
            // The sender has a place in any case.
            let here = ports.filter { $0.isLocated(at: chassis) }
            locals = Array(
                (here.filter { $0.id == sender.id } + here.filter { $0.id != sender.id }).prefix(
                    Tables.slotCountMaximum
                )
            )
            tables = ForwardingTables(
                localChassis: chassis.name,
                localEncap: chassis.encaps.first?.ip ?? .v4(IPv4Address(0)),
                innerMTU: Int(UInt16.max),
                hashSeed: 0,
                isPrivate: true
            )
            var names = Set(ports.flatMap { $0.locations.map(\.chassis) })
            names.insert(chassis.name)
            let others = names.sorted().compactMap { tracer.southbound.chassis(named: $0) }
            // Parents may be on other switches, and nested ports are plugged if those are.
            let parents = locals.compactMap(\.parentPort).map { ($0, UInt16.max) }
            let slots = locals.enumerated().map { ($0.element.logicalPort, UInt16($0.offset)) } + parents
            let attachments = Set(
                Record.datapathBinding(tracer.datapath).attachments
                    + locals.flatMap { Record.portBinding($0).attachments }
            )
            tables.apply(
                others.map { .put(.chassis($0)) } + [.put(.datapathBinding(tracer.datapath))]
                    + ports.map { .put(.portBinding($0)) }
                    + attachments.sorted().compactMap { tracer.southbound.entries[$0].map { .put($0.record) } },
                slots: Dictionary(slots) { first, _ in first },
                now: .zero
            )
        }

        func slot(of port: PortBinding) -> UInt16 { UInt16(locals.firstIndex { $0.id == port.id } ?? 0) }

        func port(atSlot slot: UInt16) -> String {
            locals.indices.contains(Int(slot)) ? locals[Int(slot)].logicalPort : ""
        }

        /// The address of this host that others of the family know.
        func encap(like address: IPAddress) -> IPAddress? {
            chassis.encaps.map(\.ip).first { $0.isOfFamily(of: address) }
        }
    }

    private func chassis(at address: IPAddress) -> Chassis? {
        southbound.chassisByEncap[Encap(ip: address)].flatMap { southbound.chassis(named: $0) }
    }

    private static func datagram(_ frame: [UInt8], _ vni: UInt32, _ keys: TunnelKeys) -> [UInt8] {
        let header = GeneveHeader(optionByteCount: TunnelKeys.byteCount, hasCriticalOptions: true, vni: vni)
        var bytes = [UInt8](repeating: 0, count: GeneveHeader.minimumByteCount)
        var option = [UInt8](repeating: 0, count: TunnelKeys.byteCount)
        var span = bytes.mutableSpan
        header.write(to: &span)
        var optionSpan = option.mutableSpan
        keys.write(to: &optionSpan)
        return bytes + option + frame
    }

    // The outcome

    private func delivered(_ trace: Trace, on host: Host) -> [String] {
        trace.outputs.compactMap { if case .local(let slot) = $0 { host.port(atSlot: slot) } else { nil } }
    }

    private func dropped(_ trace: Trace) -> [DropReason?] {
        trace.outputs.map { if case .dropped(let reason, _) = $0 { reason } else { nil } }
    }

    private func report(
        _ hosts: [JSONValue],
        _ delivered: [String],
        isAnswered: Bool,
        reason: DropReason?,
        omittedCount: Int
    ) -> [(name: String, value: JSONValue)] {
        [
            ("delivered_to", .array(delivered.map { .string($0) })), ("answered", .bool(isAnswered)),
            ("drop_reason", reason.map { .string($0.label) } ?? .null),
            ("detail", reason?.explanation.map { .string($0) } ?? .null), ("hosts", .array(hosts)),
            ("omitted_host_count", .integer(Int64(omittedCount))),
        ]
    }

    private func json(_ trace: Trace, on host: Host) -> JSONValue {
        [
            "chassis": .string(host.chassis.name), "steps": .array(trace.steps.map(json)),
            "outputs": .array(trace.outputs.map { json($0, on: host) }),
            "drop_reason": trace.dropReason.map { .string($0.label) } ?? .null,
        ]
    }

    private func json(_ step: Trace.Step) -> JSONValue {
        let (decision, member): (String, (name: String, value: JSONValue)?) =
            switch step.decision {
            case .next: ("next", nil)
            case .drop(let reason): ("drop", ("reason", .string(reason.label)))
            case .answer(let kind): ("answer", ("answer", .string(kind.label)))
            case .output(let key): ("output", ("output", .string(name(of: key))))
            case .rewrite(let edit): ("rewrite", ("edit", .string("\(edit)")))
            case .enter(let vni): ("enter", ("datapath", .integer(Int64(vni))))
            }
        return .object(
            JSONObject(
                distinct: [
                    ("stage", .string(step.stage)), ("port", .string(name(of: step.port))),
                    ("decision", .string(decision)),
                ] + (member.map { [$0] } ?? []) + (acl(of: step).map { [("acl", .string($0))] } ?? [])
            )
        )
    }

    /// The name of the ACL that has decided.
    private func acl(of step: Trace.Step) -> String? {
        guard let acls = datapath.filter?.acls, let acl = step.acl, acls.indices.contains(acl) else { return nil }
        return acls[acl].name
    }

    private func json(_ output: Trace.Output, on host: Host) -> JSONValue {
        switch output {
        case .local(let slot): return ["kind": "local", "port": .string(host.port(atSlot: slot))]
        case .remote(let address, let vni, let ingress, let egress):
            return [
                "kind": "remote", "chassis": chassis(at: address).map { .string($0.name) } ?? .null,
                "ip": .string(address.description), "vni": .integer(Int64(vni)),
                "ingress_key": .integer(Int64(ingress)), "egress_key": .integer(Int64(egress)),
            ]
        case .dropped(let reason, let slot):
            return ["kind": "dropped", "port": .string(host.port(atSlot: slot)), "reason": .string(reason.label)]
        case .answer(let kind, let bytes):
            // An answer has the MAC of whoever it is given for as its source.
            let mac = bytes.dropFirst(6).prefix(6).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return [
                "kind": "answer", "answer": .string(kind.label),
                "mac": .string(MACAddress(truncating: mac).description),
            ]
        }
    }

    /// The name of a port or a group.
    private func name(of key: UInt16) -> String { names[key] ?? MulticastGroup.Kind(rawValue: key)?.name ?? "\(key)" }
}

extension DropReason {
    /// The reason why a traced frame is dropped, for a person; `nil` for reasons outside of the pipeline.
    fileprivate var explanation: String? {
        switch self {
        case .malformedFrame: "A header of the frame is cut short or contradicts itself."
        case .portDisabled: "The port that sends is disabled."
        case .portNotBound: "The port that sends is bound to no host: 'heddle describe port' says why."
        case .vlanTagged: "The frame has a VLAN tag, and the switch has no vlan_passthru."
        case .vlanNotAllowed:
            "The frame is of a VLAN that is none of the trunk port's, or has no tag and the port no native_vlan."
        case .multicastSource: "The source MAC is a multicast or broadcast address."
        case .ingressPortSecurity: "The source addresses are not in the port_security of the port that sends."
        case .portStandby: "The guest runs on another host, and has not announced itself on this one."
        case .raGuard: "The port has ra_guard, and the frame is a router's advertisement or redirect."
        case .dhcpGuard: "The port has dhcp_guard, and the frame is of a DHCP server."
        case .acl: "An ACL stops the frame; the step names it. Without a name it hides a header that ACLs read."
        case .rejected: "An ACL rejects the frame; the step names it, and the sender is told."
        case .connectionInvalid: "The switch tracks connections: the frame is of none that is known, and begins none."
        case .dhcpMalformed: "The DHCP message cuts itself short or contradicts itself."
        case .dhcpUnanswered: "The DHCP message wants no answer."
        case .egressPortSecurity: "The destination addresses are not in the port_security of the port that receives."
        case .hairpin: "The only destination is the port that sends."
        case .unknownDestination: "No port of the switch has the destination MAC, and none takes unknown ones."
        case .multicastUnregistered: "No port is a member of the group, and none takes the frames to all groups."
        case .multicastReport: "The switch takes note of the report, and no port asks for reports."
        case .multicastMalformed: "The message of IGMP or MLD is cut short, a fragment, or has a wrong checksum."
        case .destinationDisabled: "The port that receives is disabled."
        case .destinationNotBound: "The port that receives is bound to no host: 'heddle describe port' says why."
        case .destinationUnreachable: "The host of the port that receives has no tunnel address of this host's family."
        case .noLocalMember: "No port of the switch is there to receive it."
        case .malformedOffload, .frameTooLong, .stormLimit, .multicastReportLimit,
            .neighborAnswerLimit, .configurationAnswerLimit,
            .nameAnswerLimit, .rejectionLimit, .tooBigAnswerLimit, .floodLimit, .mirrorLimit, .connectionLimit,
            .destinationNotPlugged, .malformedTunnel, .tunnelControlPacket, .unknownCriticalOption, .missingOption,
            .unknownTunnelSource, .tunnelTagWrong, .unknownDatapath, .ingressKeyNotThere, .unknownEgressKey,
            .congestionUnheard, .noRoom, .outputError:
            nil
        }
    }
}

extension PortBinding {
    fileprivate func isLocated(at chassis: Chassis) -> Bool {
        physicalNetwork.map(chassis.physicalNetworks.contains) ?? locations.contains { $0.chassis == chassis.name }
    }
}

extension IPAddress {
    fileprivate func isOfFamily(of other: IPAddress) -> Bool {
        switch (self, other) {
        case (.v4, .v4), (.v6, .v6): true
        case (.v4, .v6), (.v6, .v4): false
        }
    }
}
