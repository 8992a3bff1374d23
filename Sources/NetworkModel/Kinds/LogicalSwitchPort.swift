import JSON
import Southbound
import Wire

/// A port of a logical switch (OVN_Northbound `Logical_Switch_Port`).
///
/// `addresses` and `portSecurity` keep the user's strings, in their order and canonical spelling. They were checked
/// when the object was made.
public struct LogicalSwitchPort: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique over all switches.
    public var name: String
    /// The identity of its switch, fixed at creation.
    public var switchID: ObjectID
    /// `""`, a VIF, ``virtualType``, ``localnetType`` or ``l2GatewayType``.
    public var type: String
    /// `MAC [IP ...]`, `unknown`, or a form of `dynamic`.
    public var addresses: [String] {
        get { addressList.strings }
        set { addressList = ParsedStrings(newValue) }
    }
    /// The meaning of the strings of `addresses`: indices and translation ask for it again and again. What central has
    /// chosen is in the place of what asked for it.
    public var logicalAddresses: [LogicalAddress] {
        guard let chosen = status.dynamicAddresses else { return addressList.values }
        return addressList.values.map { if case .dynamic = $0 { chosen } else { $0 } }
    }
    private(set) var addressList: ParsedStrings<LogicalAddress>
    /// The MAC address of what central has completed.
    public var givenMAC: MACAddress? {
        if case .known(let mac, _)? = status.dynamicAddresses { mac } else { nil }
    }
    /// `MAC [IP[/LENGTH] ...]`, or `dynamic` for the dynamic addresses; empty means no check.
    public var portSecurity: [String] {
        get { securityList.strings }
        set { securityList = ParsedStrings(newValue) }
    }
    private var securityList: ParsedStrings<PortSecurityRule>
    /// True if port security names virtual routers.
    var hasVirtualRouters: Bool { securityList.values.contains { !$0.virtualMACs.isEmpty } }
    /// The entries of port security as hosts are told.
    var portSecurityEntries: [PortSecurityEntry] {
        let entries = securityList.values.map {
            PortSecurityEntry(mac: $0.mac, prefixes: $0.prefixes, virtualMACs: $0.virtualMACs)
        }
        guard case .known(let mac, let ips)? = status.dynamicAddresses,
            portSecurity.contains(PortSecurityRule.dynamic)
        else { return entries }
        return entries + [PortSecurityEntry(mac: mac, prefixes: ips.map { IPPrefix(host: $0) })]
    }
    /// True if the port passes frames at all.
    public var isEnabled: Bool
    /// Names of the chassis that may claim the port; empty means any.
    public var requestedChassis: [String]
    /// The frames, each enough, by which the guest tells that it runs on the next of ``requestedChassis``. While there
    /// are any, and the port is plugged in on a chassis further on in that list than its holder, that one is standby.
    public var activationStrategy: [ActivationFrame] = []
    /// OVN's option keys, as far as this version knows them: ``PortOption``.
    public var options: [String: String]
    /// The set of options that answers the port's DHCPv4 requests; `nil` lets them go on.
    public var dhcpv4Options: ObjectID?
    /// The set of options that answers the port's DHCPv6 requests; `nil` lets them go on.
    public var dhcpv6Options: ObjectID?
    /// The address of a virtual port; `nil` for other ports.
    public var virtualIP: IPAddress?
    /// The names of the ports that may announce the address of a virtual port, on its switch; they need not be there
    /// yet.
    public var virtualParents: [String] = []
    /// The port that a nested port shares the device of, by its name: it need not be there yet. `nil` for other ports.
    public var parentName: String?
    /// The tag that tells the frames of a nested port from its parent's, 0 for one that central chooses; or the VLAN of
    /// a localnet or l2gateway port's frames.
    public var tagRequest: UInt16?
    /// True if the port may not send router advertisements and redirects, `nil` if its switch decides.
    public var guardsRouters: Bool?
    /// The same for what DHCP servers send.
    public var guardsDHCP: Bool?
    /// The mirrors that the port's frames are copied to, as OVN's `mirror_rules`.
    public var mirrors: [ObjectID] = []
    /// The user's own marks; at most 64.
    public var labels: [String: String]
    /// The server's facts about the port.
    public var status: Status

    /// A port with this name on this switch.
    public init(
        name: String,
        switchID: ObjectID,
        type: String = "",
        addresses: [String] = [],
        portSecurity: [String] = [],
        isEnabled: Bool = true,
        requestedChassis: [String] = [],
        options: [String: String] = [:],
        labels: [String: String] = [:],
        status: Status
    ) {
        self.name = name
        self.switchID = switchID
        self.type = type
        addressList = ParsedStrings(addresses)
        securityList = ParsedStrings(portSecurity)
        self.isEnabled = isEnabled
        self.requestedChassis = requestedChassis
        self.options = options
        self.labels = labels
        self.status = status
    }
}

