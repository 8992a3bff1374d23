import JSON
import Persistent
import Wire

/// A kind in the table of kinds: what central does with its objects, for those who have its row and not its type.
///
/// A class, because every operation goes by it: a reference is handed on at the cost of one count.
public final class KindRow: Sendable {
    public let names: KindNames
    /// The members that users write: name, type in JSON Schema, whether it can change, and the default of one that can.
    public let fields: [(name: String, type: String, isMutable: Bool, blank: JSONValue?)]
    public let statusMembers: [String]
    /// The filters of its lists besides those of all kinds.
    public let filters: [String]
    /// The member that refers to what an object belongs to, and the kind of that.
    public let parent: (field: String, kind: ObjectKind)?

    /// The kinds whose objects its objects refer to.
    let referredKinds: Set<ObjectKind>
    /// True if a write of one may change what hosts are told of switches that it does not name.
    let reachesOthers: Bool
    /// True if its objects name others that may go.
    let letsMembersGo: Bool

    /// The members of the JSON of an object, in their order.
    public var members: [String] { fields.map(\.name) + ServerMember.names }

    // Reading
    let count: @Sendable (NorthboundDatabase) -> Int
    let listed: @Sendable (NorthboundDatabase, Reference) -> ListedObject?
    let byName: @Sendable (NorthboundDatabase) -> OrderedMap<ProjectName, ListedObject>
    let name: @Sendable (NorthboundDatabase, Reference) -> String?
    /// The object that an object belongs to; itself, if it belongs to none.
    let home: @Sendable (NorthboundDatabase, Reference) -> ObjectID?
    let revisions: @Sendable (NorthboundDatabase, Reference) -> ClosedRange<UInt64>?
    let listing: @Sendable (Network, ObjectFilter, ListOrder) -> Listing
    let selection: @Sendable (Network, ObjectFilter) -> ObjectWalk
    let dependents: @Sendable (NorthboundDatabase, ObjectID) -> Dependents?
    /// The objects of a topology, and what a user says of one of them.
    let owned: @Sendable (NorthboundDatabase, String) -> OrderedMap<ProjectName, ObjectID>
    let write: @Sendable (NorthboundDatabase, ObjectID, inout [UInt8]) -> Void

    // Writing
    let operation:
        @Sendable (Operation.Action, Precondition) -> (
            parent: String?, mayChangeFeatures: Bool, carryOut: Operation.CarryOut
        )
    let part: @Sendable ([JSONValue]) -> TopologyPart
    let prune: @Sendable (inout TopologyApplication, Set<String>) throws(Refusal) -> Void
    let delete: @Sendable (inout Transaction, ObjectID) -> Void
    let seal: @Sendable (inout Transaction, _ touched: [ObjectID]) -> Void

    // The log
    /// Reads an object, and returns what puts it.
    let restore: @Sendable (NorthboundDatabase, [UInt8]) throws(StoredError) -> NorthboundDatabase.Put
    let remove: @Sendable (inout NorthboundDatabase, ObjectID) -> Void

    typealias Dependents = (kind: ObjectKind, ids: OrderedMap<ProjectName, ObjectID>)

    init<Object: Kind>(_ kind: Object.Type) {
        names = Object.names
        fields = Object.fields.list.map { field in
            let blank = field.isMutable ? field.value(of: Object.blank, in: NorthboundDatabase()) : nil
            return (field.name, field.type, field.isMutable, blank)
        }
        statusMembers = Object.statusMembers.map(\.name)
        filters = Object.filters.map(\.parameter)
        parent = Object.fields.parent.flatMap { field in field.parent.map { (field.name, $0) } }
        let references = Object.fields.references.map(\.reference)
        referredKinds = Set(references.compactMap { $0.dropLost == nil ? $0.kind : nil })
            .union(Object.otherReferredKinds)
        reachesOthers = Object.reachesOthers
        letsMembersGo = references.contains { $0.dropLost != nil }
        count = { $0[keyPath: Object.table].count }
        listed = { $0[keyPath: Object.table].listed($1) }
        byName = { $0[keyPath: Object.table].byName }
        name = { $0[keyPath: Object.table][$1]?.name }
        home = { database, reference in database[keyPath: Object.table][reference].map { $0.value.parentID ?? $0.id } }
        revisions = { $0[keyPath: Object.table][$1]?.revisions }
        listing = { Listing(of: Object.self, $1, $2, in: $0) }
        selection = { ObjectWalk(ObjectChoice(Object.self, $1, in: $0)) }
        dependents = { Object.dependents(of: $1, in: $0) }
        owned = { $0[keyPath: Object.table].byOwner[$1] ?? OrderedMap() }
        write = { database, id, text in
            guard let object = database[keyPath: Object.table][id]?.value else { return }
            text.append(UInt8(ascii: "{"))
            Object.fields.append(object, database, to: &text)
            text.append(UInt8(ascii: "}"))
        }
        operation = { action, precondition in
            let change = Operation.Change<Object>(action)
            return (
                change.body?.parent,
                change.body.map(Object.fields.mayChangeFeatures) ?? false,
                { (transaction, draw) throws(Refusal) in try transaction.perform(change, precondition, draw) }
            )
        }
        part = { TopologyPart(Object.self, $0) }
        prune = { (application, names) throws(Refusal) in try application.prune(Object.self, keeping: names) }
        delete = { $0.delete(Object.self, $1) }
        seal = { $0.seal(Object.self, $1) }
        restore = { (database, bytes) throws(StoredError) in
            let stored = try Stored<Object>(canonical: bytes, in: database)
            return { $0.put(stored) }
        }
        remove = { $0.remove(Object.self, $1) }
    }
}
