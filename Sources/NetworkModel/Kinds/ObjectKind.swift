/// The kinds of object that users write, in the order in which their rows are put: an object refers to objects of kinds
/// before its own.
///
/// A kind is a file in `Kinds` and a row here.
public enum ObjectKind: CaseIterable, Comparable, Sendable {
    /// A set of DHCP options: `/v1/dhcp-options`.
    case dhcpOptions
    /// A set of DNS records: `/v1/dns-records`.
    case dnsRecords
    /// A place that frames are copied to: `/v1/mirrors`.
    case mirror
    /// A logical switch: `/v1/switches`.
    case logicalSwitch
    /// A port of a logical switch: `/v1/ports`.
    case logicalSwitchPort
    /// A named set of ports: `/v1/port-groups`.
    case portGroup
    /// A named set of addresses: `/v1/address-sets`.
    case addressSet
    /// An entry of an access control list: `/v1/acls`.
    case acl
    /// A rule that marks packets: `/v1/qos-rules`.
    case qosRule

    /// All that central does with objects of the kind.
    public var row: KindRow {
        switch self {
        case .dhcpOptions: .dhcpOptions
        case .dnsRecords: .dnsRecords
        case .mirror: .mirrors
        case .logicalSwitch: .logicalSwitches
        case .logicalSwitchPort: .logicalSwitchPorts
        case .portGroup: .portGroups
        case .addressSet: .addressSets
        case .acl: .acls
        case .qosRule: .qosRules
        }
    }
}

extension KindRow {
    fileprivate static let dhcpOptions = KindRow(DHCPOptions.self)
    fileprivate static let dnsRecords = KindRow(DNSRecords.self)
    fileprivate static let mirrors = KindRow(Mirror.self)
    fileprivate static let logicalSwitches = KindRow(LogicalSwitch.self)
    fileprivate static let logicalSwitchPorts = KindRow(LogicalSwitchPort.self)
    fileprivate static let portGroups = KindRow(PortGroup.self)
    fileprivate static let addressSets = KindRow(AddressSet.self)
    fileprivate static let acls = KindRow(ACL.self)
    fileprivate static let qosRules = KindRow(QoSRule.self)
}

extension ObjectKind {
    public var names: KindNames { row.names }
}

/// The kinds of object that users watch: those that they write, and hosts.
public enum ResourceKind: Hashable, Sendable {
    /// An object that users write.
    case object(ObjectKind)
    /// A host that carries ports: `/v1/chassis`. Users only read and delete it.
    case chassis

    public static let logicalSwitch = ResourceKind.object(.logicalSwitch)
    public static let logicalSwitchPort = ResourceKind.object(.logicalSwitchPort)

    public var names: KindNames {
        switch self {
        case .object(let kind): kind.names
        case .chassis: KindNames.chassis
        }
    }
}

extension ResourceKind: CaseIterable {
    /// All of them, in the order in which messages name them.
    public static let allCases = ObjectKind.allCases.map { ResourceKind.object($0) } + [.chassis]
}

public struct KindNames: Sendable {
    /// The kind of its rows in the log, and in all that is told of changes: `logical_switch`.
    public let row: String
    /// One object, in messages and on the command line: `switch`.
    public let singular: String
    /// The objects in paths: `/v1/switches`.
    public let plural: String
    /// Other names on the command line: short, and OVN's.
    public let aliases: [String]

    /// One object, in messages: `switch`.
    public let noun: String
    /// One object, with an article.
    public let aNoun: String
    /// A body of one, at the beginning of messages: `A switch`.
    public let body: String
    /// A patch of one, at the beginning of messages: `A patch of a switch`.
    public let patch: String
    /// Many of them, in messages: `switches`.
    public let nouns: String
    public let path: String
    /// The name of the kind's objects as a member of JSON.
    public let member: String

    /// The names of a kind.
    /// - Parameters:
    ///   - noun: One object in messages, if that is not `singular`.
    ///   - nouns: Many of them.
    public init(
        row: String,
        singular: String,
        plural: String,
        aliases: [String],
        noun: String? = nil,
        nouns: String? = nil
    ) {
        self.row = row
        self.singular = singular
        self.plural = plural
        self.aliases = aliases
        let one = noun ?? singular.replacing("-", with: " ")
        self.noun = one
        aNoun = ("aeiou".contains(one.prefix(1).lowercased()) ? "an " : "a ") + one
        self.nouns = nouns ?? plural.replacing("-", with: " ")
        body = aNoun.prefix(1).uppercased() + aNoun.dropFirst()
        patch = "A patch of " + aNoun
        path = "/v1/\(plural)"
        member = plural.replacing("-", with: "_")
    }

    /// The names of hosts.
    public static let chassis = KindNames(row: "chassis", singular: "chassis", plural: "chassis", aliases: ["ch"])
}
