/// The keys of OVN's multicast groups (lib/mcast-group-index.h).
enum GroupKey {
    /// `_MC_flood`: every enabled port.
    static let flood: UInt16 = 32768
    /// `_MC_unknown`: the ports that take frames for MACs nobody is known to have.
    static let unknown: UInt16 = 32769
    /// `_MC_flood_l2`: every enabled port but those of routers.
    static let floodL2: UInt16 = 32772
}
