import HTTP
import JSON
import Wire

/// The objects that a chain of commands names, as central had them a moment ago.
public struct NbView: Equatable, Sendable {
    /// Switches by the name or UUID that the user wrote; those that are not there are missing.
    public var switches: [String: JSONValue] = [:]
    /// Ports by the name or UUID that the user wrote; those that are not there are missing.
    public var ports: [String: JSONValue] = [:]
    /// Sets of DHCP options by the name or UUID that the user wrote; those that are not there are missing.
    public var dhcpOptions: [String: JSONValue] = [:]
    /// Port groups by the name or UUID that the user wrote; those that are not there are missing.
    public var portGroups: [String: JSONValue] = [:]
    /// All ACLs, if a command is about them.
    public var acls: [JSONValue] = []
    /// All QoS rules, if a command is about them.
    public var qosRules: [JSONValue] = []
    /// Mirrors by the name or UUID that the user wrote; those that are not there are missing.
    public var mirrors: [String: JSONValue] = [:]
    /// The objects of rows that the chain changes, by table and by what the user wrote.
    public var records: [String: [String: JSONValue]] = [:]
    /// All objects of the tables that the chain empties.
    public var allRecords: [String: [JSONValue]] = [:]
    /// The objects that changed columns refer to.
    var referredObjects = OVNObjects()

    public init() {}
}

/// A chain of commands as one transaction: OVN's verbs turned into operations on resources.
///
/// `--may-exist` and `--if-exists` are decided by what was read before; if that made a command do nothing, the
/// transaction requires it to be so still. A plan refuses what cannot be, in OVN's words.
public struct NbPlan: Equatable, Sendable {
    /// The objects that must still be as they were read: `{"path","etag"|"absent"}`.
    public private(set) var requirements: [JSONValue] = []
    /// The changes in order: `{"op","path","body"}`.
    public private(set) var operations: [JSONValue] = []
    /// For each operation the position of its command in the chain.
    public private(set) var commandOfOperation: [Int] = []

    var switches: [String: Known] = [:]
    var ports: [String: Known] = [:]
    var mirrors: [String: Known] = [:]
    private var dhcpOptions: [String: Known] = [:]
    var portGroups: [String: Known] = [:]
    /// The ACLs as the chain has left them so far.
    var acls: [JSONValue] = []
    /// The objects of rows, as they were read.
    var records: [String: [String: JSONValue]] = [:]
    var allRecords: [String: [JSONValue]] = [:]
    var referredObjects = OVNObjects()
    /// The names of the objects that the chain makes as rows, by what it calls them.
    var rowNames: [String: String] = [:]
    /// The paths of the objects that `create` makes, in order.
    public internal(set) var created: [String] = []
    /// The QoS rules as it has.
    var qosRules: [JSONValue] = []
    private var names: [String: String] = [:]
    private var position = 0

    /// An object as the chain has left it so far.
    struct Known: Equatable, Sendable {
        var switchName = ""
        /// The keys of the options of a port, or of a set of DHCP options.
        var optionKeys: Set<String> = []
        /// True if it is a virtual port.
        var isVirtual = false
        /// The parent of a nested port and the tag that it asks for.
        var nesting: NbCommand.Nesting?
        /// True if it has an `activation_strategy`.
        var isMoving = false
        /// The rules of a mirror.
        var rules: [JSONValue] = []
        /// The mirrors of a port.
        var mirrors: [String] = []
        /// The revision that was read; `nil` once the chain itself has made the object.
        var revision: Int64?
        var isThere = true

        /// The object after a delete of the chain.
        var gone: Known {
            var copy = self
            copy.isThere = false
            return copy
        }
    }

