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

    /// The server's facts about a port; each is part of a commit.
    public struct Status: Hashable, Sendable {
        /// True if the hosting forwarder has the port's tables.
        public var isUp: Bool
        /// The chassis that holds the port, `nil` while it is unbound.
        public var chassis: String?
        /// Of a virtual port: the port that has its address, `nil` while none has announced it.
        public var virtualParent: String?
        /// The tag of a nested port: 1 ... 4095. `nil` for other ports.
        public var tag: UInt16?
        /// The port's key in its datapath: 1 ... 32767.
        public var tunnelKey: UInt16
        /// The reason why the port is not up; `nil` when it is.
        public var reason: Reason?
        /// The addresses that central has completed, for a port with a dynamic one.
        public var dynamicAddresses: LogicalAddress?
        /// True if the guards are on where neither the port nor its switch says anything.
        public var isGuarded = false
        /// The chassis that the guest moves to; `nil` if there is none.
        public var standby: Standby?
        /// The chassis that have it plugged in and do not hold it, by name; at most
        /// ``Limits/waitingChassisCountMaximum``.
        public var waiting: [Waiting]

        /// A chassis that a guest moves to.
        public struct Standby: Hashable, Sendable {
            public var chassis: String
            /// True if its forwarder has the port's tables: the guest can be started there.
            public var isUp: Bool

            public init(chassis: String, isUp: Bool) {
                self.chassis = chassis
                self.isUp = isUp
            }
        }

        /// A chassis that has the port plugged in and does not hold it.
        public struct Waiting: Hashable, Sendable {
            public var chassis: String
            /// The reason why it does not hold the port: ``Reason/setAside``, ``Reason/requestedElsewhere``,
            /// ``Reason/unsupportedByChassis``, ``Reason/noPhysicalNetwork`` or ``Reason/chassisLost``.
            public var reason: Reason
            /// The features that the port needs and the chassis' agent does not say that it has; or the physical
            /// networks of the switch, of which the chassis has none.
            public var lacks: [String]

            public init(chassis: String, reason: Reason, lacks: [String] = []) {
                self.chassis = chassis
                self.reason = reason
                self.lacks = lacks
            }
        }

        /// The reason why a port is not up.
        public enum Reason: String, Sendable, CaseIterable {
            /// No host says that it has the port.
            case notPlugged = "not-plugged"
            /// The hosting forwarder does not have the port's tables yet.
            case notProgrammed = "not-programmed"
            /// The user switched the port off.
            case disabled = "disabled"
            /// The chassis that holds the port has not been heard for the time of its lease.
            case chassisLost = "chassis-lost"
            /// The port is plugged on a chassis that `requested_chassis` does not name.
            case requestedElsewhere = "requested-elsewhere"
            /// The port is plugged on a chassis whose agent lacks a feature that the port or its switch needs.
            case unsupportedByChassis = "unsupported-by-chassis"
            /// There is no port that has the name of its parent.
            case parentMissing = "parent-missing"
            /// Its parent is bound nowhere.
            case parentNotBound = "parent-not-bound"
            /// The switch is joined to physical networks, and the chassis that the port is plugged on has a device of
            /// none. Of a localnet port: it does not say a physical network yet. Of an l2gateway port: it does not say
            /// its network and chassis yet, or that chassis has no device of it.
            case noPhysicalNetwork = "no-physical-network"
            /// The port is plugged on a chassis that could have it, and another one has it; it goes there when that one
            /// lets go. Only of a chassis that waits.
            case setAside = "set-aside"
        }

        public init(
            isUp: Bool,
            chassis: String?,
            tunnelKey: UInt16,
            reason: Reason?,
            waiting: [Waiting] = []
        ) {
            self.isUp = isUp
            self.chassis = chassis
            self.tunnelKey = tunnelKey
            self.reason = reason
            self.waiting = waiting
        }
    }

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
        .parent("switch", \.switchID, LogicalSwitch.self),
        Field("type", "string", \.type, .text, read: type),
        Field("addresses", "array", \.addressList, ParsedStrings.codec, read: addresses),
        Field("port_security", "array", \.securityList, ParsedStrings.codec, read: portSecurity),
        .flag("enabled", \.isEnabled, default: true),
        Field("requested_chassis", "array", \.requestedChassis, .list(.text), read: requestedChassis),
        Field(
            "activation_strategy",
            "array",
            \.activationStrategy,
            .list(.word),
            laterThan: [],
            read: activationStrategy
        ),
        .texts(
            "options",
            \.options,
            feature: Feature.sendingRate,
            needsFeature: { $0.sendingRate != nil },
            check: PortOption.check
        ),
        .reference("dhcpv4_options", \.dhcpv4Options, to: DHCPOptions.self, feature: Feature.dhcpv4),
        .reference("dhcpv6_options", \.dhcpv6Options, to: DHCPOptions.self, feature: Feature.dhcpv6),
        Field(
            "virtual_ip",
            "string",
            \.virtualIP,
            .optional(.spelled { IPAddress($0) }),
            laterThan: nil,
            feature: Feature.virtualPorts,
            read: virtualIP
        ),
        Field(
            "virtual_parents",
            "array",
            \.virtualParents,
            .list(.text),
            laterThan: [],
            feature: Feature.virtualPorts,
            read: virtualParents
        ),
        Field(
            "parent_name",
            "string",
            \.parentName,
            .optional(.text),
            laterThan: nil,
            feature: Feature.nestedPorts,
            read: parentName
        ),
        Field(
            "tag_request",
            "integer",
            \.tagRequest,
            .optional(.integer(in: 0...tagRange.upperBound)),
            laterThan: nil,
            read: tagRequest
        ),
        .optionalFlag("ra_guard", \.guardsRouters, laterWith: Feature.portGuards),
        .optionalFlag("dhcp_guard", \.guardsDHCP, laterWith: Feature.portGuards),
        .references(
            "mirror_rules",
            \.mirrors,
            to: Mirror.self,
            atMost: MirrorSession.perPortMaximum,
            feature: Feature.mirrors
        ),
        .texts("labels", \.labels),
    ])
    public static let statusMembers: [JSONMember<Status>] = [
        JSONMember("up", { $0.isUp }, { $0.isUp = $1 }, .flag),
        JSONMember("chassis", { $0.chassis }, { $0.chassis = $1 }, .optional(.text)),
        JSONMember("virtual_parent", { $0.virtualParent }, { $0.virtualParent = $1 }, .optional(.text), default: nil),
        JSONMember("tag", { $0.tag }, { $0.tag = $1 }, .optional(.integer(in: tagRange)), default: nil),
        JSONMember("tunnel_key", { $0.tunnelKey }, { $0.tunnelKey = $1 }, .integer(in: 0...UInt16.max)),
        JSONMember("reason", { $0.reason }, { $0.reason = $1 }, .optional(.word)),
        // As OVN's column of this name: "MAC [IPV4] [IPV6]".
        JSONMember(
            "dynamic_addresses",
            { $0.dynamicAddresses },
            { $0.dynamicAddresses = $1 },
            .optional(.spelled(LogicalAddress.stored)),
            default: nil
        ),
        JSONMember("guarded", { $0.isGuarded }, { $0.isGuarded = $1 }, .flag, default: false),
        JSONMember(
            "standby",
            { $0.standby },
            { $0.standby = $1 },
            .optional(.object(Status.Standby.members, into: Status.Standby(chassis: "", isUp: false))),
            default: nil
        ),
        // Nobody waits for most ports.
        JSONMember(
            unlessEmpty: "waiting",
            { $0.waiting },
            { $0.waiting = $1 },
            .list(.object(Status.Waiting.members, into: Status.Waiting(chassis: "", reason: .setAside)))
        ),
    ]
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

extension LogicalSwitchPort.Status.Standby {
    static let members: [JSONMember<LogicalSwitchPort.Status.Standby>] = [
        JSONMember("chassis", { $0.chassis }, { $0.chassis = $1 }, .text),
        JSONMember("up", { $0.isUp }, { $0.isUp = $1 }, .flag),
    ]
}

extension LogicalSwitchPort.Status.Waiting {
    static let members: [JSONMember<LogicalSwitchPort.Status.Waiting>] = [
        JSONMember("chassis", { $0.chassis }, { $0.chassis = $1 }, .text),
        JSONMember("reason", { $0.reason }, { $0.reason = $1 }, .word),
        JSONMember(unlessEmpty: "lacks", { $0.lacks }, { $0.lacks = $1 }, .list(.text)),
    ]
}
