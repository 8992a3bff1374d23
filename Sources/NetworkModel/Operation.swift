import JSON
import Wire

/// A reference to an object in a path or a body: by its name or by its identity.
public enum Reference: Hashable, Sendable, CustomStringConvertible {
    /// The name, fixed at creation.
    case name(String)
    /// The identity that the server gave.
    case id(ObjectID)

    /// Whatever looks like a UUID that the server gives is one; names may not look so. Other UUIDs are names, such as
    /// those of Neutron's ports.
    public init(_ text: String) {
        if let id = ObjectID(text), id.isGiven { self = .id(id) } else { self = .name(text) }
    }

    /// The name or the identity as text.
    public var description: String {
        switch self {
        case .name(let name): name
        case .id(let id): id.description
        }
    }
}

/// The state of an object that a request requires before it is carried out.
public struct Precondition: Equatable, Sendable {
    /// `If-Match`: the object must exist, and where revisions are listed, one of them must hold.
    public enum Match: Equatable, Sendable {
        /// `*`: the object exists.
        case anything
        /// The revisions of the listed entity tags. R holds when `config_revision` <= R <= `revision`.
        case revisions([UInt64])
    }

    /// `If-Match`, where given.
    public var ifMatch: Match?
    /// `If-None-Match: *`: the object must not exist yet.
    public var mustBeAbsent: Bool

    public init(ifMatch: Match? = nil, mustBeAbsent: Bool = false) {
        self.ifMatch = ifMatch
        self.mustBeAbsent = mustBeAbsent
    }
}

/// One change that a user asks for, its body read.
public struct Operation: Sendable {
    /// The change as a request has it.
    public enum Action: Sendable {
        /// POST to a collection. `switch` is the one in the path of a nested collection.
        case create(body: JSONValue, switch: Reference?)
        /// PUT: creates under a name, replaces under a name or an identity.
        case replace(Reference, body: JSONValue)
        /// PATCH with an RFC 7396 merge patch.
        case patch(Reference, body: JSONValue)
        /// DELETE. A switch takes its ports along, unless `refusingPorts`.
        case delete(Reference, refusingPorts: Bool)
    }

    /// The change of an object of one kind, its body read.
    enum Change<Object: Kind>: Sendable {
        case create(ObjectBody<Object>, parent: Reference?)
        case replace(Reference, ObjectBody<Object>)
        case patch(Reference, ObjectBody<Object>)
        case delete(Reference, refusingPorts: Bool)

        init(_ action: Action) {
            self =
                switch action {
                case .create(let body, let parent): .create(Object.body(body, isPatch: false), parent: parent)
                case .replace(let reference, let body): .replace(reference, Object.body(body, isPatch: false))
                case .patch(let reference, let body): .patch(reference, Object.body(body, isPatch: true))
                case .delete(let reference, let refusingPorts): .delete(reference, refusingPorts: refusingPorts)
                }
        }

        var body: ObjectBody<Object>? {
            switch self {
            case .create(let body, _), .replace(_, let body), .patch(_, let body): body
            case .delete: nil
            }
        }
    }

    /// The object that a change is about.
    public enum Target: Sendable {
        /// A new one, in a nested collection of an object or not.
        case new(parent: Reference?)
        /// The one of a name, which may have to be made.
        case newOrExisting(Reference)
        case existing(Reference)
        /// One that goes.
        case deleted(Reference)

        init(_ action: Action) {
            self =
                switch action {
                case .create(_, let parent): .new(parent: parent)
                case .replace(let reference, _): .newOrExisting(reference)
                case .patch(let reference, _): .existing(reference)
                case .delete(let reference, _): .deleted(reference)
                }
        }
    }

    /// Carries a change out, with random bits for an identity.
    typealias CarryOut = @Sendable (inout Transaction, _ draw: () -> UInt64) throws(Refusal) -> OperationOutcome

