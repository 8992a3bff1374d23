import HashTreeCollections
import Persistent
import Wire

/// The logical network as users wrote it. A value: a copy is a snapshot and costs nothing.
public struct NorthboundDatabase: Sendable {
    /// The switches by identity.
    public internal(set) var switches: TreeDictionary<ObjectID, Stored<LogicalSwitch>> = [:]
    /// The ports by identity.
    public internal(set) var ports: TreeDictionary<ObjectID, Stored<LogicalSwitchPort>> = [:]
    /// The switches in the order that lists have.
    public internal(set) var switchesByName = OrderedMap<ProjectName, ObjectID>()
    /// The ports in the order that lists have.
    public internal(set) var portsByName = OrderedMap<ProjectName, ObjectID>()
    /// The ports of each switch, in the order that lists have.
    public internal(set) var portsBySwitch: TreeDictionary<ObjectID, OrderedMap<ProjectName, ObjectID>> = [:]

    /// A network without objects.
    public init() {}

    /// The switch that a path or a body points at.
    public func logicalSwitch(_ reference: Reference) -> Stored<LogicalSwitch>? {
        switch reference {
        case .id(let id): switches[id]
        case .name(let name): switchesByName[ProjectName(name)].flatMap { switches[$0] }
        }
    }

    /// The port that a path points at.
    public func port(_ reference: Reference) -> Stored<LogicalSwitchPort>? {
        switch reference {
        case .id(let id): ports[id]
        case .name(let name): portsByName[ProjectName(name)].flatMap { ports[$0] }
        }
    }
}

/// A name with its project: what names are unique in, and what lists are ordered by.
public struct ProjectName: Hashable, Comparable, Sendable {
    /// The project; `default` is the only one of this version.
    public var project: String
    /// The object's name.
    public var name: String

    /// A name in the default project.
    public init(_ name: String, project: String = "default") {
        self.project = project
        self.name = name
    }

    /// Orders by project, then by the bytes of the name.
    public static func < (left: ProjectName, right: ProjectName) -> Bool {
        (left.project, left.name) < (right.project, right.name)
    }
}
