/// The members of a JSON object, in order, each name once.
///
/// Objects here have a few dozen members at most, so a look-up walks them; the parser, which meets larger ones,
/// finds duplicate names by itself.
public struct JSONObject: Hashable, Sendable {
    /// The members in order.
    public private(set) var members: [(name: String, value: JSONValue)] = []

    /// An object without members.
    public init() {}

    /// An object with these members, whose names the caller knows to differ.
    public init(distinct members: [(name: String, value: JSONValue)]) {
        self.members = members
    }

    /// The member with this name; setting `nil` removes it, setting a new one appends it.
    public subscript(name: String) -> JSONValue? {
        get { members.first { $0.name == name }?.value }
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
        left.members.count == right.members.count && left.members.allSatisfy { right[$0.name] == $0.value }
    }

    /// Hashes the number of members: equal objects may differ in order.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
    }
}