    /// Plans a chain of commands for the network as it was read.
    /// - Throws: ``ClientError/refused(_:)`` for what contradicts the network.
    public init(_ commands: [NbCommand], over view: NbView) throws(ClientError) {
        for (reference, object) in view.switches {
            let name = object["name"]?.stringValue ?? reference
            names[reference] = name
            switches[name] = Known(revision: object["revision"]?.integerValue)
        }
        for (reference, object) in view.ports {
            let name = object["name"]?.stringValue ?? reference
            names[reference] = name
            ports[name] = Known(
                switchName: object["switch"]?.stringValue ?? "",
                optionKeys: Set((object["options"]?.objectValue?.members ?? []).map(\.name)),
                isVirtual: object.text("type") == "virtual",
                nesting: object["parent_name"]?.stringValue.map {
                    NbCommand.Nesting(parent: $0, tagRequest: object["tag_request"]?.integerValue ?? 0)
                },
                isMoving: !object.texts("activation_strategy").isEmpty,
                mirrors: object.texts("mirror_rules"),
                revision: object["revision"]?.integerValue
            )
        }
        for (reference, object) in view.mirrors {
            let name = object["name"]?.stringValue ?? reference
            names[reference] = name
            mirrors[name] = Known(
                rules: object["mirror_rules"]?.arrayValue ?? [],
                revision: object["revision"]?.integerValue
            )
        }
        for (reference, object) in view.dhcpOptions {
            let name = object["name"]?.stringValue ?? reference
            names[reference] = name
            dhcpOptions[name] = Known(
                optionKeys: Set((object["options"]?.objectValue?.members ?? []).map(\.name)),
                revision: object["revision"]?.integerValue
            )
        }
        for (reference, object) in view.portGroups {
            let name = object["name"]?.stringValue ?? reference
            names[reference] = name
            portGroups[name] = Known(revision: object["revision"]?.integerValue)
        }
        acls = view.acls
        records = view.records
        allRecords = view.allRecords
        referredObjects = view.referredObjects
        qosRules = view.qosRules
        for (index, command) in commands.enumerated() {
            position = index
            try add(command)
        }
    }

    /// The body of `POST /v1/transactions`.
    public var body: JSONValue { ["require": .array(requirements), "ops": .array(operations)] }

    private mutating func add(_ command: NbCommand) throws(ClientError) {
        switch command {
        case .lsAdd(let name, let mayExist): try addSwitch(name, mayExist: mayExist)
        case .lsDel(let reference, let ifExists): try deleteSwitch(reference, ifExists: ifExists)
        case .lspAdd(let owner, let name, let nesting, let mayExist):
            try addPort(name, to: owner, nesting, mayExist: mayExist)
        case .lspDel(let reference, let ifExists): try deletePort(reference, ifExists: ifExists)
        case .lspSet(let reference, let setting): try set(setting, of: reference)
        case .lspGet(let reference, _): _ = try port(reference)
        case .lspList(let reference): _ = try logicalSwitch(reference)
        case .show(let reference?): _ = try logicalSwitch(reference)
        case .dhcpOptionsCreate(let name, let cidr, let options): try addDHCPOptions(name, cidr, options)
        case .dhcpOptionsDel(let reference, let ifExists): try deleteDHCPOptions(reference, ifExists: ifExists)
        case .dhcpOptionsSet(let reference, let options): try set(options, ofDHCPOptions: reference)
        case .dhcpOptionsGet(let reference): _ = try dhcpOptions(reference)
        case .pgAdd(let name, let ports): try addPortGroup(name, ports)
        case .pgDel(let reference):
            let name = try portGroup(reference)
            operate("delete", "/v1/port-groups/" + percentEncoded(name))
            portGroups[name] = portGroups[name]?.gone
        case .pgSetPorts(let reference, let ports):
            operate("patch", "/v1/port-groups/" + percentEncoded(try portGroup(reference)), try members(ports))
        case .pgGetPorts(let reference): _ = try portGroup(reference)
        case .aclAdd(let acl): try addACL(acl)
        case .aclDel(let reference, let filter):
            let home = try homeOfACLs(reference)
            let gone = acls.filter { $0.text(home.member) == home.name && filter.fits($0) }
            acls.removeAll { acl in gone.contains { $0.text("name") == acl.text("name") } }
            for acl in gone { operate("delete", "/v1/acls/" + percentEncoded(acl.text("name"))) }
        case .aclList(let reference): _ = try homeOfACLs(reference)
        case .qosAdd(let rule): try addQoS(rule)
        case .qosDel(let reference, let filter): try deleteQoS(reference, filter)
        case .qosList(let reference): _ = try logicalSwitch(reference)
        case .mirrorAdd(let name, let type, let index, let filter, let sink):
            try addMirror(name, type: type, index: index, filter: filter, sink: sink)
        case .mirrorDel(let reference, let ifExists): try deleteMirror(reference, ifExists: ifExists)
        case .mirrorRuleAdd(let reference, let rule): try addRule(rule, to: reference)
        case .mirrorRuleDel(let reference, let priority, let match):
            try deleteRules(of: reference, priority: priority, match: match)
        case .database(let command): try change(command)
        case .lsGet(let reference): _ = try logicalSwitch(reference)
        case .lspGetSwitch(let reference): _ = try port(reference)
        case .lsList, .show(nil), .sync, .dhcpOptionsList, .mirrorList: break
        }
    }