extension LogicalSwitchPort: Kind {
    public static let kind = ObjectKind.logicalSwitchPort
    public static let names = KindNames(
        row: "logical_switch_port",
        singular: "port",
        plural: "ports",
        aliases: ["lsp", "logical-switch-port", "logical-switch-ports"]
    )
    public static var table: WritableKeyPath<NorthboundDatabase, Table<LogicalSwitchPort>> { \.ports }
    public static let fields = Fields<LogicalSwitchPort>([
        .name,
        .parent("switch", { $0.switchID }, { $0.switchID = $1 }, LogicalSwitch.self),
        Field("type", "string", { $0.type }, { $0.type = $1 }, .text, read: type),
        Field("addresses", "array", { $0.addressList }, { $0.addressList = $1 }, ParsedStrings.codec, read: addresses),
        Field(
            "port_security",
            "array",
            { $0.securityList },
            { $0.securityList = $1 },
            ParsedStrings.codec,
            read: portSecurity
        ),
        .flag("enabled", { $0.isEnabled }, { $0.isEnabled = $1 }, default: true),
        Field(
            "requested_chassis",
            "array",
            { $0.requestedChassis },
            { $0.requestedChassis = $1 },
            .list(.text),
            read: requestedChassis
        ),
        Field(
            "activation_strategy",
            "array",
            { $0.activationStrategy },
            { $0.activationStrategy = $1 },
            .list(.word),
            laterThan: [],
            read: activationStrategy
        ),
        .texts(
            "options",
            { $0.options },
            { $0.options = $1 },
            feature: Feature.sendingRate,
            needsFeature: { $0.sendingRate != nil },
            check: PortOption.check
        ),
        .reference(
            "dhcpv4_options",
            { $0.dhcpv4Options },
            { $0.dhcpv4Options = $1 },
            to: DHCPOptions.self,
            feature: Feature.dhcpv4
        ),
        .reference(
            "dhcpv6_options",
            { $0.dhcpv6Options },
            { $0.dhcpv6Options = $1 },
            to: DHCPOptions.self,
            feature: Feature.dhcpv6
        ),
        Field(
            "virtual_ip",
            "string",
            { $0.virtualIP },
            { $0.virtualIP = $1 },
            .optional(.spelled { IPAddress($0) }),
            laterThan: nil,
            feature: Feature.virtualPorts,
            read: virtualIP
        ),
        Field(
            "virtual_parents",
            "array",
            { $0.virtualParents },
            { $0.virtualParents = $1 },
            .list(.text),
            laterThan: [],
            feature: Feature.virtualPorts,
            read: virtualParents
        ),
        Field(
            "parent_name",
            "string",
            { $0.parentName },
            { $0.parentName = $1 },
            .optional(.text),
            laterThan: nil,
            feature: Feature.nestedPorts,
            read: parentName
        ),
        Field(
            "tag_request",
            "integer",
            { $0.tagRequest },
            { $0.tagRequest = $1 },
            .optional(.integer(in: 0...tagRange.upperBound)),
            laterThan: nil,
            read: tagRequest
        ),
        .optionalFlag("ra_guard", { $0.guardsRouters }, { $0.guardsRouters = $1 }, laterWith: Feature.portGuards),
        .optionalFlag("dhcp_guard", { $0.guardsDHCP }, { $0.guardsDHCP = $1 }, laterWith: Feature.portGuards),
        .references(
            "mirror_rules",
            { $0.mirrors },
            { $0.mirrors = $1 },
            to: Mirror.self,
            atMost: MirrorSession.perPortMaximum,
            feature: Feature.mirrors
        ),
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
    ])
    public static let blank = LogicalSwitchPort(
        name: "",
        switchID: .zero,
        status: Status(isUp: false, chassis: nil, tunnelKey: 0, reason: .notPlugged)
    )
    public static let filters: [Filter] = [
        Filter("chassis") { $0.value.status.chassis },
        Filter("up") { $0.value.status.isUp.description },
        Filter("enabled") { $0.value.isEnabled.description },
        // Addresses are not compared as texts, but by ``matches(_:_:)``.
        Filter("mac") { _ in nil },
        Filter("ip") { _ in nil },
    ]

    public var parentID: ObjectID? { switchID }

    public func isIndexed(like other: LogicalSwitchPort) -> Bool {
        addresses == other.addresses && status.dynamicAddresses == other.status.dynamicAddresses
            && virtualIP == other.virtualIP && parentName == other.parentName && status.tag == other.status.tag
            && physicalNetwork == other.physicalNetwork && gatewayNetwork == other.gatewayNetwork
            && gatewayChassis == other.gatewayChassis
    }

    /// Gives a new port the next free key of its switch.
    public mutating func prepare(_ id: ObjectID, in transaction: inout Transaction) throws(Refusal) {
        guard let key = transaction.takeKey(in: .ports(of: switchID), for: id) else {
            throw Refusal(
                .limitExceeded,
                "The switch has \(transaction.keys.port) ports, which is the maximum; delete one first."
            )
        }
        status.tunnelKey = UInt16(clamping: key)
    }

    /// Its binding.
    public static func record(of stored: Stored<LogicalSwitchPort>, in transaction: inout Transaction) -> Record? {
        .portBinding(transaction.binding(of: stored))
    }

    public static func recordKey(of id: ObjectID) -> RecordKey? { .portBinding(id) }

    /// Lets go of the ledger's entry for its bindings.
    public static func forget(_ id: ObjectID, in transaction: inout Transaction) { transaction.forget(port: id) }

    /// The row of what is remembered of its bindings.
    public static func appendRows(of id: ObjectID, to transaction: inout Transaction) {
        transaction.appendBindingRow(of: id)
    }
}
