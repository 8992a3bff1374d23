import JSON

/// The members that a list in ascending order, each once, has gained and lost.
public struct MemberChange<Member: Hashable & Comparable & Sendable>: Hashable, Sendable {
    /// Ascending.
    public var added: [Member] = []
    /// Ascending.
    public var removed: [Member] = []

    /// No change.
    public init() {}

    /// The difference between two lists, in whatever order they are.
    public init(from old: [Member], to new: [Member]) {
        let start = zip(old, new).prefix { $0 == $1 }.count
        let end = zip(old[start...].reversed(), new[start...].reversed()).prefix { $0 == $1 }.count
        let (former, latter) = (Set(old[start..<old.count - end]), Set(new[start..<new.count - end]))
        added = latter.subtracting(former).sorted()
        removed = former.subtracting(latter).sorted()
    }

    public var count: Int { added.count + removed.count }

    /// Changes an ascending list.
    public func apply(to members: inout [Member]) {
        for member in removed {
            let place = Self.place(of: member, in: members)
            if place < members.count, members[place] == member { members.remove(at: place) }
        }
        for member in added {
            let place = Self.place(of: member, in: members)
            if place == members.count || members[place] != member { members.insert(member, at: place) }
        }
    }

    /// Makes it both changes in one, the later one being after it.
    public mutating func merge(_ later: MemberChange) {
        added = Set(added).subtracting(later.removed).union(later.added).sorted()
        removed = Set(removed).subtracting(later.added).union(later.removed).sorted()
    }

    /// The number of members below one.
    private static func place(of member: Member, in members: [Member]) -> Int {
        var (low, high) = (0, members.count)
        while low < high {
            let middle = low + (high - low) / 2
            if members[middle] < member { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The members of the JSON, in their order.
    static func members(_ codec: JSONCodec<Member>) -> [JSONMember<MemberChange>] {
        [
            JSONMember(unlessEmpty: "added", { $0.added }, { $0.added = $1 }, .list(codec)),
            JSONMember(unlessEmpty: "removed", { $0.removed }, { $0.removed = $1 }, .list(codec)),
        ]
    }
}
