import JSON
import Wire

extension Kind {
    /// Reads a body or a merge patch (RFC 7396). What a patch leaves alone costs nothing.
    static func body(_ json: JSONValue, isPatch: Bool) -> ObjectBody<Self> {
        ObjectBody(
            json,
            noun: isPatch ? names.patch : names.body,
            known: fields.names,
            parent: fields.parent?.name,
            isPatch: isPatch,
            blank: blank
        ) { (reader, value, references) throws(Refusal) in
            for field in fields.list where reader.decides(field.name) {
                try field.read(reader, &value)
                guard let reference = field.reference else { continue }
                let texts = try reference.texts(reader)
                if isPatch || !texts.isEmpty { references[field.name] = texts }
            }
        }
    }

    /// The object that a body asks for: a new one, or the one that takes the place of `current`.
    /// - Parameters:
    ///   - name: The name in the path, if the object is new and the path has one.
    ///   - parent: The object in the path of a nested collection.
    init(
        _ body: ObjectBody<Self>,
        replacing current: Stored<Self>?,
        name: String? = nil,
        parent: Reference? = nil,
        in database: NorthboundDatabase
    ) throws(Refusal) {
        try body.checkIdentity(current?.id)
        let name = try body.name(fixed: current?.value.name ?? name, isCreation: current == nil)
        var value = body.value
        value.name = name
        try Self.fields.parent?.resolve?(body, current, parent, database, &value)
        try body.check(.others)
        try body.resolveReferences(of: &value, database)
        if let current { value.status = current.value.status }
        self = value
    }

    /// The object that a merge patch of `current` asks for.
    init(
        patch: ObjectBody<Self>,
        of current: Stored<Self>,
        in database: NorthboundDatabase
    ) throws(Refusal) {
        var value = current.value
        try patch.checkIdentity(current.id)
        _ = try patch.name(fixed: value.name, isCreation: false)
        try Self.fields.parent?.resolve?(patch, current, nil, database, &value)
        for field in Self.fields.list where patch.decides(field.name) { try field.take(patch, &value) }
        try patch.check(.others)
        try patch.resolveReferences(of: &value, database)
        self = value
    }
}

extension ObjectBody where Value: Kind {
    /// Finds the objects that the members refer to.
    func resolveReferences(of value: inout Value, _ database: NorthboundDatabase) throws(Refusal) {
        guard !references.isEmpty else { return }
        for (name, reference) in Value.fields.references {
            guard let texts = references[name] else { continue }
            try reference.resolve(texts, database, &value)
        }
    }

    /// Finds the object that another one belongs to and stays with.
    func unchangedParent<Parent: Kind>(
        _ id: ObjectID,
        of current: Stored<Value>,
        _ kind: Parent.Type,
        _ field: String,
        _ database: NorthboundDatabase
    ) throws(Refusal) -> ObjectID {
        try check(.parent)
        let parents = database[keyPath: Parent.table]
        guard let text = parent, parents[Reference(text)]?.id != id else { return id }
        let (noun, home) = (Value.names.noun, Parent.names.noun)
        throw Refusal(
            .immutableField,
            "The \(noun) \"\(current.value.name)\" stays on the \(home) \"\(parents[id]?.value.name ?? "")\"; "
                + "delete it and create it anew.",
            pointer: "/\(field)"
        )
    }

    /// Finds the object that a new one belongs to.
    func newParent<Parent: Kind>(
        _ path: Reference?,
        _ kind: Parent.Type,
        _ field: String,
        _ database: NorthboundDatabase
    ) throws(Refusal) -> ObjectID {
        let parents = database[keyPath: Parent.table]
        let home = Parent.names.noun
        var id: ObjectID?
        if let path {
            guard let found = parents[path] else {
                throw Refusal(.notFound, "There is no \(home) \(quoted(path.description)).")
            }
            id = found.id
        }
        try check(.parent)
        guard let text = parent else {
            guard let id else {
                throw Refusal(
                    .missingField,
                    "\(noun) needs the \"\(field)\" that it is on.",
                    pointer: "/\(field)"
                )
            }
            return id
        }
        guard let found = parents[Reference(text)] else {
            throw Refusal(
                .referenceNotFound,
                "There is no \(home) \(quoted(text)); create it first.",
                pointer: "/\(field)"
            )
        }
        guard id == nil || id == found.id else {
            throw Refusal(
                .invalidValue,
                "The body says the \(home) \(quoted(text)), the path another one; leave \"\(field)\" out.",
                pointer: "/\(field)"
            )
        }
        return found.id
    }
}
