/// The members of a JSON object, in order, each name once.
///
/// Objects here have a few dozen members at most, so a look-up walks them; what goes over all members of objects that
/// others have written (the parser, merging, comparing) looks names up in a table.
public struct JSONObject: Hashable, Sendable {
    public private(set) var members: [(name: String, value: JSONValue)] = []

    public init() {}

    /// An object with these members, whose names the caller knows to differ.
    public init(distinct members: [(name: String, value: JSONValue)]) {
        self.members = members
    }

    /// The member with this name; setting `nil` removes it, setting a new one appends it.
    public subscript(name: String) -> JSONValue? {
        get {
            // In place: a loop over the elements would count the references of each.
            let byteCount = name.utf8.count
            for index in members.indices
            where members[index].name.utf8.count == byteCount && members[index].name == name {
                return members[index].value
            }
            return nil
        }
        set {
            let index = members.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append((name, value))
            case (nil, nil): break
            }
        }
    }

    /// Equal when they have the same members; the order does not matter.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.members.count == right.members.count else { return false }
        // Most have the same order. Values are compared once: twice on each level would be 2^depth times.
        guard !zip(left.members, right.members).allSatisfy({ $0.name == $1.name }) else {
            return zip(left.members, right.members).allSatisfy { $0.value == $1.value }
        }
        let places = right.places
        return left.members.allSatisfy { member in
            places[member.name].map { right.members[$0].value == member.value } ?? false
        }
    }

    /// Hashes the number of members: equal objects may differ in order.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
    }

    /// The index of each member.
    private var places: [String: Int] {
        Dictionary(members.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The object as a merge patch (RFC 7396) changes it, in time that grows with the members of both.
    func merged(with changes: JSONObject) -> JSONObject {
        var places = places
        var kept: [(name: String, value: JSONValue)?] = members
        for (name, change) in changes.members {
            let place = places[name]
            if case .null = change {
                if let place { kept[place] = nil }
                places[name] = nil
            } else if let place {
                kept[place] = (name, (kept[place]?.value ?? .null).merged(with: change))
            } else {
                places[name] = kept.count
                kept.append((name, JSONValue.null.merged(with: change)))
            }
        }
        return JSONObject(distinct: kept.compactMap { $0 })
    }
}
