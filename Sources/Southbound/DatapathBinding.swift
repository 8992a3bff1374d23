import JSON
import Wire

/// A logical switch as the hosts know it (OVN_Southbound `Datapath_Binding`).
public struct DatapathBinding: Hashable, Sendable {
    /// The identity of the logical switch.
    public var id: ObjectID
    /// The logical switch's name, for people.
    public var name: String
    /// The VNI of its frames: 1 ... 16711680 (OVN's local range).
    public var tunnelKey: UInt32
    /// True if frames with a VLAN tag are taken; also turns the ARP/ND responder off, as in OVN.
    public var vlanPassthru: Bool

    /// The largest datapath key given to a local switch; those above are reserved for transit (OVN).
    public static let tunnelKeyMaximum: UInt32 = 16_711_680

    public init(id: ObjectID, name: String, tunnelKey: UInt32, vlanPassthru: Bool) {
        self.id = id
        self.name = name
        self.tunnelKey = tunnelKey
        self.vlanPassthru = vlanPassthru
    }
}

extension DatapathBinding {
    /// The members of the JSON, in their order.
    static let members: [JSONMember<DatapathBinding>] = [
        JSONMember("id", \.id, .spelled { ObjectID($0) }),
        JSONMember("name", \.name, .text),
        JSONMember("tunnel_key", \.tunnelKey, .integer(in: 1...tunnelKeyMaximum)),
        JSONMember("vlan_passthru", \.vlanPassthru, .flag),
    ]

    /// A datapath that members are read into.
    static let blank = DatapathBinding(id: .zero, name: "", tunnelKey: 0, vlanPassthru: false)
}
