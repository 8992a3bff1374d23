import JSON
import Wire

/// A kind of object that `heddle get` shows.
public enum ObjectKind: CaseIterable, Sendable {
    case logicalSwitch
    /// Their ports.
    case port
    /// The hosts that carry ports.
    case chassis
    /// Southbound: what a switch is on the wire.
    case datapathBinding
    /// Southbound: where a port is.
    case portBinding
    /// Southbound: the groups that broadcasts go to.
    case multicastGroup

    /// The kind that a user means: `switch`, `switches`, `ls` or OVN's `Logical_Switch`, in any case.
    /// - Throws: ``ClientError/usage(_:)`` with the kinds that there are.
    public init(parsing word: String) throws(ClientError) {
        let wanted = word.lowercased().split(separator: "_", omittingEmptySubsequences: false).joined(separator: "-")
        guard let kind = Self.allCases.first(where: { $0.names.contains(wanted) }) else {
            let known = Self.allCases.map(\.plural).joined(separator: ", ")
            let hint = suggestion(for: wanted, among: Self.allCases.flatMap(\.names))
            throw .usage("there is no kind '\(word)'; \(hint)the kinds are \(known)")
        }
        self = kind
    }

    /// The names of the kind: singular, plural, short forms.
    public var names: [String] {
        switch self {
        case .logicalSwitch: ["switch", "switches", "ls", "logical-switch", "logical-switches"]
        case .port: ["port", "ports", "lsp", "logical-switch-port", "logical-switch-ports"]
        case .chassis: ["chassis", "ch"]
        case .datapathBinding: ["datapath-binding", "datapath-bindings", "dp"]
        case .portBinding: ["port-binding", "port-bindings", "pb"]
        case .multicastGroup: ["multicast-group", "multicast-groups", "mg"]
        }
    }

    /// One of it.
    public var singular: String { names[0] }
    /// The plural.
    public var plural: String { self == .chassis ? singular : names[1] }

    /// The path of the list.
    var path: String {
        switch self {
        case .logicalSwitch: "/v1/switches"
        case .port: "/v1/ports"
        case .chassis: "/v1/chassis"
        case .datapathBinding: "/v1/southbound/datapath-bindings"
        case .portBinding: "/v1/southbound/port-bindings"
        case .multicastGroup: "/v1/southbound/multicast-groups"
        }
    }

    /// True if each object has a path of its own, and can be deleted there. The others are central's own work.
    var hasOwnPaths: Bool {
        switch self {
        case .logicalSwitch, .port, .chassis: true
        case .datapathBinding, .portBinding, .multicastGroup: false
        }
    }

    func path(of reference: String) -> String { "\(path)/\(percentEncoded(reference))" }

    /// The name of this object for people.
    func name(of object: JSONValue) -> String {
        switch self {
        case .portBinding: object.text("logical_port")
        case .multicastGroup: "\(object.text("datapath"))/\(object.text("name"))"
        case .logicalSwitch, .port, .chassis, .datapathBinding: object.text("name")
        }
    }

    /// The reason why an object is not there.
    func notFound(_ reference: String) -> ClientError {
        .refused(
            "\(singular) \(reference): not found\(ObjectID(reference) == nil ? "" : " by this UUID"); "
                + "'heddle get \(plural)' lists all"
        )
    }
}
