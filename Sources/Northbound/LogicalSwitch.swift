/// A logical switch: one broadcast domain (OVN_Northbound `Logical_Switch`).
public struct LogicalSwitch: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// The user's own marks; at most 64.
    public var labels: [String: String]
    /// Whether frames with a VLAN tag are taken; also turns the ARP/ND responder off, as in OVN.
    public var vlanPassthru: Bool

    /// A switch with this name.
    public init(name: String, labels: [String: String] = [:], vlanPassthru: Bool = false) {
        self.name = name
        self.labels = labels
        self.vlanPassthru = vlanPassthru
    }
}
