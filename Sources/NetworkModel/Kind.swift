import JSON
import Persistent
import Southbound
import Wire

/// A kind of object that users write.
///
/// The file of a kind declares its names, its fields and its particulars; everything that kinds have in common (routes,
/// reading, writing, the log, topologies, watches) is made of that.
public protocol Kind: Hashable, Sendable {
    /// The server's knowledge of an object.
    associatedtype Status: Hashable & Sendable
    /// An index that finds objects by other things than their names.
    associatedtype Index: KindIndex = NoIndex<Self> where Index.Object == Self

    /// Its row in the table of kinds.
    static var kind: ObjectKind { get }
    static var names: KindNames { get }
    static var table: WritableKeyPath<NorthboundDatabase, Table<Self>> { get }
    /// The members of its JSON that users write.
    static var fields: Fields<Self> { get }
    static var statusMembers: [JSONMember<Status>] { get }
    /// The filters of its lists besides those of all kinds, each a parameter.
    static var filters: [Filter] { get }
    /// An object that members are read into, in which each has its default.
    static var blank: Self { get }

    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID of version 8, fixed at creation, unique among all
    /// of the kind.
    var name: String { get set }
    /// The user's own marks; at most 64.
    var labels: [String: String] { get }
    /// The server's knowledge of the object; each fact is part of a commit.
    var status: Status { get set }
    /// True if a write of one may change what hosts are told of switches that it does not name.
    static var reachesOthers: Bool { get }
    /// Kinds that its objects refer to otherwise than by a field.
    static var otherReferredKinds: Set<ObjectKind> { get }
    /// The object that it belongs to, if there is one.
    var parentID: ObjectID? { get }

    // The particulars of the kind.
    /// True if the index has both objects at the same places; both have the same identity.
    func isIndexed(like other: Self) -> Bool
    /// True if central has something to choose for the object that depends on others, such as a free address.
    var asksForAllocation: Bool { get }
    /// Gives an object, new or changed, what central chooses; its status is that of the object before.
    mutating func allocate(_ id: ObjectID, in transaction: inout Transaction) throws(Refusal)
    /// Keeps the indices of other kinds in step with an object that was put or removed.
    static func follow(
        _ id: ObjectID,
        from old: Stored<Self>?,
        to new: Stored<Self>?,
        in database: inout NorthboundDatabase
    )
    /// Checks an object against others of the database, which has the object as it was before.
    static func check(_ stored: Stored<Self>, in database: NorthboundDatabase) throws(Refusal)
    /// The objects that belong to an object, and go with it.
    static func dependents(of id: ObjectID, in database: NorthboundDatabase) -> Dependents?
    /// Gives a new object what the server gives it: a key.
    mutating func prepare(_ id: ObjectID, in transaction: inout Transaction) throws(Refusal)
    /// The record that hosts are told of the object; `nil` for none.
    static func record(of stored: Stored<Self>, in transaction: inout Transaction) -> Record?
    /// The key of the record, if hosts are told of such objects.
    static func recordKey(of id: ObjectID) -> RecordKey?
    /// Lets go of what else was kept for an object that is gone.
    static func forget(_ id: ObjectID, in transaction: inout Transaction)
    /// Appends rows of what else is kept for an object.
    static func appendRows(of id: ObjectID, to transaction: inout Transaction)
    /// The objects that a filter can let through, if it asks for what an index finds fast.
    static func candidates(_ filter: ObjectFilter, in network: Network) -> OrderedMap<ProjectName, ObjectID>?
    /// True if an object fits what a filter asks of members that are particular to the kind.
    static func matches(_ stored: Stored<Self>, _ filter: ObjectFilter) -> Bool

    /// A filter of the kind's lists by a text.
    typealias Filter = KindFilter<Self>
    /// Objects that belong to another one.
    typealias Dependents = (kind: ObjectKind, ids: OrderedMap<ProjectName, ObjectID>)
}

/// A filter of lists: a parameter, and the text that it is compared with.
public struct KindFilter<Object: Kind>: Sendable {
    /// The parameter's name.
    public let parameter: String
    let text: @Sendable (Stored<Object>) -> String?

    init(_ parameter: String, _ text: @escaping @Sendable (Stored<Object>) -> String?) {
        self.parameter = parameter
        self.text = text
    }
}

extension Kind {
    public static var filters: [Filter] { [] }
    public static var reachesOthers: Bool { false }
    public static var otherReferredKinds: Set<ObjectKind> { [] }
    public var parentID: ObjectID? { nil }
    public func isIndexed(like other: Self) -> Bool { true }
    public var asksForAllocation: Bool { false }
    public mutating func allocate(_ id: ObjectID, in transaction: inout Transaction) throws(Refusal) {}
    public static func follow(
        _ id: ObjectID,
        from old: Stored<Self>?,
        to new: Stored<Self>?,
        in database: inout NorthboundDatabase
    ) {}
    public static func check(_ stored: Stored<Self>, in database: NorthboundDatabase) throws(Refusal) {}
    public static func dependents(of id: ObjectID, in database: NorthboundDatabase) -> Dependents? { nil }
    public mutating func prepare(_ id: ObjectID, in transaction: inout Transaction) throws(Refusal) {}
    public static func record(of stored: Stored<Self>, in transaction: inout Transaction) -> Record? { nil }
    public static func recordKey(of id: ObjectID) -> RecordKey? { nil }
    public static func forget(_ id: ObjectID, in transaction: inout Transaction) {}
    public static func appendRows(of id: ObjectID, to transaction: inout Transaction) {}
    public static func candidates(_ filter: ObjectFilter, in network: Network) -> OrderedMap<ProjectName, ObjectID>? {
        nil
    }
    public static func matches(_ stored: Stored<Self>, _ filter: ObjectFilter) -> Bool { true }
}

/// The status of a kind of which the server knows nothing.
public struct NoStatus: Hashable, Sendable {
    public init() {}
}

extension Kind where Status == NoStatus {
    public static var statusMembers: [JSONMember<NoStatus>] { [] }
}

/// An index that finds objects of a kind by other things than their names.
public protocol KindIndex: Sendable {
    associatedtype Object: Kind

    init()
    mutating func insert(_ stored: Stored<Object>)
    /// Takes an object out.
    mutating func remove(_ stored: Stored<Object>)
    /// Lets go of what no two objects may have, so that another one can take it.
    mutating func release(_ stored: Stored<Object>)
}

/// The index of a kind whose objects are found by name alone.
public struct NoIndex<Object: Kind>: KindIndex {
    public init() {}
    public func insert(_ stored: Stored<Object>) {}
    public func remove(_ stored: Stored<Object>) {}
    public func release(_ stored: Stored<Object>) {}
}
