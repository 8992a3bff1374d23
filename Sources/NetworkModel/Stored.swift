import Wire

/// An object of the northbound database with what the server keeps beside the user's fields.
public struct Stored<Value: Sendable>: Sendable {
    /// The identity, given at creation.
    public var id: ObjectID
    /// The user's value. Kept apart from the rest, because maps and histories copy objects often and change them
    /// seldom: a copy counts one reference instead of a dozen.
    @inlinable public var value: Value {
        // Lent, so that a look at one member does not copy all of them.
        _read { yield shared.value }
        set { shared = Shared(newValue, owner: shared.owner) }
    }
    /// The owner of the object's topology; `nil` if there is none.
    @inlinable public var owner: String? {
        get { shared.owner }
        set { shared = Shared(shared.value, owner: newValue) }
    }
    @usableFromInline var shared: Shared
    /// The revision of the last commit that changed the bytes: the entity tag.
    public var revision: UInt64
    /// The revision of the last commit in which a user changed the object.
    public var configRevision: UInt64
    /// Seconds since 1970, UTC.
    public var createdAt: Int64
    /// Seconds since 1970, UTC.
    public var updatedAt: Int64
    /// The canonical JSON, made once at the commit.
    public var bytes: [UInt8]

    /// The value and its owner, which any number of copies of the object share.
    @usableFromInline final class Shared: Sendable {
        @usableFromInline let value: Value
        @usableFromInline let owner: String?

        @usableFromInline init(_ value: Value, owner: String?) {
            self.value = value
            self.owner = owner
        }
    }

    public init(
        id: ObjectID,
        value: Value,
        owner: String? = nil,
        revision: UInt64,
        configRevision: UInt64,
        createdAt: Int64,
        updatedAt: Int64,
        bytes: [UInt8]
    ) {
        self.id = id
        shared = Shared(value, owner: owner)
        self.revision = revision
        self.configRevision = configRevision
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.bytes = bytes
    }
}
