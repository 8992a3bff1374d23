import JSON
import Southbound
import Wire

extension LogicalSwitchPort {
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
