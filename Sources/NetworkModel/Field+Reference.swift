import JSON
import Persistent
import Wire

/// The reference of a member to objects of another kind, which stay as long as it names them, or which it lets go.
///
/// In JSON they are names; a body may also say identities. The database keeps who refers to what
/// (``NorthboundDatabase/referrers``).
struct FieldReference<Object: Kind>: Sendable {
    /// The kind of the objects that it refers to.
    let kind: ObjectKind
    let ids: @Sendable (Object) -> [ObjectID]
    /// The names or identities that a body says.
    let texts: @Sendable (BodyReader) throws(Refusal) -> [String]
    /// Takes out the objects that are gone; `nil` if none can go while the member names it.
    let dropLost: (@Sendable (inout Object, NorthboundDatabase) -> Void)?
    /// Takes over the objects of names or identities.
    let resolve: @Sendable ([String], NorthboundDatabase, inout Object) throws(Refusal) -> Void
}

extension Field {
    /// A name of one object of another kind, or `null`; left out if there is none.
    static func reference<Target: Kind>(
        _ name: String,
        _ get: @escaping @Sendable (Object) -> ObjectID?,
        _ set: @escaping @Sendable (inout Object, ObjectID?) -> Void,
        to kind: Target.Type,
        feature: String? = nil
    ) -> Field {
        reference(
            name,
            "string",
            to: kind,
            feature: feature,
            ids: { object in get(object).map { [$0] } ?? [] },
            put: { set(&$0, $1.first) },
            json: { $0.first ?? .null },
            texts: { (reader) throws(Refusal) in try reader.optionalString(name).map { [$0] } ?? [] },
            place: { _ in "/\(name)" }
        )
    }

    /// Names of objects of another kind, each once, in the user's order; left out if there are none.
    static func references<Target: Kind>(
        _ name: String,
        _ get: @escaping @Sendable (Object) -> [ObjectID],
        _ set: @escaping @Sendable (inout Object, [ObjectID]) -> Void,
        to kind: Target.Type,
        atMost maximum: Int,
        feature: String? = nil
    ) -> Field {
        reference(
            name,
            "array",
            to: kind,
            feature: feature,
            ids: get,
            put: set,
            json: { .array($0) },
            texts: { (reader) throws(Refusal) in try reader.strings(name, atMost: maximum) },
            place: { "/\(name)/\($0)" }
        )
    }

    /// Names of objects of another kind, each once, in the user's order; one that is deleted leaves the list with the
    /// same commit.
    static func members<Target: Kind>(
        _ name: String,
        _ get: @escaping @Sendable (Object) -> [ObjectID],
        _ set: @escaping @Sendable (inout Object, [ObjectID]) -> Void,
        of kind: Target.Type,
        atMost maximum: Int
    ) -> Field {
        reference(
            name,
            "array",
            to: kind,
            feature: nil,
            letsGo: true,
            ids: get,
            put: set,
            json: { .array($0) },
            texts: { (reader) throws(Refusal) in try reader.strings(name, atMost: maximum) },
            place: { "/\(name)/\($0)" }
        )
    }

    private static func reference<Target: Kind>(
        _ name: String,
        _ type: String,
        to kind: Target.Type,
        feature: String?,
        letsGo: Bool = false,
        ids: @escaping @Sendable (Object) -> [ObjectID],
        put: @escaping @Sendable (inout Object, [ObjectID]) -> Void,
        json: @escaping @Sendable ([JSONValue]) -> JSONValue,
        texts: @escaping @Sendable (BodyReader) throws(Refusal) -> [String],
        place: @escaping @Sendable (Int) -> String
    ) -> Field {
        let names: @Sendable (Object, NorthboundDatabase) -> JSONValue = { object, database in
            json(ids(object).map { .string(database[keyPath: Target.table][$0]?.value.name ?? "") })
        }
        let isEmpty: @Sendable (Object) -> Bool = { ids($0).isEmpty }
        let dropLost: @Sendable (inout Object, NorthboundDatabase) -> Void = { object, database in
            put(&object, ids(object).filter { database[keyPath: Target.table][$0] != nil })
        }
        return Field(
            name: name,
            type: type,
            isMutable: true,
            feature: feature,
            isLeftOut: letsGo ? nil : isEmpty,
            json: names,
            write: { names($0, $1).write(to: &$2) },
            restore: { (json, database, object) throws(StoredError) in
                var found: [ObjectID] = []
                for element in json.arrayValue ?? (json == .null ? [] : [json]) {
                    guard let text = element.stringValue else { return false }
                    guard let target = database[keyPath: Target.table].byName[ProjectName(text)] else {
                        let (noun, referred) = (Object.names.noun, Target.names.noun)
                        throw StoredError("a \(noun) with the \(referred) \"\(text)\", which is not there")
                    }
                    found.append(target.id)
                }
                put(&object, found)
                return true
            },
            reference: FieldReference(kind: Target.kind, ids: ids, texts: texts, dropLost: letsGo ? dropLost : nil) {
                (texts, database, object) throws(Refusal) in
                var found: [ObjectID] = []
                var seen: Set<ObjectID> = []
                for (index, text) in texts.enumerated() {
                    guard let target = database[keyPath: Target.table][Reference(text)] else {
                        let detail = "There is no \(Target.names.noun) \(quoted(text)); create it first."
                        throw Refusal(.referenceNotFound, detail, pointer: place(index))
                    }
                    guard seen.insert(target.id).inserted else {
                        let detail = "The \(Target.names.noun) \(quoted(text)) appears twice in \"\(name)\"."
                        throw Refusal(.invalidValue, detail, pointer: place(index))
                    }
                    found.append(target.id)
                }
                put(&object, found)
            }
        )
    }
}

/// An object that refers to another one.
struct Referrer: Hashable, Comparable, Sendable {
    let kind: ObjectKind
    let id: ObjectID

    /// Orders by kind, then by identity.
    static func < (left: Referrer, right: Referrer) -> Bool {
        (left.kind, left.id) < (right.kind, right.id)
    }
}

extension NorthboundDatabase {
    /// Checks that nothing that would keep an object refers to it, so that it can go.
    func checkUnreferred<Object: Kind>(_ stored: Stored<Object>) throws(Refusal) {
        try checkUnnamed(stored)
        guard Object.kind.isReferredTo, let referrers = referrers[stored.id], let first = referrers.first else {
            return
        }
        let names = first.key.kind.names
        let name = first.key.kind.row.name(self, .id(first.key.id)) ?? ""
        let more = referrers.count > 1 ? " and \(referrers.count - 1) more" : ""
        throw Refusal(
            .objectInUse,
            "The \(Object.names.noun) \"\(stored.value.name)\" is in use by the \(names.noun) \"\(name)\"\(more); "
                + "take it out there first.",
            conflictsWith: "\(names.path)/\(name)"
        )
    }
}

extension ObjectKind {
    /// True if references of other kinds can keep objects of this one from going.
    public var isReferredTo: Bool { Self.allCases.contains { $0.row.referredKinds.contains(self) } }

    /// True if a write of one may change what hosts are told of switches that it does not name.
    public var reachesOthers: Bool { row.reachesOthers }

    /// True if its objects name others that may go meanwhile.
    var letsMembersGo: Bool { row.letsMembersGo }
}
