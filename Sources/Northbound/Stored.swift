import Wire

/// An object of the northbound database with what the server keeps beside the user's fields.
public struct Stored<Value: Sendable>: Sendable {
    /// The identity, given at creation.
    public var id: ObjectID
    /// What the user said.
    public var value: Value
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

    /// An object as a commit leaves it.
    public init(
        id: ObjectID,
        value: Value,
        revision: UInt64,
        configRevision: UInt64,
        createdAt: Int64,
        updatedAt: Int64,
        bytes: [UInt8]
    ) {
        self.id = id
        self.value = value
        self.revision = revision
        self.configRevision = configRevision
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.bytes = bytes
    }
}
