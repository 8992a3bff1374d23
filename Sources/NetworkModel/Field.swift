import JSON
import Persistent
import Wire

/// A member of the JSON of a kind's objects that users write.
///
/// All that is done with it comes of this: reading it from bodies and patches, writing it, reading it back from the
/// log, comparing it, and describing it. A class: whoever goes through the fields counts one reference for each.
public final class Field<Object: Kind>: Sendable {
    /// The member's name.
    public let name: String
    /// Its type in JSON, as JSON Schema calls it.
    public let type: String
    /// True if it can change after the object was made.
    public let isMutable: Bool
    /// True if it is of a later version of the kind: it is left out while it has its default, so that objects in the
    /// log of an older version are read and need no change.
    let isLater: Bool
    /// The feature that the hosts of an object need if the member is not left out; `nil` if any host will do.
    let feature: String?
    /// True if an object needs it.
    let needsFeature: @Sendable (Object) -> Bool
    /// `"name":`.
    private let head: [UInt8]
    private let json: @Sendable (Object, NorthboundDatabase) -> JSONValue
    private let write: @Sendable (Object, NorthboundDatabase, inout [UInt8]) -> Void
    let isLeftOut: @Sendable (Object) -> Bool
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
    /// The objects that the member refers to, if it does.
    let reference: FieldReference<Object>?

    typealias Resolver =
        @Sendable (
            ObjectBody<Object>, Stored<Object>?, _ path: Reference?, NorthboundDatabase, inout Object
        ) throws(Refusal) -> Void

    /// A member that is a property of the object.
    /// - Parameters:
    ///   - type: The type in JSON Schema.
    ///   - get: The member of an object: a function, since a key path that is not known at compile time takes ten times
    ///     as long.
    ///   - set: Sets it.
    ///   - read: The value that a body says, or the default.
    ///   - merge: The value that a patch makes of the one before; without it the patch's takes its place.
    convenience init<Value>(
        _ name: String,
        _ type: String,
        _ get: @escaping @Sendable (Object) -> Value,
        _ set: @escaping @Sendable (inout Object, Value) -> Void,
        _ codec: JSONCodec<Value>,
        merge: (@Sendable (ObjectBody<Object>, _ said: Value, _ current: Value) throws(Refusal) -> Value)? = nil,
        read: @escaping @Sendable (BodyReader) throws(Refusal) -> Value
    ) {
        self.init(name, type, get, set, codec, isLeftOut: nil, feature: nil, merge: merge, read: read)
    }

    /// A member of a later version of the kind.
    /// - Parameters:
    ///   - blank: The default, with which the member is left out.
    ///   - feature: The feature that the hosts of an object need otherwise.
    ///   - needsFeature: True if they need it, where the default is not all that any host does.
    convenience init<Value: Equatable & Sendable>(
        _ name: String,
        _ type: String,
        _ get: @escaping @Sendable (Object) -> Value,
        _ set: @escaping @Sendable (inout Object, Value) -> Void,
        _ codec: JSONCodec<Value>,
        laterThan blank: Value,
        feature: String? = nil,
        needsFeature: (@Sendable (Object) -> Bool)? = nil,
        merge: (@Sendable (ObjectBody<Object>, _ said: Value, _ current: Value) throws(Refusal) -> Value)? = nil,
        read: @escaping @Sendable (BodyReader) throws(Refusal) -> Value
    ) {
        let isLeftOut: @Sendable (Object) -> Bool = { get($0) == blank }
        self.init(
            name,
            type,
            get,
            set,
            codec,
            isLeftOut: isLeftOut,
            feature: feature,
            needsFeature: needsFeature,
            merge: merge,
            read: read
        )
    }

