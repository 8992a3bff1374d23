import HTTP
import JSON
import NetworkModel
import Reactor

/// Carries `heddle apply` and `heddle export` to central.
public struct TopologySession {
    /// The owner if none is given.
    public static let defaultOwner = "default"
    /// The time that central may take to plan and commit the largest topology.
    static let patience = Duration.seconds(120)
    /// From how many objects on a person is told what goes on.
    static let largeObjectCount = 1000

    /// The options for applying a topology.
    public struct Options: Sendable {
        /// Only show what would change.
        public var isDryRun = false
        /// The number of objects that are to be deleted, if central wants it confirmed.
        public var confirmedDeletionCount: Int?
        /// Delete the owner's objects that are not in the file.
        public var prunes = false
        /// Which objects of others may become the owner's: `unowned`, `any`, or `nil` for none.
        public var adoption: String?
        /// The revision that the topology must still be at.
        public var ifRevision: Int64?
        /// The progress of the change that is waited for.
        public var wait = ControlWait.none
        /// The time for all of it in seconds; `nil` is no limit.
        public var timeout: Int64?
        /// True if all objects of a plan are listed, however many.
        public var isFull = false

        /// Apply at once, delete nothing, take nothing from others, do not wait.
        public init() {}
    }

    private let caller: any Caller
    private let clock: @Sendable () -> Duration
    private let output: (String) -> Void
    private let warn: (String) -> Void
    private let progress: Progress?

    /// A session that prints to `output`, says to `warn` what is wrong or need not be an error, and to `progress` what
    /// goes on.
    public init(
        caller: any Caller,
        clock: @escaping @Sendable () -> Duration = Clock.monotonic,
        progress: Progress? = nil,
        output: @escaping (String) -> Void,
        warn: @escaping (String) -> Void
    ) {
        self.progress = progress
        self.caller = caller
        self.clock = clock
        self.output = output
        self.warn = warn
    }

    /// Makes an owner's objects what a file says, in one commit.
    /// - Parameter owner: The owner, unless the file names it; both must agree.
    public func apply(_ file: TopologyFile, owner: String?, _ options: Options) throws(ClientError) {
        if let owner, let own = file.owner, owner != own {
            throw .usage("the file says that its owner is \(own), and --owner says \(owner); leave one of them out")
        }
        let owner = owner ?? file.owner ?? Self.defaultOwner
        let deadline = Deadline(seconds: options.timeout, now: clock)
        let isLarge = file.objectCount >= Self.largeObjectCount
        progress?.begin("\(file.objectCount) objects read, waiting for central's plan", isLong: isLarge)
        let path = "/v1/topologies/\(percentEncoded(owner))" + query(options)
        let call = Call(.put, path, body: file.body, timeout: Self.patience)
        let reply = try DeadlineCaller(caller: caller, deadline: deadline).send(call)
        guard (200...299).contains(reply.status) else {
            throw refusal(file.explained(Problem(status: reply.status, body: reply.body)))
        }
        guard let change = TopologyChange(reply.body) else {
            throw .badAnswer(caller.server, "its answer to a topology has no plan")
        }
        output(change.text(isFull: options.isFull))
        if options.isDryRun {
            output("Plan for \(owner): \(change.summary(isDone: false)).\n")
            guard change.changesAnything else { return }
            let count = change.deletionCount
            let confirmation = count > Limits.unconfirmedDeletionCountMaximum ? " --confirm-deletes \(count)" : ""
            return output(
                "To apply just this: add --if-revision \(change.revision)\(confirmation) and leave --dry-run out.\n"
            )
        }
        output("\(owner): \(change.summary(isDone: true)).\n")
        guard options.wait == .hv, let revision = reply.revision else { return }
        progress?.begin("committed as revision \(revision), waiting for the chassis", isLong: isLarge)
        var wait = RealizationWait(caller: caller, deadline: deadline, warn: warn)
        if let progress {
            wait.report = { pending in
                let some = pending.prefix(5).joined(separator: ", ") + (pending.count > 5 ? ", ..." : "")
                progress.update("committed as revision \(revision), waiting for \(pending.count) chassis: \(some)")
            }
        }
        try wait.wait(for: revision)
    }

