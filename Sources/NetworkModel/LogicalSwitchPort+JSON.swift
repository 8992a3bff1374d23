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

    /// The port that a body asks for: a new one, or what is to stand in the place of `current`.
    init(
        body: JSONValue,
        replacing current: Stored<LogicalSwitchPort>?,
        origin: Origin,
        in database: NorthboundDatabase,
        pointer: String
    ) throws(Refusal) {
        let reader = try BodyReader(body, noun: "A port", known: Self.members, id: current?.id, prefix: pointer)
        let name = try reader.name(fixed: current?.value.name ?? origin.name, isCreation: current == nil)
        let switchID =
            if let current {
                try Self.unchangedSwitch(of: current, reader, database)
            } else {
                try Self.newSwitch(origin.switchReference, reader, database)
            }
        let status = current?.value.status ?? Status(isUp: false, chassis: nil, tunnelKey: 0, reason: .notPlugged)
        self.init(name: name, switchID: switchID, status: status)
        try take(reader)
    }

    /// The port that a merge patch (RFC 7396) of `current` asks for.
    init(
        patch: JSONValue,
        of current: Stored<LogicalSwitchPort>,
        in database: NorthboundDatabase,
        pointer: String
    ) throws(Refusal) {
        let reader = try BodyReader(
            patch,
            noun: "A patch of a port",
            known: Self.members,
            id: current.id,
            prefix: pointer,
            isPatch: true
        )
        self = current.value
        _ = try reader.name(fixed: name, isCreation: false)
        _ = try Self.unchangedSwitch(of: current, reader, database)
        try take(reader)
    }

    /// Takes over what a body decides but for the name and the switch. What a patch leaves alone costs nothing.
    private mutating func take(_ reader: BodyReader) throws(Refusal) {
        if reader.decides("type") { type = try Self.type(reader) }
        if reader.decides("addresses") { setAddresses(try Self.addresses(reader)) }
        if reader.decides("port_security") { portSecurity = try Self.portSecurity(reader) }
        if reader.decides("enabled") { isEnabled = try reader.bool("enabled", default: true) }
        if reader.decides("requested_chassis") { requestedChassis = try Self.requestedChassis(reader) }
        if reader.decides("options") { options = try Self.options(reader, patching: options) }
        if reader.decides("labels") { labels = try reader.map("labels", patching: labels) }
    }

    private static func unchangedSwitch(
        of current: Stored<LogicalSwitchPort>,
        _ reader: BodyReader,
        _ database: NorthboundDatabase
    ) throws(Refusal) -> ObjectID {
        guard let text = try reader.fixedString("switch") else { return current.value.switchID }
        guard database.logicalSwitch(Reference(text))?.id == current.value.switchID else {
            let name = database.switches[current.value.switchID]?.value.name ?? ""
            throw Refusal(
                .immutableField,
                "The port \"\(current.value.name)\" stays on the switch \"\(name)\"; delete it and create it anew.",
                pointer: reader.pointer("switch")
            )
        }
        return current.value.switchID
    }

    private static func newSwitch(
        _ origin: Reference?,
        _ reader: BodyReader,
        _ database: NorthboundDatabase
    ) throws(Refusal) -> ObjectID {
        var switchID: ObjectID?
        if let origin {
            guard let found = database.logicalSwitch(origin) else {
                throw Refusal(.notFound, "There is no switch \(quoted(origin.description)).")
            }
            switchID = found.id
        }
        guard let text = try reader.string("switch") else {
            guard let switchID else {
                throw Refusal(
                    .missingField,
                    "A port needs the \"switch\" that it is on.",
                    pointer: reader.pointer("switch")
                )
            }
            return switchID
        }
        guard let found = database.logicalSwitch(Reference(text)) else {
            throw Refusal(
                .referenceNotFound,
                "There is no switch \(quoted(text)); create it first.",
                pointer: reader.pointer("switch")
            )
        }
        guard switchID == nil || switchID == found.id else {
            throw Refusal(
                .invalidValue,
                "The body says the switch \(quoted(text)), the path another one; leave \"switch\" out.",
                pointer: reader.pointer("switch")
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
                    "The chassis \"\(name)\" stands twice.",
                    pointer: reader.pointer("requested_chassis", "\(index)")
                )
            }
        }
        return names
    }

    private static func options(
        _ reader: BodyReader,
        patching current: [String: String]
    ) throws(Refusal) -> [String: String] {
        let options = try reader.map("options", patching: current)
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