    private convenience init<Value>(
        _ name: String,
        _ type: String,
        _ get: @escaping @Sendable (Object) -> Value,
        _ set: @escaping @Sendable (inout Object, Value) -> Void,
        _ codec: JSONCodec<Value>,
        isLeftOut: (@Sendable (Object) -> Bool)?,
        feature: String?,
        needsFeature: (@Sendable (Object) -> Bool)? = nil,
        merge: (@Sendable (ObjectBody<Object>, _ said: Value, _ current: Value) throws(Refusal) -> Value)?,
        read: @escaping @Sendable (BodyReader) throws(Refusal) -> Value
    ) {
        self.init(
            name: name,
            type: type,
            isMutable: true,
            feature: feature,
            needsFeature: needsFeature,
            isLeftOut: isLeftOut,
            json: { object, _ in codec.json(get(object)) },
            write: { object, _, text in codec.write(get(object), &text) },
            read: { (reader, object) throws(Refusal) in set(&object, try read(reader)) },
            take: { (patch, object) throws(Refusal) in
                let said = get(patch.value)
                set(&object, try merge?(patch, said, get(object)) ?? said)
            },
            restore: { json, _, object in
                guard let value = codec.read(json) else { return false }
                set(&object, value)
                return true
            }
        )
    }

    init(
        name: String,
        type: String,
        isMutable: Bool,
        feature: String? = nil,
        needsFeature: (@Sendable (Object) -> Bool)? = nil,
        isLeftOut: (@Sendable (Object) -> Bool)? = nil,
        json: @escaping @Sendable (Object, NorthboundDatabase) -> JSONValue,
        write: @escaping @Sendable (Object, NorthboundDatabase, inout [UInt8]) -> Void,
        read: @escaping @Sendable (BodyReader, inout Object) throws(Refusal) -> Void = { _, _ in },
        take: @escaping @Sendable (ObjectBody<Object>, inout Object) throws(Refusal) -> Void = { _, _ in },
        restore: @escaping @Sendable (JSONValue, NorthboundDatabase, inout Object) throws(StoredError) -> Bool,
        resolve: Resolver? = nil,
        parent: ObjectKind? = nil,
        reference: FieldReference<Object>? = nil
    ) {
        self.name = name
        self.type = type
        self.isMutable = isMutable
        isLater = isLeftOut != nil
        self.feature = feature
        let isLeftOut = isLeftOut ?? { _ in false }
        self.isLeftOut = isLeftOut
        self.needsFeature = needsFeature ?? { !isLeftOut($0) }
        head = JSONValue.string(name).bytes + [UInt8(ascii: ":")]
        self.json = json
        self.write = write
        self.read = read
        self.take = take
        self.restore = restore
        self.resolve = resolve
        self.parent = parent
        self.reference = reference
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
        _ get: @escaping @Sendable (Object) -> Bool,
        _ set: @escaping @Sendable (inout Object, Bool) -> Void,
        default fallback: Bool
    ) -> Field {
        Field(name, "boolean", get, set, .flag) { (reader) throws(Refusal) in try reader.bool(name, default: fallback) }
    }

    /// `true`, `false`, or nothing, of a later version of the kind. Hosts need the feature for `true`.
    static func optionalFlag(
        _ name: String,
        _ get: @escaping @Sendable (Object) -> Bool?,
        _ set: @escaping @Sendable (inout Object, Bool?) -> Void,
        laterWith feature: String
    ) -> Field {
        let isTrue: @Sendable (Object) -> Bool = { get($0) == true }
        return Field(
            name,
            "boolean",
            get,
            set,
            .optional(.flag),
            laterThan: nil,
            feature: feature,
            needsFeature: isTrue
        ) { (reader) throws(Refusal) in try reader.optionalBool(name) }
    }

    /// A map of strings, which a patch merges, of a later version of the kind.
    static func texts(
        _ name: String,
        _ get: @escaping @Sendable (Object) -> [String: String],
        _ set: @escaping @Sendable (inout Object, [String: String]) -> Void,
        laterWith feature: String
    ) -> Field {
        Field(
            name,
            "object",
            get,
            set,
            .texts,
            laterThan: [:],
            feature: feature,
            merge: { (patch, said, current) throws(Refusal) in try patch.map(name, said, of: current) },
            read: { (reader) throws(Refusal) in try reader.map(name) }
        )
    }