    private mutating func addSwitch(_ name: String, mayExist: Bool) throws(ClientError) {
        let known = found(name, in: switches)
        if let known {
            guard mayExist else { throw .refused("\(name): a switch with this name already exists") }
            return require("/v1/switches/", name, known)
        }
        operate("create", "/v1/switches", ["name": .string(name)])
        switches[name] = Known()
    }

    private mutating func deleteSwitch(_ reference: String, ifExists: Bool) throws(ClientError) {
        guard let known = found(reference, in: switches) else {
            guard ifExists else { throw notFound(reference, "switch") }
            return require("/v1/switches/", reference, switches[resolved(reference)])
        }
        let name = resolved(reference)
        operate("delete", "/v1/switches/" + percentEncoded(name))
        switches[name] = known.gone
        for (port, state) in ports where state.switchName == name { ports[port] = state.gone }
    }

    private mutating func deletePort(_ reference: String, ifExists: Bool) throws(ClientError) {
        guard let known = found(reference, in: ports) else {
            guard ifExists else { throw notFound(reference, "port") }
            return require("/v1/ports/", reference, ports[resolved(reference)])
        }
        operate("delete", "/v1/ports/" + percentEncoded(resolved(reference)))
        ports[resolved(reference)] = known.gone
    }

    private mutating func set(_ setting: NbCommand.PortSetting, of reference: String) throws(ClientError) {
        let name = try port(reference)
        let change: JSONValue
        switch setting {
        case .addresses(let addresses): change = ["addresses": .array(addresses.map { .string($0) })]
        case .portSecurity(let entries): change = ["port_security": .array(entries.map { .string($0) })]
        case .type(let type):
            change = ["type": .string(type)]
            ports[name]?.isVirtual = type == "virtual"
        case .enabled(let isEnabled): change = ["enabled": .bool(isEnabled)]
        case .options(let options): change = replacingOptions(of: name, by: options)
        case .dhcpv4Options(let options): change = ["dhcpv4_options": options.map { .string($0) } ?? .null]
        case .dhcpv6Options(let options): change = ["dhcpv6_options": options.map { .string($0) } ?? .null]
        case .attachMirror(let mirror, let mayExist):
            return try setMirror(mirror, of: name, isAttached: true, isLenient: mayExist)
        case .detachMirror(let mirror, let ifExists):
            return try setMirror(mirror, of: name, isAttached: false, isLenient: ifExists)
        }
        operate("patch", "/v1/ports/" + percentEncoded(name), change)
    }

    /// A merge patch that leaves a port with these options only: the others are set to null.
    private mutating func replacingOptions(of name: String, by options: [String: String]) -> JSONValue {
        var options = options
        let chassis = list(options.removeValue(forKey: requestedChassisKey))
        let virtualIP = options.removeValue(forKey: virtualIPKey)
        let parents = options.removeValue(forKey: virtualParentsKey)
        let frames = options.removeValue(forKey: activationStrategyKey)
        let old = ports[name]?.optionKeys ?? []
        var object = JSONObject()
        for key in old.union(options.keys).sorted() { object[key] = options[key].map { .string($0) } ?? .null }
        if let known = ports[name], !old.isSubset(of: options.keys) { require("/v1/ports/", name, known) }
        ports[name]?.optionKeys = Set(options.keys)
        var change: JSONValue = ["options": .object(object), "requested_chassis": chassis]
        if frames != nil || ports[name]?.isMoving == true {
            ports[name]?.isMoving = frames != nil
            change = change.merged(with: ["activation_strategy": list(frames)])
        }
        let isVirtual = virtualIP != nil || parents != nil
        guard isVirtual || ports[name]?.isVirtual == true else { return change }
        ports[name]?.isVirtual = isVirtual
        return change.merged(with: [
            "type": .string(isVirtual ? "virtual" : ""),
            "virtual_ip": virtualIP.map { .string($0) } ?? .null,
            "virtual_parents": list(parents),
        ])
    }

    /// The elements of an option that is a list.
    private func list(_ text: String?) -> JSONValue {
        .array((text ?? "").split(separator: ",").map { .string(String($0)) })
    }

    private mutating func addDHCPOptions(
        _ name: String,
        _ cidr: String,
        _ options: [String: String]
    ) throws(ClientError) {
        guard found(name, in: dhcpOptions) == nil else {
            throw .refused("\(name): a set of DHCP options with this name already exists")
        }
        let members = options.sorted { $0.key < $1.key }.map { (name: $0.key, value: JSONValue.string($0.value)) }
        operate(
            "create",
            "/v1/dhcp-options",
            ["name": .string(name), "cidr": .string(cidr), "options": .object(JSONObject(distinct: members))]
        )
        dhcpOptions[name] = Known(optionKeys: Set(options.keys))
    }

