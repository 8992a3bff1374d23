import JSON
import NetworkModel

extension NorthboundImport {
    /// The most rounds of trying; in each a hundred objects lose something, or all lose a key that there is not.
    private static let roundCountMaximum = 1000

    /// Members whose elements can be left out one by one, and members that can be left out whole; an object with
    /// another fault is left out itself.
    private static let droppable: [ObjectKind: Set<String>] = [
        .dhcpOptions: ["options", "labels"],
        .dnsRecords: ["records", "options", "labels"],
        .mirror: ["labels"],
        .logicalSwitch: [
            "labels", "subnet", "exclude_ips", "ipv6_prefix", "mac_only", "dns_records", "other_config",
            "vlan_passthru",
        ],
        .logicalSwitchPort: [
            "labels", "addresses", "port_security", "options", "dhcpv4_options", "dhcpv6_options", "mirror_rules",
            "requested_chassis", "activation_strategy",
        ],
        .portGroup: ["ports", "labels"],
        .addressSet: ["addresses", "labels"],
        .acl: ["labels"],
        .qosRule: ["labels"],
    ]

    /// Tries the objects on an empty network until nothing is refused, and leaves out what was.
    mutating func leaveOutRefused() throws(ClientError) {
        for _ in 0..<Self.roundCountMaximum {
            let request = TopologyRequest(owner: "import", bodies: bodies.mapValues { $0.map { .object($0) } })
            var transaction = Transaction(on: Network(epoch: 1), time: 0)
            var generator = FixedGenerator()
            do throws(Refusal) {
                _ = try transaction.apply(request, using: &generator)
                return
            } catch {
                guard leaveOut([error] + error.others) else {
                    throw .refused("central would refuse this network: \(error.detail)")
                }
            }
        }
        throw .refused("central would refuse too much of this network")
    }

    /// Leaves out what is refused.
    /// - Returns: False if nothing was.
    private mutating func leaveOut(_ refusals: [Refusal]) -> Bool {
        var gone: [ObjectKind: Set<Int>] = [:]
        var hasChanged = false
        for refusal in refusals {
            let tokens = Self.tokens(of: refusal.pointer ?? "")
            guard tokens.count >= 2, let kind = ObjectKind.allCases.first(where: { $0.names.member == tokens[0] }),
                let index = Int(tokens[1]), bodies[kind]?.indices.contains(index) == true
            else { continue }
            hasChanged = true
            let way = Array(tokens.dropFirst(2))
            if leaveOut(way, of: kind, at: index, refusal) { continue }
            gone[kind, default: []].insert(index)
            remark(kind, index, nil, Self.clause(refusal))
        }
        for (kind, indices) in gone {
            for index in indices.sorted(by: >) {
                bodies[kind]?.remove(at: index)
                origins[kind]?.remove(at: index)
            }
        }
        return hasChanged
    }

    /// Leaves out a member of an object, or a part of it.
    /// - Returns: False if that cannot be left out.
    private mutating func leaveOut(_ way: [String], of kind: ObjectKind, at index: Int, _ refusal: Refusal) -> Bool {
        guard let member = way.first, Self.droppable[kind]?.contains(member) == true,
            let value = bodies[kind]?[index][member]
        else { return false }
        let reason = Self.clause(refusal)
        if way.count > 1, case .object(let map) = value {
            guard map[way[1]] != nil else { return false }
            // A key that there is not is none for any object.
            let isOfAll = refusal.code == .unsupported
            for place in isOfAll ? bodies[kind]?.indices ?? 0..<0 : index..<(index + 1) {
                guard var map = bodies[kind]?[place][member]?.objectValue, map[way[1]] != nil else { continue }
                map[way[1]] = nil
                bodies[kind]?[place][member] = map.members.isEmpty ? nil : .object(map)
                remark(kind, place, Self.column(member) + ":" + way[1], reason)
            }
            return true
        }
        if way.count > 1, case .array(var elements) = value, let place = Int(way[1]), elements.indices.contains(place) {
            let element = elements.remove(at: place)
            bodies[kind]?[index][member] = elements.isEmpty ? nil : .array(elements)
            remark(kind, index, Self.column(member), "\(element.text) is left out: \(reason)")
        } else {
            bodies[kind]?[index][member] = nil
            remark(kind, index, Self.column(member), reason)
        }
        if member == "port_security", bodies[kind]?[index][member] == nil {
            // Without any the port could use all addresses.
            bodies[kind]?[index]["enabled"] = false
            remark(kind, index, "enabled", "the port is disabled, since nothing is left of its port_security")
        }
        return true
    }

    private mutating func remark(_ kind: ObjectKind, _ index: Int, _ column: String?, _ reason: String) {
        guard let origin = origins[kind]?[index] else { return }
        remarks.append(ImportRemark(table: origin.table, row: origin.row, column: column, reason: reason))
    }

    /// OVN's column that a member is made of.
    private static func column(_ member: String) -> String {
        switch member {
        case "labels": "external_ids"
        case "subnet", "exclude_ips", "ipv6_prefix", "mac_only": "other_config:\(member)"
        case "vlan_passthru": "other_config:vlan-passthru"
        case "requested_chassis": "options:requested-chassis"
        case "activation_strategy": "options:activation-strategy"
        default: member
        }
    }

    /// A refusal's sentence as a clause.
    private static func clause(_ refusal: Refusal) -> String {
        let text = refusal.detail
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    private static func tokens(of pointer: String) -> [String] {
        pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
            String($0.replacing("~1", with: "/").replacing("~0", with: "~"))
        }
    }
}

/// The same numbers each time: nothing of what they make is printed.
private struct FixedGenerator: RandomNumberGenerator {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 32
    }
}