    public let kind: ResourceKind
    public let target: Target
    /// The object that it belongs to, as the body says.
    public let parent: String?
    /// True if the hosts of the object, and of those that belong to it, may need other features after it.
    let mayChangeFeatures: Bool
    /// The demands on the object before.
    public let precondition: Precondition
    let carryOut: CarryOut

    /// An operation without demands unless said. Its body is read here.
    public init(_ kind: ResourceKind, _ action: Action, precondition: Precondition = Precondition()) {
        self.kind = kind
        self.precondition = precondition
        target = Target(action)
        switch kind {
        case .object(let kind): (parent, mayChangeFeatures, carryOut) = kind.row.operation(action, precondition)
        case .chassis:
            parent = nil
            mayChangeFeatures = false
            carryOut = { (_, _) throws(Refusal) in
                throw Refusal(.unsupported, "A chassis comes from its agent; users can only delete it.")
            }
        }
    }

    public var deleted: Reference? {
        if case .deleted(let reference) = target { reference } else { nil }
    }

    /// The object whose dependents the operation is about as well: it deletes them, or looks at their places again.
    public var objectWithDependents: Reference? {
        switch target {
        case .deleted(let reference): reference
        case .existing(let reference), .newOrExisting(let reference): mayChangeFeatures ? reference : nil
        case .new: nil
        }
    }
}

/// A demand of a transaction on an object that it may not itself change.
public struct Requirement: Sendable {
    public var kind: ResourceKind
    public var reference: Reference
    /// The required state. `mustBeAbsent` is `"absent"`.
    public var precondition: Precondition

    public init(kind: ResourceKind, reference: Reference, precondition: Precondition) {
        self.kind = kind
        self.reference = reference
        self.precondition = precondition
    }
}

/// Changes that become one commit, or none of them does.
public struct WriteRequest: Sendable {
    /// Demands that are checked before the first operation.
    public var requirements: [Requirement]
    /// The changes; later ones see earlier ones.
    public var operations: [Operation]
    /// A whole topology, in place of operations.
    public var topology: TopologyRequest?
    /// The author for the commit log.
    public var author: String
    /// The address that the request came from, as the commit log will say it.
    public var source = ""
    /// The request's identity, as the commit log will say it.
    public var requestID: String
    /// The key by which repetitions of the request are recognized, if it has one.
    public var idempotency: Idempotency?
    /// True if the request is only checked and answered, and changes nothing.
    public var isDryRun = false
    /// The number of objects that the client expects to be deleted; a large deletion has to say it.
    public var confirmedDeletionCount: Int?
    /// True if problems point into `/ops/N/body` (a transaction) or into the body itself.
    public var isTransaction: Bool

    public init(
        operations: [Operation],
        requirements: [Requirement] = [],
        author: String,
        requestID: String,
        isTransaction: Bool = false
    ) {
        self.operations = operations
        self.requirements = requirements
        self.author = author
        self.requestID = requestID
        self.isTransaction = isTransaction
    }
}

/// The key by which a repeated request is recognized, so that it is answered as the first time and not carried out
/// again.
public struct Idempotency: Hashable, Sendable {
    /// The client's key, unique for its author.
    public var key: String
    /// A digest of the request: another one under the same key is refused.
    public var fingerprint: String

    public init(key: String, fingerprint: String) {
        self.key = key
        self.fingerprint = fingerprint
    }
}

public struct OperationResult: Hashable, Sendable {
    /// The object's canonical JSON after the commit, or `nil` after a delete.
    public var object: [UInt8]?
    /// The object's name, to build `Location` from.
    public var name: String
    /// The object's revision after the commit; unchanged objects keep theirs.
    public var revision: UInt64
    public var isCreated: Bool

    public init(object: [UInt8]?, name: String, revision: UInt64, isCreated: Bool) {
        self.object = object
        self.name = name
        self.revision = revision
        self.isCreated = isCreated
    }
}
