import HTTP
import JSON
import NetworkModel
import Wire

/// A kind of object that `heddle get` shows.
public enum ShownKind: Hashable, Sendable {
    /// The kinds that users watch: their objects, and hosts.
    case resource(ResourceKind)
    /// Southbound: what a switch is on the wire.
    case datapathBinding
    /// Southbound: where a port is.
    case portBinding
    /// Southbound: the answers to DHCP requests.
    case dhcpResponder
    /// Southbound: the names that DNS queries are answered for.
    case dnsResponder
    /// Southbound: the places that frames are copied to.
    case mirrorSession
    /// Southbound: the groups that broadcasts go to.
    case multicastGroup

    public static let logicalSwitch = ShownKind.resource(.logicalSwitch)
    public static let port = ShownKind.resource(.logicalSwitchPort)
    public static let dhcpOptions = ShownKind.resource(.object(.dhcpOptions))
    public static let mirror = ShownKind.resource(.object(.mirror))
    /// The hosts that carry ports.
    public static let chassis = ShownKind.resource(.chassis)

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
        case .resource(let kind):
            (kind.names.singular == kind.names.plural ? [] : [kind.names.singular]) + [kind.names.plural]
                + kind.names.aliases
        case .datapathBinding: ["datapath-binding", "datapath-bindings", "dp"]
        case .portBinding: ["port-binding", "port-bindings", "pb"]
        case .dhcpResponder: ["dhcp-responder", "dhcp-responders"]
        case .dnsResponder: ["dns-responder", "dns-responders"]
        case .mirrorSession: ["mirror-session", "mirror-sessions"]
        case .multicastGroup: ["multicast-group", "multicast-groups", "mg"]
        }
    }

    public var singular: String { names[0] }
    public var plural: String {
        switch self {
        case .resource(let kind): kind.names.plural
        case .datapathBinding, .portBinding, .dhcpResponder, .dnsResponder, .mirrorSession, .multicastGroup: names[1]
        }
    }

    var path: String {
        switch self {
        case .resource(let kind): kind.names.path
        case .datapathBinding, .portBinding, .dhcpResponder, .dnsResponder, .mirrorSession, .multicastGroup:
            "/v1/southbound/\(plural)"
        }
    }

    /// The kind of what has a path and changes of its own, and can be deleted. The others are central's own work.
    var resource: ResourceKind? {
        switch self {
        case .resource(let kind): kind
        case .datapathBinding, .portBinding, .dhcpResponder, .dnsResponder, .mirrorSession, .multicastGroup: nil
        }
    }

    /// True if its objects have labels.
    var hasLabels: Bool { object != nil }

    /// The kind of objects that users write.
    var object: ObjectKind? {
        guard case .resource(.object(let kind)) = self else { return nil }
        return kind
    }

    /// The fields that central's list of the kind can be asked for.
    var listFilters: [String] {
        switch self {
        case .resource(.object(let kind)):
            ["name", "owner"] + kind.row.filters + (kind.row.parent.map { [$0.field] } ?? [])
        case .resource(.chassis): ["name", "live"]
        case .datapathBinding: ["name"]
        case .portBinding: ["logical_port", "chassis"]
        case .multicastGroup: ["datapath"]
        case .dhcpResponder, .dnsResponder, .mirrorSession: []
        }
    }

    /// True if each object has a path of its own.
    var hasOwnPaths: Bool { resource != nil }

    func path(of reference: String) -> String { "\(path)/\(percentEncoded(reference))" }

    func name(of object: JSONValue) -> String {
        switch self {
        case .portBinding: object.text("logical_port")
        case .multicastGroup: "\(object.text("datapath"))/\(object.text("name"))"
        case .dhcpResponder, .dnsResponder, .mirrorSession: object.text("id")
        case .resource, .datapathBinding: object.text("name")
        }
    }

    /// True if a user means an object by this name or UUID.
    func isNamed(_ reference: String, _ object: JSONValue) -> Bool {
        name(of: object) == reference || object["id"]?.stringValue == reference
    }

    /// The reason why an object is not there.
    func notFound(_ reference: String) -> ClientError {
        .refused(
            "\(singular) \(reference): not found\(ObjectID(reference) == nil ? "" : " by this UUID"); "
                + "'heddle get \(plural)' lists all"
        )
    }
}

extension ShownKind: CaseIterable {
    /// All kinds, in the order in which messages name them.
    public static let allCases: [ShownKind] =
        deletable + [.datapathBinding, .portBinding, .dhcpResponder, .dnsResponder, .mirrorSession, .multicastGroup]

    /// The kinds whose objects users delete.
    public static let deletable: [ShownKind] = ResourceKind.allCases.map { .resource($0) }
}
