import JSON

/// A rule that marks packets for networks on their way (OVN_Northbound `QoS` with the action `dscp`).
public struct MarkingRule: Hashable, Sendable {
    /// The name, for people.
    public var name: String
    public var direction: PacketFilter.Direction
    /// An expression of the match language. A host that cannot read it marks nothing by it.
    public var match: String
    /// The code point that packets get: 0 ... ``codePointMaximum`` (RFC 2474).
    public var dscp: UInt8

    public static let codePointMaximum: UInt8 = 63

    public init(name: String, direction: PacketFilter.Direction, match: String, dscp: UInt8) {
        self.name = name
        self.direction = direction
        self.match = match
        self.dscp = dscp
    }
}

extension MarkingRule {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<MarkingRule>] = [
        JSONMember("name", { $0.name }, { $0.name = $1 }, .text),
        JSONMember("direction", { $0.direction }, { $0.direction = $1 }, .word),
        JSONMember("match", { $0.match }, { $0.match = $1 }, .text),
        JSONMember("dscp", { $0.dscp }, { $0.dscp = $1 }, .integer(in: 0...codePointMaximum)),
    ]

    /// A rule that members are read into.
    static let blank = MarkingRule(name: "", direction: .fromPort, match: "", dscp: 0)
}
