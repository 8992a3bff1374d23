import JSON
import Wire

/// A change of a datapath by which address sets and port groups that its ACLs name have other members, and nothing else
/// is another: it is told to hosts in the place of the whole record, which may be long.
public struct FilterPatch: Hashable, Sendable {
    public var datapath: ObjectID
    public var addressSets: [String: MemberChange<IPPrefix>] = [:]
    public var portGroups: [String: MemberChange<UInt16>] = [:]

    /// The most members that come and go by one: with more the whole record is told.
    public static let memberCountMaximum = 256

    private init(datapath: ObjectID) { self.datapath = datapath }

    /// The change between two records of one datapath, whatever the order of members in them.
    /// - Returns: `nil` if they differ by more.
    public init?(from old: DatapathBinding, to new: DatapathBinding) {
        guard let former = old.filter, let latter = new.filter else { return nil }
        var other = old
        other.filter?.addressSets = latter.addressSets
        other.filter?.portGroups = latter.portGroups
        guard other == new else { return nil }
        self.init(datapath: new.id)
        guard let sets = Self.changes(from: former.addressSets, to: latter.addressSets),
            let groups = Self.changes(from: former.portGroups, to: latter.portGroups)
        else { return nil }
        (addressSets, portGroups) = (sets, groups)
    }

    /// The change between two records, if it is short and makes the one of the other to the letter.
    static func toTell(from old: DatapathBinding, to new: DatapathBinding) -> FilterPatch? {
        guard let patch = FilterPatch(from: old, to: new), (1...memberCountMaximum).contains(patch.memberCount) else {
            return nil
        }
        var patched = old
        return patched.apply(patch) && patched == new ? patch : nil
    }

    /// This change and a later one in one.
    /// - Returns: `nil` if that is too long.
    public func followed(by later: FilterPatch) -> FilterPatch? {
        var both = self
        for (name, change) in later.addressSets { both.addressSets[name, default: MemberChange()].merge(change) }
        for (name, change) in later.portGroups { both.portGroups[name, default: MemberChange()].merge(change) }
        return both.memberCount <= Self.memberCountMaximum ? both : nil
    }

    /// The members that come and go.
    public var memberCount: Int {
        addressSets.values.reduce(0) { $0 + $1.count } + portGroups.values.reduce(0) { $0 + $1.count }
    }

    /// The lists that have changed; `nil` if others have come or gone.
    private static func changes<Member>(
        from old: [String: [Member]],
        to new: [String: [Member]]
    ) -> [String: MemberChange<Member>]? {
        guard old.count == new.count else { return nil }
        var changes: [String: MemberChange<Member>] = [:]
        for (name, members) in new {
            guard let former = old[name] else { return nil }
            if former != members { changes[name] = MemberChange(from: former, to: members) }
        }
        return changes
    }
}

extension DatapathBinding {
    /// True if its ACLs name the sets and groups that are changed.
    public func takes(_ patch: FilterPatch) -> Bool {
        guard let filter else { return false }
        return patch.addressSets.keys.allSatisfy { filter.addressSets[$0] != nil }
            && patch.portGroups.keys.allSatisfy { filter.portGroups[$0] != nil }
    }

    /// Takes over other members of sets and groups.
    /// - Returns: `false` if its ACLs name none that are changed; nothing is taken over then.
    public mutating func apply(_ patch: FilterPatch) -> Bool {
        guard takes(patch), var filter else { return false }
        // Not two references, or each change would copy all lists.
        self.filter = nil
        for (name, change) in patch.addressSets { change.apply(to: &filter.addressSets[name, default: []]) }
        for (name, change) in patch.portGroups { change.apply(to: &filter.portGroups[name, default: []]) }
        self.filter = filter
        return true
    }
}

extension FilterPatch {
    /// The members of the JSON, in their order.
    private static let members: [JSONMember<FilterPatch>] = [
        JSONMember(
            "address_sets",
            { $0.addressSets },
            { $0.addressSets = $1 },
            .map(.object(MemberChange.members(.spelled { IPPrefix($0) }), into: MemberChange())),
            default: [:]
        ),
        JSONMember(
            "port_groups",
            { $0.portGroups },
            { $0.portGroups = $1 },
            .map(.object(MemberChange.members(.integer(in: 1...UInt16.max)), into: MemberChange())),
            default: [:]
        ),
    ]

    /// Appends the JSON, in which the datapath is not named.
    func write(to text: inout [UInt8]) { Self.members.write(self, to: &text) }

    /// - Returns: `nil` for JSON that is no such change.
    init?(of datapath: ObjectID, json: JSONValue) {
        self.init(datapath: datapath)
        guard json.objectValue != nil, Self.members.read(json, into: &self) == nil else { return nil }
    }
}