    /// One refusal is the error itself; of several, each has its line above it.
    private func refusal(_ problems: [Problem]) -> ClientError {
        if problems.count == 1 { return .problem(problems[0]) }
        for problem in problems { warn(problem.sentence) }
        let isCut = problems.count >= Limits.topologyRefusalCountMaximum
        return .refused("\(isCut ? "the first " : "")\(problems.count) refusals; nothing was changed")
    }

    private func query(_ options: Options) -> String {
        var parameters: [String] = []
        if options.isDryRun { parameters.append("dry_run=true") }
        if let count = options.confirmedDeletionCount { parameters.append("confirm_deletes=\(count)") }
        if options.prunes { parameters.append("prune=true") }
        if let adoption = options.adoption { parameters.append("adopt=\(percentEncoded(adoption))") }
        if let revision = options.ifRevision { parameters.append("if_revision=\(revision)") }
        return parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&")
    }

    /// Topology text that makes the same objects again.
    /// - Parameter owner: The owner of the objects; `nil` means all objects, whoever owns them.
    public func export(owner: String?, asJSON: Bool) throws(ClientError) -> String {
        var lists: [ObjectKind: [JSONValue]] = [:]
        if let owner {
            guard let body = try caller.object("/v1/topologies/\(percentEncoded(owner))")?.body else {
                throw .refused(
                    "\(owner) owns no objects; 'heddle apply --owner \(owner)' makes some, and without --owner "
                        + "everything is exported"
                )
            }
            for kind in ObjectKind.allCases { lists[kind] = body[kind.names.member]?.arrayValue }
        } else {
            for kind in ObjectKind.allCases { lists[kind] = try caller.list(kind.names.path) }
        }
        let document = Self.document(owner: owner, lists)
        return asJSON ? document.indentedText : try document.yaml()
    }

    /// The objects by kind, ports below their switches; those of switches that are not in the list have their own.
    static func document(owner: String?, _ lists: [ObjectKind: [JSONValue]]) -> JSONValue {
        var document = JSONObject()
        document["owner"] = owner.map { .string($0) }
        var below: [ObjectKind: [String: [JSONValue]]] = [:]
        for kind in ObjectKind.allCases {
            guard let field = kind.row.parent?.field else { continue }
            below[kind] = Dictionary(grouping: lists[kind] ?? []) { $0.text(field) }
        }
        for kind in ObjectKind.allCases {
            let homes = kind.row.parent.map { parent in Set((lists[parent.kind] ?? []).map { $0.text("name") }) }
            let field = kind.row.parent?.field ?? ""
            let own = (lists[kind] ?? []).filter { object in homes.map { !$0.contains(object.text(field)) } ?? true }
            guard !own.isEmpty else { continue }
            document[kind.names.member] = .array(own.map { .object(body(of: $0, kind, below)) })
        }
        // A file without objects has a list, so that it is one.
        if lists.values.allSatisfy(\.isEmpty) { document["switches"] = [] }
        return .object(document)
    }

    /// The body of an object, with the objects that belong to it.
    private static func body(
        of object: JSONValue,
        _ kind: ObjectKind,
        _ below: [ObjectKind: [String: [JSONValue]]]
    ) -> JSONObject {
        var body = userMembers(of: object)
        for other in ObjectKind.allCases {
            guard let parent = other.row.parent, parent.kind == kind,
                let members = below[other]?[object.text("name")]
            else { continue }
            body[other.names.member] = .array(
                members.map { member in
                    var body = userMembers(of: member)
                    body[parent.field] = nil
                    return .object(body)
                }
            )
        }
        return body
    }

    /// Returns the members of an object that a user has set: without those that central adds, and without defaults.
    private static func userMembers(of object: JSONValue) -> JSONObject {
        let added = ["id", "revision", "config_revision", "created_at", "updated_at", "status", "owner"]
        var result = JSONObject()
        for member in object.objectValue?.members ?? [] where !added.contains(member.name) && !isDefault(member) {
            result[member.name] = member.value
        }
        return result
    }

    private static func isDefault(_ member: (name: String, value: JSONValue)) -> Bool {
        switch member.value {
        case .null: true
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let object): object.members.isEmpty
        case .bool(let value): value == (member.name == "enabled")
        case .integer, .number: false
        }
    }
}
