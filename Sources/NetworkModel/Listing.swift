import Persistent

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
        /// The work is spent; all up to this key has been looked at, `nil` for what is in no order yet.
        case spent(at: String?)
    }

    public init(
        isKey: @escaping (String) -> Bool = { _ in true },
        walk: @escaping (_ after: String?, _ work: inout Int, _ take: Visitor) -> WalkEnd
    ) {
        self.walk = walk
        self.isKey = isKey
    }

    /// The entries of an index that `bytes` gives something for.
    /// - Parameter weight: The work of looking at one entry.
    @inlinable public init<Key, Value>(
        of index: OrderedMap<Key, Value>,
        key: @escaping (String) -> Key?,
        named: @escaping (Key) -> String,
        weight: Int = 1,
        _ bytes: @escaping (Key, Value) -> [UInt8]?
    ) {
        self.init(isKey: { key($0) != nil }) { after, work, take in
            var cursor = after.flatMap(key).map { index.cursor(after: $0) } ?? index.makeIterator()
            while let entry = cursor.next() {
                work -= weight
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
    init<Object: Kind>(of kind: Object.Type, _ filter: ObjectFilter, _ order: ListOrder, in network: Network) {
        let table = network.northbound[keyPath: Object.table]
        guard !filter.isEmpty || !order.isByName else {
            self.init(all: table.byName)
            return
        }
        let choice = ObjectChoice(kind, filter, in: network)
        if !order.isByName {
            self.init(of: choice, order)
        } else if let index = choice.index {
            self.init(of: index, key: { ProjectName($0) }, named: \.name, weight: choice.weight) { _, id in
                choice.object(id)?.bytes
            }
        } else {
            self.init(of: table.byName, key: { ProjectName($0) }, named: \.name, weight: choice.weight) { _, listed in
                choice.object(listed.id)?.bytes
            }
        }
    }
}

extension Network {
    /// The objects of a kind that a filter lets through, in an order.
    public func listing(of kind: ObjectKind, _ filter: ObjectFilter, _ order: ListOrder = ListOrder()) -> Listing {
        kind.row.listing(self, filter, order)
    }

    /// The objects of a kind that a filter lets through, in the order of their names.
    public func selection(of kind: ObjectKind, _ filter: ObjectFilter) -> ObjectWalk {
        kind.row.selection(self, filter)
    }
}
