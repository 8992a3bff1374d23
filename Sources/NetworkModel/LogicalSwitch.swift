/// A logical switch: one broadcast domain (OVN_Northbound `Logical_Switch`).
public struct LogicalSwitch: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// The user's own marks; at most 64.
    public var labels: [String: String]
    /// Whether frames with a VLAN tag are taken; also turns the ARP/ND responder off, as in OVN.
    public var vlanPassthru: Bool

    /// What the server knows of the switch.
    public var status: Status

    /// What the server knows of a switch; each fact is part of a commit.
    public struct Status: Hashable, Sendable {
        /// The switch's key, the VNI of its frames: 1 ... 16711680.
        public var tunnelKey: UInt32

        /// The status of a switch.
        public init(tunnelKey: UInt32) {
            self.tunnelKey = tunnelKey
        }
    }

    /// A switch with this name.
    public init(name: String, labels: [String: String] = [:], vlanPassthru: Bool = false, status: Status) {
        self.name = name
        self.labels = labels
        self.vlanPassthru = vlanPassthru
        self.status = status
    }
}