    private mutating func deleteDHCPOptions(_ reference: String, ifExists: Bool) throws(ClientError) {
        guard let known = found(reference, in: dhcpOptions) else {
            guard ifExists else { throw notFound(reference, "DHCP options") }
            return require("/v1/dhcp-options/", reference, dhcpOptions[resolved(reference)])
        }
        operate("delete", "/v1/dhcp-options/" + percentEncoded(resolved(reference)))
        dhcpOptions[resolved(reference)] = known.gone
    }

    private mutating func set(_ options: [String: String], ofDHCPOptions reference: String) throws(ClientError) {
        let name = try dhcpOptions(reference)
        let old = dhcpOptions[name]?.optionKeys ?? []
        var object = JSONObject()
        for key in old.union(options.keys).sorted() { object[key] = options[key].map { .string($0) } ?? .null }
        if let known = dhcpOptions[name], !old.isSubset(of: options.keys) { require("/v1/dhcp-options/", name, known) }
        dhcpOptions[name]?.optionKeys = Set(options.keys)
        operate("patch", "/v1/dhcp-options/" + percentEncoded(name), ["options": .object(object)])
    }

    private mutating func addPortGroup(_ name: String, _ ports: [String]) throws(ClientError) {
        guard found(name, in: portGroups) == nil else {
            throw .refused("\(name): a port group with this name already exists")
        }
        operate("create", "/v1/port-groups", try members(ports).merged(with: ["name": .string(name)]))
        portGroups[name] = Known()
    }

    /// The member of a port group's body that names these ports, each once, as OVN takes them.
    private func members(_ ports: [String]) throws(ClientError) -> JSONValue {
        var names: [String] = []
        for reference in ports {
            let name = try port(reference)
            if !names.contains(name) { names.append(name) }
        }
        return ["ports": .array(names.map { .string($0) })]
    }

    private func portGroup(_ reference: String) throws(ClientError) -> String {
        guard found(reference, in: portGroups) != nil else { throw notFound(reference, "port group") }
        return resolved(reference)
    }

    private func dhcpOptions(_ reference: String) throws(ClientError) -> String {
        guard found(reference, in: dhcpOptions) != nil else { throw notFound(reference, "DHCP options") }
        return resolved(reference)
    }

    func logicalSwitch(_ reference: String) throws(ClientError) -> String {
        guard found(reference, in: switches) != nil else { throw notFound(reference, "switch") }
        return resolved(reference)
    }

    private func port(_ reference: String) throws(ClientError) -> String {
        guard found(reference, in: ports) != nil else { throw notFound(reference, "port") }
        return resolved(reference)
    }

    func resolved(_ reference: String) -> String { names[reference] ?? reference }

    func found(_ reference: String, in objects: [String: Known]) -> Known? {
        objects[resolved(reference)].flatMap { $0.isThere ? $0 : nil }
    }

    /// Demands that an object is as it was read; one that the chain itself has made or removed needs no demand.
    mutating func require(_ collection: String, _ reference: String, _ known: Known?) {
        let path = JSONValue.string(collection + percentEncoded(resolved(reference)))
        let demand: JSONValue
        switch known {
        case nil: demand = ["path": path, "absent": true]
        case let known?:
            guard known.isThere, let revision = known.revision else { return }
            demand = ["path": path, "etag": .string("\"\(revision)\"")]
        }
        if !requirements.contains(demand) { requirements.append(demand) }
    }

    mutating func operate(_ name: String, _ path: String, _ body: JSONValue? = nil) {
        var operation: JSONValue = ["op": .string(name), "path": .string(path)]
        if let body, var object = operation.objectValue {
            object["body"] = body
            operation = .object(object)
        }
        operations.append(operation)
        commandOfOperation.append(position)
    }
}

// OVN's option keys for what this API keeps as fields of a port.
let requestedChassisKey = "requested-chassis"
let activationStrategyKey = "activation-strategy"
let virtualIPKey = "virtual-ip"
let virtualParentsKey = "virtual-parents"

/// OVN's words for a reference to nothing.
func notFound(_ reference: String, _ kind: String) -> ClientError {
    .refused("\(reference): \(kind) \(ObjectID(reference) == nil ? "name" : "UUID") not found")
}
