import Persistent
import Wire

/// A choice of a kind's objects: what every field that is asked about has to be.
public struct ObjectFilter: Sendable {
    /// The demands on each field that is compared as a text.
    public var texts: [String: TextCondition] = [:]
    /// The demands on labels.
    public var labels = LabelSelector()
    /// The MAC addresses that are asked for, `nil` for any.
    public var macs: ValueCondition<MACAddress>?
    /// The networks that are asked for, `nil` for any; an address is one of its own.
    public var ips: ValueCondition<IPPrefix>?
    /// The object that all of them belong to, in a nested list.
    public var parent: ObjectID?

    public init() {}

    /// True if everything is let through.
    public var isEmpty: Bool { texts.isEmpty && labels.isEmpty && macs == nil && ips == nil && parent == nil }

    /// The only value of a field, if exactly one is asked for.
    func only(_ field: String) -> String? {
        guard let texts = texts[field]?.texts, texts.count == 1 else { return nil }
        return texts.first
    }

    private func holds(_ field: String, _ text: @autoclosure () -> String?) -> Bool {
        texts[field].map { $0.holds(for: text()) } ?? true
    }

    /// True if an object is let through as far as it tells itself: not by what it belongs to.
    func matches<Object: Kind>(_ stored: Stored<Object>) -> Bool {
        (texts.isEmpty
            || holds("name", stored.value.name) && holds("owner", stored.owner)
                && Object.filters.allSatisfy { filter in holds(filter.parameter, filter.text(stored)) })
            && (labels.isEmpty || labels.holds { stored.value.labels[$0] })
            && (parent == nil || stored.value.parentID == parent) && Object.matches(stored, self)
    }
}

/// The objects of a kind that a filter lets through, and the way to them.
struct ObjectChoice<Object: Kind>: Sendable {
    let table: Table<Object>
    /// The objects among which are all that fit, if they are found faster than by a walk over all.
    let index: OrderedMap<ProjectName, ObjectID>?
    /// The work of looking at one object, in entries.
    let weight: Int

    private let filter: ObjectFilter
    /// The demands on the name of what an object belongs to, and that name.
    private let parent: (condition: TextCondition, name: @Sendable (ObjectID) -> String?)?

    /// Conditions that are tried in the time of looking at one entry.
    private static var conditionsPerEntry: Int { 4 }

    init(_ kind: Object.Type, _ filter: ObjectFilter, in network: Network) {
        table = network.northbound[keyPath: Object.table]
        self.filter = filter
        let count = filter.texts.count + filter.labels.count + (filter.ips?.count ?? 0) + (filter.macs?.count ?? 0)
        weight = 1 + count / Self.conditionsPerEntry
        var index: OrderedMap<ProjectName, ObjectID>?
        var home = filter.parent
        if let field = Object.fields.parent, let kind = field.parent, let condition = filter.texts[field.name] {
            let database = network.northbound
            parent = (
                condition.named { kind.row.name(database, Reference($0)) }, { kind.row.name(database, .id($0)) }
            )
            if let only = filter.only(field.name) { home = home ?? database.listed(kind, Reference(only))?.id ?? .zero }
        } else {
            parent = nil
        }
        if let home {
            index = Object.fields.parent?.parent?.row.dependents(network.northbound, home)?.ids ?? OrderedMap()
        } else if let owner = filter.only("owner") {
            index = table.byOwner[owner] ?? OrderedMap()
        }
        if let names = filter.texts["name"]?.texts {
            var picked = OrderedMap<ProjectName, ObjectID>()
            for name in names {
                let name = ProjectName(name)
                picked[name] = index.map { $0[name] } ?? table.byName[name]?.id
            }
            self.index = picked
        } else {
            self.index = Object.candidates(filter, in: network) ?? index
        }
    }

    /// An object, if the filter lets it through.
    func object(_ id: ObjectID) -> Stored<Object>? {
        guard let stored = table[id], filter.matches(stored) else { return nil }
        guard let parent else { return stored }
        return parent.condition.holds(for: stored.value.parentID.flatMap(parent.name)) ? stored : nil
    }
}

/// A walk over objects that are chosen, in the order of their names, in steps.
public struct ObjectWalk {
    /// A chosen object.
    public struct Object: Equatable, Sendable {
        public let id: ObjectID
        public let name: String
        /// The revision of the last commit that changed it.
        public let revision: UInt64
    }

    private let step: (_ work: Int) -> (found: [Object], isLast: Bool)

    /// The chosen objects among the next of all, and true if there are no more.
    /// - Parameter work: The entries that are looked at, about.
    public func next(work: Int) -> (found: [Object], isLast: Bool) { step(work) }

    init<Kept: Kind>(_ choice: ObjectChoice<Kept>) {
        let cursor = ChoiceCursor(choice)
        step = { work in
            var found: [Object] = []
            var work = work
            while work > 0 {
                work -= choice.weight
                guard let id = cursor.next() else { return (found, true) }
                guard let stored = choice.object(id) else { continue }
                found.append(Object(id: id, name: stored.value.name, revision: stored.revision))
            }
            return (found, false)
        }
    }
}

/// The place of a walk over the objects that may be chosen.
final class ChoiceCursor {
    private var all: OrderedMapCursor<ProjectName, ListedObject>
    private var few: OrderedMapCursor<ProjectName, ObjectID>?

    init<Object: Kind>(_ choice: ObjectChoice<Object>) {
        all = choice.table.byName.makeIterator()
        few = choice.index?.makeIterator()
    }

    func next() -> ObjectID? { few != nil ? few?.next()?.value : all.next()?.value.id }
}
