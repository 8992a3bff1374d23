import Persistent
import Wire

/// A choice of a kind's objects for a list: one of the values given for each field, for all of the fields. Each key
/// of a label is a field of its own.
public struct ObjectFilter: Sendable {
    /// The values of each parameter that is asked about.
    public var values: [String: [String]] = [:]
    /// The values of each label that is asked about; `nil` takes any.
    public var labels: [String: [String?]] = [:]
    /// The values that each label must not have.
    public var otherLabels: [String: [String]] = [:]
    /// The MAC addresses that are asked for, `nil` for any.
    public var macs: [MACAddress]?
    /// The IP addresses that are asked for, `nil` for any.
    public var ips: [IPAddress]?
    /// The object that all of them belong to, in a nested list.
    public var parent: ObjectID?

    public init() {}

    /// True if everything is let through.
    public var isEmpty: Bool {
        values.isEmpty && labels.isEmpty && otherLabels.isEmpty && macs == nil && ips == nil && parent == nil
    }

    /// The only value of a field, if exactly one is asked for.
    func only(_ parameter: String) -> String? {
        guard let values = values[parameter], values.count == 1 else { return nil }
        return values.first
    }

    private func has(_ parameter: String, _ value: String?) -> Bool {
        guard let values = values[parameter] else { return true }
        return value.map(values.contains) ?? false
    }

    private func matches(labels own: [String: String]) -> Bool {
        labels.allSatisfy { key, values in
            guard let value = own[key] else { return false }
            return values.contains { $0 == nil || $0 == value }
        } && otherLabels.allSatisfy { key, values in own[key].map { !values.contains($0) } ?? true }
    }

    /// - Parameter parents: The objects that all of them belong to one of; `nil` for any.
    func matches<Object: Kind>(_ stored: Stored<Object>, parents: Set<ObjectID>?) -> Bool {
        has("name", stored.value.name) && has("owner", stored.owner)
            && Object.filters.allSatisfy { has($0.parameter, $0.text(stored)) }
            && parents.map { parents in stored.value.parentID.map(parents.contains) ?? false } ?? true
            && matches(labels: stored.value.labels) && Object.matches(stored, self)
    }
}

/// An ordered list of objects at one revision.
public struct Listing {
    /// Gives the items after a key, in order, as long as they are taken and the budget of work lasts.
    public var walk: (_ after: String?, _ work: inout Int, _ take: Visitor) -> WalkEnd
    /// True if a text can be the key of an item: a token is only as good as its bearer.
    public var isKey: (String) -> Bool

    /// Takes an item: the key that orders it, for a caller that asks, and its JSON.
    /// - Returns: the work that it has cost; `nil` if it is not wanted, nor any after it.
    public typealias Visitor = (_ key: () -> String, _ bytes: [UInt8]) -> Int?

    public enum WalkEnd {
        /// There are no more items.
        case end
        /// An item was not wanted.
        case stopped
        /// The work is spent; all up to this key has been looked at.
        case spent(at: String)
    }

    public init(
        isKey: @escaping (String) -> Bool = { _ in true },
        walk: @escaping (_ after: String?, _ work: inout Int, _ take: Visitor) -> WalkEnd
    ) {
        self.walk = walk
        self.isKey = isKey
    }

    /// The entries of an index that `bytes` gives something for.
    @inlinable public init<Key, Value>(
        of index: OrderedMap<Key, Value>,
        key: @escaping (String) -> Key?,
        named: @escaping (Key) -> String,
        _ bytes: @escaping (Key, Value) -> [UInt8]?
    ) {
        self.init(isKey: { key($0) != nil }) { after, work, take in
            var cursor = after.flatMap(key).map { index.cursor(after: $0) } ?? index.makeIterator()
            while let entry = cursor.next() {
                work -= 1
                if let bytes = bytes(entry.key, entry.value) {
                    guard let cost = take({ named(entry.key) }, bytes) else { return .stopped }
                    work -= cost
                }
                guard work > 0 else { return .spent(at: named(entry.key)) }
            }
            return .end
        }
    }

    /// All objects of an index that has their texts.
    private init(all index: OrderedMap<ProjectName, ListedObject>) {
        self.init { after, work, take in
            var cursor = after.map { index.cursor(after: ProjectName($0)) } ?? index.makeIterator()
            while let run = cursor.nextRun() {
                // The texts are scattered over memory. All texts of a leaf are touched before the first is taken, so
                // that the processor waits for all of them at once.
                var byteCount = 0
                for place in run.indices { byteCount += run[place].value.bytes.count }
                guard byteCount > 0 else { continue }
                for place in run.indices {
                    guard let cost = take({ run[place].key.name }, run[place].value.bytes) else { return .stopped }
                    work -= 1 + cost
                    guard work > 0 else { return .spent(at: run[place].key.name) }
                }
            }
            return .end
        }
    }

    /// The objects of a kind that a filter lets through.
    init<Object: Kind>(of kind: Object.Type, _ filter: ObjectFilter, in network: Network) {
        let table = network.northbound[keyPath: Object.table]
        guard !filter.isEmpty else {
            self.init(all: table.byName)
            return
        }
        let parents = Self.parents(kind, filter, in: network.northbound)
        func bytes(_ id: ObjectID) -> [UInt8]? {
            table[id].flatMap { filter.matches($0, parents: parents) ? $0.bytes : nil }
        }
        guard let index = Self.index(kind, filter, parents, in: network) else {
            self.init(of: table.byName, key: { ProjectName($0) }, named: \.name) { _, listed in bytes(listed.id) }
            return
        }
        self.init(of: index, key: { ProjectName($0) }, named: \.name) { _, id in bytes(id) }
    }

    private static func parents<Object: Kind>(
        _ kind: Object.Type,
        _ filter: ObjectFilter,
        in database: NorthboundDatabase
    ) -> Set<ObjectID>? {
        guard let field = Object.fields.parent, let parent = field.parent, let list = filter.values[field.name] else {
            return filter.parent.map { [$0] }
        }
        let ids = Set(list.compactMap { database.listed(parent, Reference($0))?.id })
        return filter.parent.map { ids.intersection([$0]) } ?? ids
    }

    /// The objects among which are all that a filter lets through, if they are found faster than by a walk over all.
    private static func index<Object: Kind>(
        _ kind: Object.Type,
        _ filter: ObjectFilter,
        _ parents: Set<ObjectID>?,
        in network: Network
    ) -> OrderedMap<ProjectName, ObjectID>? {
        let table = network.northbound[keyPath: Object.table]
        var index: OrderedMap<ProjectName, ObjectID>?
        if let parents, parents.count == 1, let id = parents.first {
            index = Object.fields.parent?.parent?.row.dependents(network.northbound, id)?.ids
        } else if let owner = filter.only("owner") {
            index = table.byOwner[owner] ?? OrderedMap()
        }
        if let names = filter.values["name"] {
            var picked = OrderedMap<ProjectName, ObjectID>()
            for name in names {
                let name = ProjectName(name)
                picked[name] = index.map { $0[name] } ?? table.byName[name]?.id
            }
            return picked
        }
        return Object.candidates(filter, in: network) ?? index
    }
}

extension Network {
    /// The objects of a kind that a filter lets through, in the order that lists have.
    public func listing(of kind: ObjectKind, _ filter: ObjectFilter) -> Listing { kind.row.listing(self, filter) }
}
