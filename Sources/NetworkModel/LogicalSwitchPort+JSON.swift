import JSON
import Persistent
import Wire

extension LogicalSwitchPort {
    private static let members: Set<String> = [
        "name", "switch", "type", "addresses", "port_security", "enabled", "requested_chassis", "options", "labels",
    ]

    /// The option that switches the ARP/ND responder off for a port, as OVN spells it.
    static let disablesResponder = "disable_arp_nd_rsp"

    /// Whether others' ARP and ND requests for the port's addresses are to be answered on its behalf.
    public var answersNeighbors: Bool {
        options[Self.disablesResponder] != "true" && !addresses.contains(LogicalAddress.unknown.description)
    }

    /// What a user says of the port, whole: with the name of its switch, a body that makes it again.
    public func userJSON(switchName: String) -> JSONValue {
        [
            "name": .string(name),
            "switch": .string(switchName),
            "type": .string(type),
            "addresses": .array(addresses.map { .string($0) }),
            "port_security": .array(portSecurity.map { .string($0) }),
            "enabled": .bool(isEnabled),
            "requested_chassis": .array(requestedChassis.map { .string($0) }),
            "options": labelsJSON(options),
            "labels": labelsJSON(labels),
        ]
    }

    /// Where a new port's name and switch come from beside the body.
    struct Origin {
        /// The name in the path.
        var name: String?
        /// The switch of a nested collection.
        var switchReference: Reference?
    }

    /// Reads a body or a merge patch (RFC 7396). What a patch leaves alone costs nothing.
    static func body(_ json: JSONValue, isPatch: Bool = false) -> ObjectBody<LogicalSwitchPort> {
        ObjectBody(
            json,
            noun: isPatch ? "A patch of a port" : "A port",
            known: members,
            parent: "switch",
            isPatch: isPatch,
            blank: LogicalSwitchPort(
                name: "",
                switchID: ObjectID(high: 0, low: 0),
                status: Status(isUp: false, chassis: nil, tunnelKey: 0, reason: .notPlugged)
            )
        ) { (reader, value) throws(Refusal) in
            if reader.decides("type") { value.type = try type(reader) }
            if reader.decides("addresses") { value.setAddresses(try addresses(reader)) }
            if reader.decides("port_security") { value.portSecurity = try portSecurity(reader) }
            if reader.decides("enabled") { value.isEnabled = try reader.bool("enabled", default: true) }
            if reader.decides("requested_chassis") { value.requestedChassis = try requestedChassis(reader) }
            if reader.decides("options") { value.options = try options(reader) }
            if reader.decides("labels") { value.labels = try reader.map("labels") }
        }
    }

    /// The port that a body asks for: a new one, or the one that takes the place of `current`.
    init(
        _ body: ObjectBody<Self>,
        replacing current: Stored<LogicalSwitchPort>?,
        origin: Origin,
        in database: NorthboundDatabase
    ) throws(Refusal) {
        try body.checkIdentity(current?.id)
        let name = try body.name(fixed: current?.value.name ?? origin.name, isCreation: current == nil)
        let switchID =
            if let current {
                try Self.unchangedSwitch(of: current, body, database)
            } else {
                try Self.newSwitch(origin.switchReference, body, database)
            }
        try body.check(.others)
        self = body.value
        self.name = name
        self.switchID = switchID
        if let current { status = current.value.status }
    }

    /// The port that a merge patch of `current` asks for.
    init(
        patch: ObjectBody<Self>,
        of current: Stored<LogicalSwitchPort>,
        in database: NorthboundDatabase
    ) throws(Refusal) {
        self = current.value
        try patch.checkIdentity(current.id)
        _ = try patch.name(fixed: name, isCreation: false)
        _ = try Self.unchangedSwitch(of: current, patch, database)
        let said = patch.value
        if patch.decides("type") { type = said.type }
        if patch.decides("addresses") { setAddresses(said.logicalAddresses) }
        if patch.decides("port_security") { portSecurity = said.portSecurity }
        if patch.decides("enabled") { isEnabled = said.isEnabled }
        if patch.decides("requested_chassis") { requestedChassis = said.requestedChassis }
        if patch.decides("options") { options = try patch.map("options", said.options, of: options) }
        if patch.decides("labels") { labels = try patch.map("labels", said.labels, of: labels) }
        try patch.check(.others)
    }

    private static func unchangedSwitch(
        of current: Stored<LogicalSwitchPort>,
        _ body: ObjectBody<Self>,
        _ database: NorthboundDatabase
    ) throws(Refusal) -> ObjectID {
        try body.check(.parent)
        guard let text = body.parent else { return current.value.switchID }
        guard database.logicalSwitch(Reference(text))?.id == current.value.switchID else {
            let name = database.switches[current.value.switchID]?.value.name ?? ""
            throw Refusal(
                .immutableField,
                "The port \"\(current.value.name)\" stays on the switch \"\(name)\"; delete it and create it anew.",
                pointer: "/switch"
            )
        }
        return current.value.switchID
    }

