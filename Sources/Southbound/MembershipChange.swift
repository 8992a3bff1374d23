import Wire

/// The members of multicast groups of a switch, as far as they are others than before.
public struct MembershipChange: Hashable, Sendable {
    public var datapath: ObjectID
    /// The ports that are members of a group; none any more for an empty list.
    public var groups: [IPAddress: [ObjectID]]
    /// The ports that lead to multicast routers.
    public var routers: [ObjectID]
    /// True until all members that there are must have reported: until then all ports get the frames to all groups.
    public var isListening: Bool

    public init(
        datapath: ObjectID,
        groups: [IPAddress: [ObjectID]],
        routers: [ObjectID] = [],
        isListening: Bool
    ) {
        self.datapath = datapath
        self.groups = groups
        self.routers = routers
        self.isListening = isListening
    }
}
