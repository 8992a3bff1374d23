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
    /// `""`, a VIF, is the only type of this version.
    public var type: String
    /// `MAC [IP ...]` or `unknown`.
    public var addresses: [String] {
        get { addressStrings }
        set {
            addressStrings = newValue
            logicalAddresses = Self.logicalAddresses(newValue)
        }
    }
    private var addressStrings: [String]
    /// The parsed `addresses`: indices and translation ask for them again and again.
    public private(set) var logicalAddresses: [LogicalAddress]
    /// `MAC [IP[/LENGTH] ...]`; empty means no check.
    public var portSecurity: [String]
    /// True if the port passes frames at all.
    public var isEnabled: Bool
    /// Names of the chassis that may claim the port; empty means any.
    public var requestedChassis: [String]
    /// OVN's option keys; only `disable_arp_nd_rsp` is known to this version.
    public var options: [String: String]
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
        /// The port's key in its datapath: 1 ... 32767.
        public var tunnelKey: UInt16
        /// The reason why the port is not up; `nil` when it is.
        public var reason: Reason?
        /// The chassis that have it plugged in and do not hold it, by name; at most
        /// ``Limits/waitingChassisCountMaximum``.
        public var waiting: [Waiting]

        /// A chassis that has the port plugged in and does not hold it.
        public struct Waiting: Hashable, Sendable {
            /// The chassis' name.
            public var chassis: String
            /// The reason why it does not hold the port: ``Reason/setAside``, ``Reason/requestedElsewhere``,
            /// ``Reason/unsupportedByChassis`` or ``Reason/chassisLost``.
            public var reason: Reason

            public init(chassis: String, reason: Reason) {
                self.chassis = chassis
                self.reason = reason
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
            /// The port is plugged on a chassis whose agent does not know a kind of record that the port needs.
            case unsupportedByChassis = "unsupported-by-chassis"
            /// The port is plugged on a chassis that could have it, and another one has it; it goes there when that one
            /// lets go. Only of a chassis that waits.
            case setAside = "set-aside"
        }

        /// The status of a port.
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
    /// - Parameter logicalAddresses: what `addresses` stand for, if that is known already.
    public init(
        name: String,
        switchID: ObjectID,
        type: String = "",
        addresses: [String] = [],
        logicalAddresses: [LogicalAddress]? = nil,
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
        addressStrings = addresses
        self.logicalAddresses = logicalAddresses ?? Self.logicalAddresses(addresses)
        self.portSecurity = portSecurity
        self.isEnabled = isEnabled
        self.requestedChassis = requestedChassis
        self.options = options
        self.labels = labels
        self.status = status
    }

    /// Sets `addresses` to what stands for these.
    mutating func setAddresses(_ addresses: [LogicalAddress]) {
        addressStrings = addresses.map(\.description)
        logicalAddresses = addresses
    }
}