    /// A map of strings, which a patch merges.
    /// - Parameters:
    ///   - feature: The feature that the hosts of an object need if `needsFeature` says so.
    static func texts(
        _ name: String,
        _ get: @escaping @Sendable (Object) -> [String: String],
        _ set: @escaping @Sendable (inout Object, [String: String]) -> Void,
        feature: String? = nil,
        needsFeature: @escaping @Sendable (Object) -> Bool = { _ in false },
        check: @escaping @Sendable (BodyReader, [String: String]) throws(Refusal) -> Void = { _, _ in }
    ) -> Field {
        Field(
            name,
            "object",
            get,
            set,
            .texts,
            isLeftOut: nil,
            feature: feature,
            needsFeature: needsFeature,
            merge: { (patch, said, current) throws(Refusal) in try patch.map(name, said, of: current) },
            read: { (reader) throws(Refusal) in
                let texts = try reader.map(name)
                try check(reader, texts)
                return texts
            }
        )
    }

    /// The name of the object that an object belongs to, and that never changes.
    static func parent<Parent: Kind>(
        _ name: String,
        _ get: @escaping @Sendable (Object) -> ObjectID,
        _ set: @escaping @Sendable (inout Object, ObjectID) -> Void,
        _ kind: Parent.Type
    ) -> Field {
        @Sendable func parentName(_ object: Object, _ database: NorthboundDatabase) -> String {
            database[keyPath: Parent.table][get(object)]?.value.name ?? ""
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
                set(&object, parent.id)
                return true
            },
            resolve: { (body, current, reference, database, object) throws(Refusal) in
                let id =
                    if let current {
                        try body.unchangedParent(get(current.value), of: current, Parent.self, name, database)
                    } else {
                        try body.newParent(reference, Parent.self, name, database)
                    }
                set(&object, id)
            },
            parent: Parent.kind
        )
    }

    /// Appends `"name":value` and what separates it from the member before, unless it is left out.
    func append(_ object: Object, _ database: NorthboundDatabase, to text: inout [UInt8], isFirst: Bool) {
        guard !isLater || !isLeftOut(object) else { return }
        if !isFirst { text.append(UInt8(ascii: ",")) }
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
    /// The fields that refer to objects of other kinds.
    let references: [(name: String, reference: FieldReference<Object>)]
    /// The objects that they refer to: each field on its own, as it is asked for of every object of a write.
    private let idLists: [@Sendable (Object) -> [ObjectID]]
    private let featured: [(name: String, feature: String, isNeeded: @Sendable (Object) -> Bool)]

    init(_ list: [Field<Object>]) {
        self.list = list
        names = Set(list.map(\.name))
        parent = list.first { $0.resolve != nil }
        references = list.compactMap { field in field.reference.map { (field.name, $0) } }
        idLists = references.map(\.reference.ids)
        featured = list.compactMap { field in field.feature.map { (field.name, $0, field.needsFeature) } }
    }

    /// The features that the hosts of an object need, in the order of its members.
    func features(of object: Object) -> [String] {
        featured.compactMap { $0.isNeeded(object) ? $0.feature : nil }
    }

    /// True if a body decides a member that hosts need a feature for.
    func mayChangeFeatures(_ body: ObjectBody<Object>) -> Bool { featured.contains { body.decides($0.name) } }

    /// The objects of other kinds that an object refers to.
    func referredIDs(of object: Object) -> [ObjectID] {
        var found: [ObjectID] = []
        for ids in idLists { found += ids(object) }
        return found
    }

    /// Appends the members that users write, with commas between them.
    func append(_ object: Object, _ database: NorthboundDatabase, to text: inout [UInt8]) {
        for (index, field) in list.enumerated() { field.append(object, database, to: &text, isFirst: index == 0) }
    }
}
