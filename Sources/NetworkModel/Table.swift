import Persistent
import Wire

/// The objects of a kind: a value, of which a copy is a snapshot and costs nothing.
public struct Table<Object: Kind>: Sendable {
    @usableFromInline var objects = OrderedMap<ObjectID, Stored<Object>>()
    /// The objects in the order that lists have, with their canonical JSON: a list of them looks at nothing else.
    public internal(set) var byName = OrderedMap<ProjectName, ListedObject>()
    /// The objects of each topology, by its owner, in the order that lists have.
    public private(set) var byOwner: OrderedMap<String, OrderedMap<ProjectName, ObjectID>> = OrderedMap()
    /// An index that finds objects by other things than their names.
    public internal(set) var index = Object.Index()

    @inlinable public var count: Int { objects.count }
    @inlinable public var isEmpty: Bool { objects.isEmpty }
    /// The objects, in the order of their identities.
    @inlinable public var values: some Sequence<Stored<Object>> { objects.values }

    @inlinable public subscript(id: ObjectID) -> Stored<Object>? { objects[id] }

    /// The object that a path or a body points at. An older version gave other UUIDs, which are looked for last.
    @inlinable public subscript(reference: Reference) -> Stored<Object>? {
        switch reference {
        case .id(let id): objects[id]
        case .name(let name):
            byName[ProjectName(name)].map { objects[$0.id] } ?? ObjectID(name).flatMap { objects[$0] }
        }
    }

    /// The object that a path points at, as far as a reader is interested in it.
    func listed(_ reference: Reference) -> ListedObject? {
        switch reference {
        case .id(let id): objects[id].map { ListedObject($0) }
        case .name(let name):
            byName[ProjectName(name)] ?? ObjectID(name).flatMap { objects[$0] }.map { ListedObject($0) }
        }
    }

    /// Puts an object, in place of one with its identity, and keeps every index in step.
    /// - Returns: The one that was there.
    mutating func put(_ stored: Stored<Object>) -> Stored<Object>? {
        let old = objects.updateValue(stored, forKey: stored.id)
        let name = ProjectName(stored.value.name)
        byName[name] = ListedObject(stored)
        if let old {
            guard !old.value.isIndexed(like: stored.value) || old.owner != stored.owner else { return old }
            index.remove(old)
        }
        index.insert(stored)
        move(name, stored.id, from: old?.owner, to: stored.owner)
        return old
    }

    /// Puts an object with the same value and owner as the one with its identity.
    mutating func seal(_ stored: Stored<Object>) {
        objects[stored.id] = stored
        byName[ProjectName(stored.value.name)] = ListedObject(stored)
    }

    /// Removes an object.
    /// - Returns: The one that was there.
    mutating func remove(_ id: ObjectID) -> Stored<Object>? {
        guard let old = objects.removeValue(forKey: id) else { return nil }
        let name = ProjectName(old.value.name)
        byName[name] = nil
        index.remove(old)
        move(name, id, from: old.owner, to: nil)
        return old
    }

    private mutating func move(_ name: ProjectName, _ id: ObjectID, from old: String?, to new: String?) {
        guard old != new else { return }
        if let old {
            byOwner.update(old, default: OrderedMap()) { $0[name] = nil }
            if byOwner[old]?.isEmpty == true { byOwner[old] = nil }
        }
        if let new { byOwner.update(new, default: OrderedMap()) { $0[name] = id } }
    }
}

extension Table: Sequence {
    /// Walks all objects in the order of their identities.
    @inlinable public func makeIterator() -> OrderedMapCursor<ObjectID, Stored<Object>> { objects.makeIterator() }
    /// A lower bound of ``count``: all of it.
    @inlinable public var underestimatedCount: Int { count }
}

public struct ListedObject: Sendable {
    public let id: ObjectID
    /// The revision of the last commit that changed the bytes: the entity tag.
    public let revision: UInt64
    /// The canonical JSON.
    public let bytes: [UInt8]

    init<Value>(_ stored: Stored<Value>) {
        (id, revision, bytes) = (stored.id, stored.revision, stored.bytes)
    }
}
