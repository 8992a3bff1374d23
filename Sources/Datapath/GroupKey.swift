/// The keys of OVN's multicast groups (lib/mcast-group-index.h).
enum GroupKey {
    /// `_MC_flood`: every enabled port.
    static let flood: UInt16 = 32768
    /// `_MC_unknown`: the ports that take frames for MACs nobody is known to have.
    static let unknown: UInt16 = 32769
    /// `_MC_flood_l2`: every enabled port but those of routers.
    static let floodL2: UInt16 = 32772
    /// The members of the group that the frame's own address names, as the receiving host knows them. OVN numbers its
    /// learnt groups from here on.
    static let members: UInt16 = 32773
}