    private static func newSwitch(
        _ origin: Reference?,
        _ body: ObjectBody<Self>,
        _ database: NorthboundDatabase
    ) throws(Refusal) -> ObjectID {
        var switchID: ObjectID?
        if let origin {
            guard let found = database.logicalSwitch(origin) else {
                throw Refusal(.notFound, "There is no switch \(quoted(origin.description)).")
            }
            switchID = found.id
        }
        try body.check(.parent)
        guard let text = body.parent else {
            guard let switchID else {
                throw Refusal(.missingField, "A port needs the \"switch\" that it is on.", pointer: "/switch")
            }
            return switchID
        }
        guard let found = database.logicalSwitch(Reference(text)) else {
            throw Refusal(
                .referenceNotFound,
                "There is no switch \(quoted(text)); create it first.",
                pointer: "/switch"
            )
        }
        guard switchID == nil || switchID == found.id else {
            throw Refusal(
                .invalidValue,
                "The body says the switch \(quoted(text)), the path another one; leave \"switch\" out.",
                pointer: "/switch"
            )
        }
        return found.id
    }

    private static func type(_ reader: BodyReader) throws(Refusal) -> String {
        let type = try reader.string("type") ?? ""
        guard type.isEmpty else {
            throw Refusal(
                .unsupported,
                "Ports of the type \(quoted(type)) are not in this version; leave \"type\" empty.",
                pointer: reader.pointer("type")
            )
        }
        return type
    }

    private static func requestedChassis(_ reader: BodyReader) throws(Refusal) -> [String] {
        let names = try reader.strings("requested_chassis", atMost: Limits.requestedChassisCountMaximum)
        for (index, name) in names.enumerated() {
            if let problem = ObjectName.problem(name) {
                throw Refusal(
                    .invalidValue,
                    "\(quoted(name)) cannot be a chassis: \(problem).",
                    pointer: reader.pointer("requested_chassis", "\(index)")
                )
            }
            guard !names[..<index].contains(name) else {
                throw Refusal(
                    .invalidValue,
                    "The chassis \"\(name)\" appears twice.",
                    pointer: reader.pointer("requested_chassis", "\(index)")
                )
            }
        }
        return names
    }

    private static func options(_ reader: BodyReader) throws(Refusal) -> [String: String] {
        let options = try reader.map("options")
        for (key, value) in options.sorted(by: { $0.key < $1.key }) {
            guard key == disablesResponder else {
                throw Refusal(
                    .unsupported,
                    "The option \(quoted(key)) is not in this version; it has only \"\(disablesResponder)\".",
                    pointer: reader.pointer("options", key)
                )
            }
            guard value == "true" || value == "false" else {
                throw Refusal(
                    .invalidValue,
                    "\"\(key)\" is \"true\" or \"false\", not \(quoted(value)).",
                    pointer: reader.pointer("options", key)
                )
            }
        }
        return options
    }
}

extension Stored where Value == LogicalSwitchPort {
    /// The canonical JSON: `{"name","switch","type","addresses","port_security","enabled","requested_chassis",
    /// "options","labels","id","owner","revision","config_revision","created_at","updated_at",
    /// "status":{"up","chassis","tunnel_key","reason","waiting"?:[{"chassis","reason"}]}}`.
    func json(switchName: String) -> JSONValue {
        .object(
            withServerMembers(
                [
                    ("name", .string(value.name)),
                    ("switch", .string(switchName)),
                    ("type", .string(value.type)),
                    ("addresses", .array(value.addresses.map { .string($0) })),
                    ("port_security", .array(value.portSecurity.map { .string($0) })),
                    ("enabled", .bool(value.isEnabled)),
                    ("requested_chassis", .array(value.requestedChassis.map { .string($0) })),
                    ("options", labelsJSON(value.options)),
                    ("labels", labelsJSON(value.labels)),
                ],
                status: value.status.json
            )
        )
    }

    /// The port that canonical JSON stands for, as the log keeps it; its switch has to be in the database.
    init(canonical bytes: [UInt8], in database: NorthboundDatabase) throws(StoredError) {
        let reader = try StoredReader(bytes)
        let switchName = try reader.string("switch")
        guard let switchID = database.switchesByName[ProjectName(switchName)] else {
            throw StoredError("a port on the switch \"\(switchName)\", which is not there")
        }
        let status = try reader.status()
        let value = LogicalSwitchPort(
            name: try reader.string("name"),
            switchID: switchID,
            type: try reader.string("type"),
            addresses: try reader.strings("addresses"),
            portSecurity: try reader.strings("port_security"),
            isEnabled: try reader.bool("enabled"),
            requestedChassis: try reader.strings("requested_chassis"),
            options: try reader.map("options"),
            labels: try reader.map("labels"),
            status: LogicalSwitchPort.Status(
                isUp: try status.bool("up"),
                chassis: try status.optionalString("chassis"),
                tunnelKey: try status.integer("tunnel_key"),
                reason: try status.optionalString("reason").map(LogicalSwitchPort.Status.reason),
                waiting: try LogicalSwitchPort.Status.waiting(status.objects("waiting"))
            )
        )
        try self.init(reader, value: value, bytes: bytes)
    }
}
