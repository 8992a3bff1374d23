import JSON

/// The VLANs of a trunk port: its frames have their tags on the switch, too.
public struct Trunk: Hashable, Sendable {
    /// The VLANs that it may send and receive, beside the native one.
    public var vlans: VLANList
    /// The VLAN of the frames that have no tag at the port: 1 ... 4094; `nil` if these have none on the switch either.
    public var native: UInt16?

    public init(vlans: VLANList = VLANList(), native: UInt16? = nil) {
        self.vlans = vlans
        self.native = native
    }

    static var members: [JSONMember<Trunk>] {
        [
            JSONMember("vlans", { $0.vlans }, { $0.vlans = $1 }, .spelled { VLANList($0) }),
            JSONMember(
                "native",
                { $0.native },
                { $0.native = $1 },
                .optional(.integer(in: 1...VLANList.vlanMaximum)),
                default: nil
            ),
        ]
    }
}
