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
            return output("To apply just this: add --if-revision \(change.revision) and leave --dry-run out.\n")
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
        if options.prunes { parameters.append("prune=true") }
        if let adoption = options.adoption { parameters.append("adopt=\(percentEncoded(adoption))") }
        if let revision = options.ifRevision { parameters.append("if_revision=\(revision)") }
        return parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&")
    }

    /// Topology text that makes the same objects again.
    /// - Parameter owner: The owner of the objects; `nil` means all switches and ports, whoever owns them.
    public func export(owner: String?, asJSON: Bool) throws(ClientError) -> String {
        let (switches, ports): ([JSONValue], [JSONValue])
        if let owner {
            guard let body = try caller.object("/v1/topologies/\(percentEncoded(owner))")?.body else {
                throw .refused(
                    "\(owner) owns no objects; 'heddle apply --owner \(owner)' makes some, and without --owner "
                        + "everything is exported"
                )
            }
            (switches, ports) = (body["switches"]?.arrayValue ?? [], body["ports"]?.arrayValue ?? [])
        } else {
            (switches, ports) = (try caller.list("/v1/switches"), try caller.list("/v1/ports"))
        }
        let document = Self.document(owner: owner, switches: switches, ports: ports)
        return asJSON ? document.indentedText : try document.yaml()
    }

    /// The ports below their switches; those of switches that are not in the list have their own.
    private static func document(owner: String?, switches: [JSONValue], ports: [JSONValue]) -> JSONValue {
        var portsOfSwitch = Dictionary(grouping: ports) { $0.text("switch") }
        let nested = switches.map { logicalSwitch -> JSONValue in
            var object = userMembers(of: logicalSwitch)
            let members = portsOfSwitch.removeValue(forKey: logicalSwitch.text("name")) ?? []
            if !members.isEmpty {
                object["ports"] = .array(
                    members.map { port in
                        var member = userMembers(of: port)
                        member["switch"] = nil
                        return .object(member)
                    }
                )
            }
            return .object(object)
        }
        var document = JSONObject()
        document["owner"] = owner.map { .string($0) }
        document["switches"] = .array(nested)
        let others = ports.filter { portsOfSwitch[$0.text("switch")] != nil }
        if !others.isEmpty { document["ports"] = .array(others.map { .object(userMembers(of: $0)) }) }
        return .object(document)
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
