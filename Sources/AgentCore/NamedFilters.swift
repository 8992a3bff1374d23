import JSON
import Southbound

/// The ACLs of a host's switches and the ports there, by the numbers that its forwarder knows them by.
public struct NamedFilters: Sendable {
    private var rules: [Key: (switchName: String, rule: PacketFilter.Rule)] = [:]
    private var ports: [PortKey: String] = [:]

    private struct Key: Hashable {
        var vni: UInt32
        var identity: UInt64
    }

    private struct PortKey: Hashable {
        var vni: UInt32
        var key: UInt16
    }

    init(_ share: Share) {
        for record in share.records.values {
            switch record {
            case .datapathBinding(let datapath):
                for rule in datapath.filter?.acls ?? [] {
                    rules[Key(vni: datapath.tunnelKey, identity: rule.identity)] = (datapath.name, rule)
                }
            case .portBinding(let port):
                guard case .datapathBinding(let datapath)? = share.records[.datapathBinding(port.datapath)] else {
                    continue
                }
                ports[PortKey(vni: datapath.tunnelKey, key: port.tunnelKey)] = port.logicalPort
            case .chassis, .dhcpResponder, .dnsResponder, .mirrorSession: continue
            }
        }
    }

    /// The names of ACLs by their identities.
    public var names: [UInt64: String] {
        Dictionary(rules.map { ($0.key.identity, $0.value.rule.name) }) { first, _ in first }
    }

    /// The datapath's key and the identity of each ACL.
    public var identities: [(vni: UInt32, identity: UInt64)] { rules.keys.map { ($0.vni, $0.identity) } }

    /// The line of the log about a decision; `nil` if the ACL is none any more.
    /// - Parameters:
    ///   - egressKey: the key of the port that the frame goes to; 0 where it comes in.
    ///   - fields: those of the frame.
    public func line(
        vni: UInt32,
        identity: UInt64,
        ingressKey: UInt16,
        egressKey: UInt16,
        fields: String
    ) -> (LogLevel, String)? {
        guard let rule = rules[Key(vni: vni, identity: identity)]?.rule, let severity = rule.log else { return nil }
        var text = "acl_log: name=\"\(rule.name)\", verdict=\(Self.verdict(rule.action)), "
        text += "severity=\(severity.rawValue), "
        text += "direction=\(rule.direction.rawValue), inport=\"\(port(vni, ingressKey))\""
        if egressKey != 0 { text += ", outport=\"\(port(vni, egressKey))\"" }
        return (Self.level(severity), text + ": " + fields)
    }

    /// The number of decisions of each ACL, by switch, direction and the order in which they are asked.
    /// - Parameters:
    ///   - switchName: the switch that is meant; `nil` for all.
    ///   - count: the decisions of one.
    public func counters(
        ofSwitch switchName: String?,
        _ count: (_ vni: UInt32, _ identity: UInt64) -> UInt64
    ) -> [FilterCounter] {
        rules.compactMap { key, named in
            guard switchName == nil || named.switchName == switchName else { return nil }
            let (rule, decisions) = (named.rule, count(key.vni, key.identity))
            return FilterCounter(switchName: named.switchName, rule: rule, decisions: decisions)
        }.sorted { left, right in
            (left.switchName, left.rule.direction.rawValue, left.rule.tier, left.rule.name)
                < (right.switchName, right.rule.direction.rawValue, right.rule.tier, right.rule.name)
        }
    }

    private func port(_ vni: UInt32, _ key: UInt16) -> String { ports[PortKey(vni: vni, key: key)] ?? "" }

    /// OVN's words: all kinds of `allow` are one.
    private static func verdict(_ action: PacketFilter.Action) -> String {
        switch action {
        case .allow, .allowRelated, .allowStateless: "allow"
        case .drop: "drop"
        case .reject: "reject"
        case .pass: "pass"
        }
    }

    private static func level(_ severity: PacketFilter.Severity) -> LogLevel {
        switch severity {
        case .alert: .error
        case .warning: .warning
        case .notice, .info, .debug: .info
        }
    }
}

/// An ACL as this host has asked it.
public struct FilterCounter: Hashable, Sendable {
    public var switchName: String
    public var rule: PacketFilter.Rule
    /// The times that it has decided since the host has begun to ask it.
    public var decisions: UInt64

    public init(switchName: String, rule: PacketFilter.Rule, decisions: UInt64) {
        self.switchName = switchName
        self.rule = rule
        self.decisions = decisions
    }

    /// `{"switch", "name", "direction", "tier", "match", "action", "decisions"}`.
    var json: JSONValue {
        [
            "switch": .string(switchName), "name": .string(rule.name), "direction": .string(rule.direction.rawValue),
            "tier": .integer(Int64(rule.tier)), "match": .string(rule.match), "action": .string(rule.action.rawValue),
            "decisions": number(decisions),
        ]
    }
}

extension AgentCore {
    /// The ACLs of the share.
    public var namedFilters: NamedFilters { NamedFilters(share) }

    /// True if some ACL's decisions are to be logged.
    public var logsDecisions: Bool {
        share.records.values.contains { record in
            guard case .datapathBinding(let datapath) = record, let filter = datapath.filter else { return false }
            return filter.acls.contains { $0.log != nil }
        }
    }
}
