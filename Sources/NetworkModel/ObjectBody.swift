import JSON
import Wire

/// The content of a body, read strictly and without a look at the network.
///
/// Reading and resolving check the members in one order: the form, `id`, `name`, the object's parent, the others. A
/// fault that reading finds is kept, and thrown when resolving reaches it. So a refusal names the first fault,
/// whichever step finds it.
///
/// A class: a body is handed on often, and has a dozen members and those of its value.
public final class ObjectBody<Value: Sendable>: Sendable {
    /// A part of a body, in the order of the checks.
    enum Part { case form, name, parent, others }

    /// An object's identity as a body says it: `nil` for what is none.
    private enum Identity { case unsaid, said(ObjectID?) }

    /// The name of the object or patch in messages: "A switch".
    let noun: String
    private let id: Identity
    public let name: String?
    /// The name or the identity of what the object belongs to, if the body has one.
    public let parent: String?
    /// The members that need no look at the network, in an otherwise meaningless object. Missing members have their
    /// defaults.
    let value: Value
    /// The members that a merge patch (RFC 7396) decides; `nil` for a body that is no patch.
    private let patched: Set<String>?
    /// The keys that a merge patch takes out of maps, by the names of the members that it merges.
    private let removedKeys: [String: [String]]
    /// The names or identities of the objects of other kinds, by the names of the members that refer to them.
    let references: [String: [String]]
    private let failure: (part: Part, refusal: Refusal)?

    /// Reads a body.
    /// - Parameters:
    ///   - parent: The name of the member that refers to what the object belongs to.
    ///   - read: Takes the members over but for the name, the parent and the objects that others refer to.
    init(
        _ body: JSONValue,
        noun: String,
        known: Set<String>,
        parent: String?,
        isPatch: Bool,
        blank: Value,
        _ read: (BodyReader, inout Value, _ references: inout [String: [String]]) throws(Refusal) -> Void
    ) {
        self.noun = noun
        name = body["name"]?.stringValue
        self.parent = parent.flatMap { body[$0]?.stringValue }
        var (value, references) = (blank, [String: [String]]())
        var id = Identity.unsaid
        var failure: (part: Part, refusal: Refusal)?
        var part = Part.form
        do throws(Refusal) {
            let reader = try BodyReader(body, noun: noun, known: known, isPatch: isPatch)
            if let said = reader.members["id"], said != .null { id = .said(said.stringValue.flatMap { ObjectID($0) }) }
            part = .name
            try reader.checkFixedString("name")
            part = .parent
            if let parent { try reader.checkFixedString(parent) }
            part = .others
            try read(reader, &value, &references)
        } catch {
            failure = (part, error)
        }
        let members = isPatch && part == .others ? body.objectValue?.members : nil
        patched = members.map { Set($0.map(\.name)) }
        removedKeys = members.map(Self.removedKeys) ?? [:]
        (self.value, self.references, self.id, self.failure) = (value, references, id, failure)
    }

    /// The members that are `null` in the maps among a patch's members.
    private static func removedKeys(in members: [(name: String, value: JSONValue)]) -> [String: [String]] {
        var keys: [String: [String]] = [:]
        for member in members {
            guard let map = member.value.objectValue else { continue }
            keys[member.name] = map.members.filter { $0.value == .null }.map(\.name)
        }
        return keys
    }

    func decides(_ name: String) -> Bool { patched?.contains(name) ?? true }

    /// A map of strings after a patch.
    /// - Parameter key: The canonical spelling of a key.
    func map(
        _ name: String,
        _ said: [String: String],
        of current: [String: String],
        _ bounds: MapBounds = .labels,
        key canonical: (String) -> String = { $0 }
    ) throws(Refusal) -> [String: String] {
        guard let removed = removedKeys[name] else { return said }
        var map = current.merging(said) { $1 }
        for key in removed { map[canonical(key)] = nil }
        guard map.count <= bounds.count else { throw .tooManyMembers(name, bounds) }
        return map
    }

    /// Throws what reading found wrong with a part.
    func check(_ part: Part) throws(Refusal) {
        if let failure, failure.part == part { throw failure.refusal }
    }

    /// Checks the form, and that the body's identity is that of the object, if it has one.
    func checkIdentity(_ id: ObjectID?) throws(Refusal) {
        try check(.form)
        guard case .said(let said) = self.id, said != id || id == nil else { return }
        let remedy = id.map { "the object's is \($0)" } ?? "the server gives it; leave it out"
        throw Refusal(.idConflict, "The body has another \"id\": \(remedy).", pointer: "/id")
    }

    /// The name: from the body, from the path or from the object; if several say one they have to agree.
    func name(fixed: String?, isCreation: Bool) throws(Refusal) -> String {
        try check(.name)
        guard let said = name else {
            guard let fixed else { throw Refusal(.missingField, "\(noun) needs a \"name\".", pointer: "/name") }
            return fixed
        }
        if let fixed, said != fixed {
            throw Refusal(
                isCreation ? .invalidValue : .immutableField,
                isCreation
                    ? "The body names \(quoted(said)) but the path \"\(fixed)\"; leave \"name\" out or make them agree."
                    : "\"\(fixed)\" cannot be renamed; a name is fixed at creation.",
                pointer: "/name"
            )
        }
        // An object keeps its name, even if only an older version allowed it.
        if isCreation, let problem = ObjectName.problem(said) {
            throw Refusal(.invalidValue, "\(quoted(said)) cannot be a name: \(problem).", pointer: "/name")
        }
        return said
    }
}

extension Refusal {
    /// A refusal of a map that has too many members.
    static func tooManyMembers(_ name: String, _ bounds: MapBounds) -> Refusal {
        Refusal(
            .limitExceeded,
            "\"\(name)\" has at most \(bounds.count) members.",
            pointer: "/" + escapedPointerToken(name)
        )
    }

    /// The same of a body that is a part of the request's.
    public func at(_ pointer: String) -> Refusal {
        var refusal = self
        refusal.pointer = self.pointer.map { pointer + $0 }
        return refusal
    }
}
