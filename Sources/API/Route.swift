import HTTPTypes
import NetworkModel
import Southbound

/// One method on one path: what is served, as data. The server, `Allow`, and the check of openapi.yaml read it.
///
/// A class, because every request compares several of them: a reference is passed on at the cost of one count.
public final class Route: Sendable {
    /// The listeners of central.
    public enum Plane: String, Sendable, CaseIterable {
        /// Users and their tools, port 6641.
        case northbound
        /// Agents, port 6642.
        case southbound
    }

    /// The content that a request may have.
    public struct Content: Sendable {
        /// The accepted media types, the first of which is the proper one.
        public let mediaTypes: [String]
        /// The most bytes; more is 413.
        public let byteCountMaximum: Int
    }

    /// The work that the route does.
    public let endpoint: Endpoint
    /// The method. HEAD is served wherever GET is, OPTIONS everywhere.
    public let method: HTTPRequest.Method
    /// The path with its variables: `/v1/switches/{ref}`.
    public let path: String
    /// The listeners that serve it.
    public let planes: [Plane]
    /// The access rule. Unless a route gives another, users look with the role `viewer` and change with `editor`, and a
    /// chassis does what its path names.
    public let access: Access
    /// The query parameters that it knows; others are refused.
    public let parameters: [Parameter]
    /// The request's content, if it has one.
    public let content: Content?
    /// True if `If-Match` and `If-None-Match` count.
    public let isConditional: Bool

    /// True if `Idempotency-Key` counts.
    public let takesIdempotencyKey: Bool

    let segments: [Segment]
    /// True if the method is GET, which is asked for more often than all others.
    let isGET: Bool

    /// One part of a path between slashes.
    enum Segment: Hashable, Sendable {
        case literal(String)
        case variable(String)
    }

    init(
        _ endpoint: Endpoint,
        _ method: HTTPRequest.Method,
        _ path: String,
        on planes: [Plane] = [.northbound],
        access: Access? = nil,
        parameters: [Parameter] = [],
        content: Content? = nil,
        isConditional: Bool = false,
        takesIdempotencyKey: Bool = false
    ) {
        self.endpoint = endpoint
        self.method = method
        self.path = path
        self.planes = planes
        self.access = access ?? (planes == [.southbound] ? .chassis : .role(method == .get ? .viewer : .editor))
        self.parameters = parameters
        self.content = content
        self.isConditional = isConditional
        self.takesIdempotencyKey = takesIdempotencyKey
        isGET = method == .get
        segments = path.split(separator: "/").map { segment in
            segment.first == "{" ? .variable(String(segment.dropFirst().dropLast())) : .literal(String(segment))
        }
    }

    /// The values of the path's variables, if the path is this route's.
    func match(_ path: [String]) -> Variables? {
        guard path.count == segments.count else { return nil }
        var variables = Variables()
        for index in path.indices {
            let text = path[index]
            switch segments[index] {
            // By length first: two strings that differ are compared at length.
            case .literal(let literal): if literal.utf8.count != text.utf8.count || literal != text { return nil }
            case .variable(let name):
                guard !text.isEmpty else { return nil }
                variables.values.append((name, text))
            }
        }
        return variables
    }

    /// The values of a path's variables by name: one or two of them, so that looking through them is the shortest way.
    struct Variables: Sendable {
        fileprivate(set) var values: [(name: String, value: String)] = []

        subscript(name: String) -> String? {
            for variable in values where variable.name == name { return variable.value }
            return nil
        }
    }
}

/// A query parameter. All values are bare: numbers are decimal, times whole seconds.
public enum Parameter: String, Sendable, CaseIterable {
    /// The most items of a page.
    case limit
    /// The end of the page before.
    case pageToken = "page_token"
    /// A revision that the answer must not be older than.
    case minRevision = "min_revision"
    /// The fate of a deleted switch's ports: `refuse`.
    case ports
    /// The revision that is asked about.
    case revision
    /// The revision that the feed goes on from.
    case since
    /// The seconds that the answer may be held.
    case wait
    /// The epoch of `since`.
    case epoch
    /// The hash of the commit of `since`.
    case hash
    /// The page of a long feed answer.
    case page
    /// The members that each object is to have.
    case fields
    /// The order of the list: `name`, `created`, `revision`, or with `-` before it the other way round.
    case order
    /// True if a write is only checked and answered, and changes nothing.
    case dryRun = "dry_run"
    /// The number of objects that a write is expected to delete.
    case confirmDeletes = "confirm_deletes"
    /// The event that a write waits for: `chassis`.
    case until
    /// True if what a topology leaves out is deleted.
    case prune
    /// Which objects that are not the owner's a topology may take over: `unowned` or `any`.
    case adopt
    /// The revision that a topology must be at.
    case ifRevision = "if_revision"

