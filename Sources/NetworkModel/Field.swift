import JSON
import Persistent
import Wire

/// A member of the JSON of a kind's objects that users write.
///
/// All that is done with it comes of this: reading it from bodies and patches, writing it, reading it back from the
/// log, comparing it, and describing it.
public struct Field<Object: Kind>: Sendable {
    /// The member's name.
    public let name: String
    /// Its type in JSON, as JSON Schema calls it.
    public let type: String
    /// True if it can change after the object was made.
    public let isMutable: Bool
    /// `"name":`.
    private let head: [UInt8]
    private let json: @Sendable (Object, NorthboundDatabase) -> JSONValue
    private let write: @Sendable (Object, NorthboundDatabase, inout [UInt8]) -> Void
    /// Takes over what a body says.
    let read: @Sendable (BodyReader, inout Object) throws(Refusal) -> Void
    /// Takes over what a patch decides.
    let take: @Sendable (ObjectBody<Object>, inout Object) throws(Refusal) -> Void
    /// Takes over what the log says; `false` if that cannot be.
    let restore: @Sendable (JSONValue, NorthboundDatabase, inout Object) throws(StoredError) -> Bool
    /// Finds the object that the member refers to: what its object belongs to.
    let resolve: Resolver?
    /// The kind of what the object belongs to.
    let parent: ObjectKind?

    typealias Resolver =
        @Sendable (
            ObjectBody<Object>, Stored<Object>?, _ path: Reference?, NorthboundDatabase, inout Object
        ) throws(Refusal) -> Void

    /// A member that is a property of the object.
    /// - Parameters:
    ///   - type: The type in JSON Schema.
    ///   - read: The value that a body says, or the default.
    ///   - merge: The value that a patch makes of the one before; without it the patch's takes its place.
    init<Value>(
        _ name: String,
        _ type: String,
        _ path: any WritableKeyPath<Object, Value> & Sendable,
        _ codec: JSONCodec<Value>,
        merge: (@Sendable (ObjectBody<Object>, _ said: Value, _ current: Value) throws(Refusal) -> Value)? = nil,
        read: @escaping @Sendable (BodyReader) throws(Refusal) -> Value
    ) {
        self.init(
            name: name,
            type: type,
            isMutable: true,
            json: { object, _ in codec.json(object[keyPath: path]) },
            write: { object, _, text in codec.write(object[keyPath: path], &text) },
            read: { (reader, object) throws(Refusal) in object[keyPath: path] = try read(reader) },
            take: { (patch, object) throws(Refusal) in
                let said = patch.value[keyPath: path]
                object[keyPath: path] = try merge?(patch, said, object[keyPath: path]) ?? said
            },
            restore: { json, _, object in
                guard let value = codec.read(json) else { return false }
                object[keyPath: path] = value
                return true
            }
        )
    }

    private init(
        name: String,
        type: String,
        isMutable: Bool,
        json: @escaping @Sendable (Object, NorthboundDatabase) -> JSONValue,
        write: @escaping @Sendable (Object, NorthboundDatabase, inout [UInt8]) -> Void,
        read: @escaping @Sendable (BodyReader, inout Object) throws(Refusal) -> Void = { _, _ in },
        take: @escaping @Sendable (ObjectBody<Object>, inout Object) throws(Refusal) -> Void = { _, _ in },
        restore: @escaping @Sendable (JSONValue, NorthboundDatabase, inout Object) throws(StoredError) -> Bool,
        resolve: Resolver? = nil,
        parent: ObjectKind? = nil
    ) {
        self.name = name
        self.type = type
        self.isMutable = isMutable
        head = JSONValue.string(name).bytes + [UInt8(ascii: ":")]
        self.json = json
        self.write = write
        self.read = read
        self.take = take
        self.restore = restore
        self.resolve = resolve
        self.parent = parent
    }

    /// The name, which a body or a path gives an object once and for all.
    static var name: Field {
        Field(
            name: "name",
            type: "string",
            isMutable: false,
            json: { object, _ in .string(object.name) },
            write: { object, _, text in JSONValue.write(object.name, to: &text) },
            restore: { json, _, object in
                guard let name = json.stringValue else { return false }
                object.name = name
                return true
            }
        )
    }

    /// `true` or `false`.
    static func flag(
        _ name: String,
        _ path: any WritableKeyPath<Object, Bool> & Sendable,
        default fallback: Bool
    ) -> Field {
        Field(name, "boolean", path, .flag) { (reader) throws(Refusal) in try reader.bool(name, default: fallback) }
    }

    /// A map of strings, which a patch merges.
    static func texts(
        _ name: String,
        _ path: any WritableKeyPath<Object, [String: String]> & Sendable,
        check: @escaping @Sendable (BodyReader, [String: String]) throws(Refusal) -> Void = { _, _ in }
    ) -> Field {
        Field(name, "object", path, .texts) { (patch, said, current) throws(Refusal) in
            try patch.map(name, said, of: current)
        } read: { (reader) throws(Refusal) in
            let texts = try reader.map(name)
            try check(reader, texts)
            return texts
        }
    }

    /// The name of the object that an object belongs to, and that never changes.
    static func parent<Parent: Kind>(
        _ name: String,
        _ path: any WritableKeyPath<Object, ObjectID> & Sendable,
        _ kind: Parent.Type
    ) -> Field {
        @Sendable func parentName(_ object: Object, _ database: NorthboundDatabase) -> String {
            database[keyPath: Parent.table][object[keyPath: path]]?.value.name ?? ""
        }
        return Field(
            name: name,
            type: "string",
            isMutable: false,
            json: { .string(parentName($0, $1)) },
            write: { JSONValue.write(parentName($0, $1), to: &$2) },
            restore: { (json, database, object) throws(StoredError) in
                guard let name = json.stringValue else { return false }
                guard let parent = database[keyPath: Parent.table].byName[ProjectName(name)] else {
                    let (noun, home) = (Object.names.noun, Parent.names.noun)
                    throw StoredError("a \(noun) on the \(home) \"\(name)\", which is not there")
                }
                object[keyPath: path] = parent.id
                return true
            },
            resolve: { (body, current, reference, database, object) throws(Refusal) in
                object[keyPath: path] =
                    if let current {
                        try body.unchangedParent(current.value[keyPath: path], of: current, Parent.self, name, database)
                    } else {
                        try body.newParent(reference, Parent.self, name, database)
                    }
            },
            parent: Parent.kind
        )
    }

    /// Appends `"name":value`.
    func append(_ object: Object, _ database: NorthboundDatabase, to text: inout [UInt8]) {
        text += head
        write(object, database, &text)
    }

    func value(of object: Object, in database: NorthboundDatabase) -> JSONValue { json(object, database) }
}

/// The fields of a kind, in the order that JSON has.
public struct Fields<Object: Kind>: Sendable {
    let list: [Field<Object>]
    let names: Set<String>
    /// The field that refers to what an object belongs to.
    let parent: Field<Object>?

    init(_ list: [Field<Object>]) {
        self.list = list
        names = Set(list.map(\.name))
        parent = list.first { $0.resolve != nil }
    }

    /// Appends the members that users write, with commas between them.
    func append(_ object: Object, _ database: NorthboundDatabase, to text: inout [UInt8]) {
        for (index, field) in list.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            field.append(object, database, to: &text)
        }
    }
}