    /// The kinds of object whose changes are wanted.
    case kinds

    // Filters of lists.
    /// The author of the commit.
    case author
    /// The object's name.
    case name
    /// The owner of the object's topology.
    case owner
    /// A selector of labels, as in Kubernetes.
    case label
    /// The port's switch, by name or UUID.
    case `switch`
    /// The chassis that holds the port.
    case chassis
    case up
    case enabled
    case live
    /// A MAC address of the port.
    case mac
    /// An IP address of the port, or the network of one.
    case ip
    case logicalPort = "logical_port"
    /// The datapath of a group.
    case datapath
}

/// The work of a route.
public enum Endpoint: Hashable, Sendable {
    case list(ObjectKind), create(ObjectKind), get(ObjectKind), replace(ObjectKind), patch(ObjectKind)
    case delete(ObjectKind)
    /// The deletion of all objects that a filter chooses.
    case deleteSelected(ObjectKind)
    /// The collection of a kind below an object that its objects belong to.
    case listBelow(ObjectKind), createBelow(ObjectKind)
    case transact
    case listTopologies, getTopology, applyTopology, deleteTopology
    case listChassis, getChassis, deleteChassis
    case listRecords(RecordKind), listMulticastGroups
    case getRealization
    case trace
    /// The words of a host on request: the counters of one port, or all of a subject.
    case portStatistics, hostReport(HostQuery.Subject)
    /// A host's reply.
    case reply
    /// The move of a port's guest.
    case migrate(MigrationStep)
    case sync, readChanges
    case listTokens, createToken, getToken, deleteToken
    case enrol, renewCertificate
    case getChanges, getAudit
    case identity
    /// The paths of all collections.
    case index
    case livez, readyz, version, metrics, contract
    /// The page of the console, and the files that it is made of.
    case console, consoleFile

    /// The kind of object that the route reads or changes, if users watch it.
    var kind: ResourceKind? {
        switch self {
        case .list(let kind), .create(let kind), .get(let kind), .replace(let kind), .patch(let kind),
            .delete(let kind), .deleteSelected(let kind), .listBelow(let kind), .createBelow(let kind):
            .object(kind)
        case .listChassis, .getChassis, .deleteChassis: .chassis
        case .transact, .trace, .listTopologies, .getTopology, .applyTopology, .deleteTopology, .listRecords,
            .listMulticastGroups, .migrate, .getRealization, .portStatistics, .hostReport, .reply, .sync, .readChanges,
            .listTokens,
            .createToken, .getToken, .deleteToken, .enrol,
            .renewCertificate, .getChanges, .getAudit, .identity, .index, .livez, .readyz, .version, .metrics,
            .contract,
            .console, .consoleFile:
            nil
        }
    }

    /// True if its answer can be a stream of events.
    var hasEvents: Bool { self == .getChanges || self == .portStatistics || self == .hostReport(.statistics) }

    /// True if a transaction may do it: change one object, or read one, for its requirements.
    var isTransactional: Bool {
        switch self {
        case .create, .get, .replace, .patch, .delete, .createBelow, .getChassis, .deleteChassis: true
        case .list, .listBelow, .deleteSelected, .listChassis, .transact, .trace, .listTopologies, .getTopology,
            .applyTopology, .deleteTopology, .listRecords, .listMulticastGroups, .migrate, .getRealization,
            .portStatistics, .hostReport, .reply, .sync,
            .readChanges, .listTokens,
            .createToken, .getToken, .deleteToken, .enrol, .renewCertificate, .getChanges, .getAudit, .identity, .index,
            .livez,
            .readyz, .version, .metrics, .contract, .console, .consoleFile:
            false
        }
    }
}
