import JSON
import Wire

extension StoredPorts {
    private static let kind = "ports"
    private static let format = 1

    public var fileBytes: [UInt8] {
        var content: JSONValue = ["last_claim": number(lastClaim), "ports": .array(ports.map(\.json))]
        if !virtualPlugs.isEmpty {
            content = content.merged(with: ["virtual_ports": .array(virtualPlugs.map(\.json))])
        }
        return StateFile.seal(kind: Self.kind, format: Self.format, content.bytes + [UInt8(ascii: "\n")])
    }

    /// The ports in a ports file.
    /// - Throws: ``StateFile/Failure``; the caller must not go on as if there were no ports, for that releases all.
    public init(fileBytes: [UInt8]) throws(StateFile.Failure) {
        let content = try StateFile.open(kind: Self.kind, format: Self.format, fileBytes)
        guard let json = try? JSONParser.parse(Array(content)) else { throw .content("is not JSON") }
        guard let lastClaim = unsigned(json["last_claim"]), let elements = json["ports"]?.arrayValue else {
            throw .content("lacks \"last_claim\" or \"ports\"")
        }
        var ports: [StoredPort] = []
        var names: Set<String> = []
        for element in elements {
            guard let port = StoredPort(json: element), port.claim <= lastClaim else {
                throw .content("has an invalid port: \(element.text.prefix(200))")
            }
            guard names.insert(port.specification.name).inserted else {
                throw .content("names the port \(port.specification.name) twice")
            }
            ports.append(port)
        }
        // An entry that cannot be read is claimed anew when its parent announces the address again.
        let virtual = json["virtual_ports"]?.arrayValue?.compactMap { StoredVirtualPlug(json: $0) } ?? []
        self.init(lastClaim: lastClaim, ports: ports, virtualPlugs: virtual.filter { $0.claim <= lastClaim })
    }
}

extension StoredPort {
    fileprivate var json: JSONValue {
        var json = specification.json
        json["owned"] = .bool(isOwned)
        json["claim"] = number(claim)
        json["set_aside"] = .bool(isSetAside)
        json["lost_to"] = lostTo.map { .string($0) } ?? .null
        json["leaving"] = .bool(isLeaving)
        // All 64 bits may be in use.
        json["activation_mark"] = activationMark.map { .string(hexadecimal($0)) }
        // Numbers of namespaces are valid as long as the host runs, and so are the descriptors.
        json["namespace"] = place.namespace.map { number($0) } ?? .null
        json["pinned"] = .bool(place.isPinned)
        return .object(json)
    }

    /// The port of a stored object. A file may contain only what a request may.
    fileprivate init?(json: JSONValue) {
        guard let object = json.objectValue, let name = json["name"]?.stringValue else { return nil }
        guard let isOwned = json["owned"]?.boolValue, let isLeaving = json["leaving"]?.boolValue else { return nil }
        guard let claim = unsigned(json["claim"]) else { return nil }
        var fields = object
        for field in Self.ownFields { fields[field] = nil }
        guard let request = try? PortRequest(name: name, body: .object(fields)) else { return nil }
        self.init(
            specification: request.specification,
            isOwned: isOwned,
            claim: claim,
            // A file of an older version has only the taker.
            isSetAside: json["set_aside"]?.boolValue ?? (json["lost_to"]?.stringValue != nil),
            lostTo: json["lost_to"]?.stringValue,
            activationMark: json["activation_mark"]?.stringValue.flatMap { UInt64($0, radix: 16) },
            isLeaving: isLeaving,
            place: DevicePlace(namespace: unsigned(json["namespace"]), isPinned: json["pinned"]?.boolValue ?? false)
        )
    }

    /// The members that a stored port has beyond a request.
    private static let ownFields = [
        "name", "owned", "claim", "set_aside", "lost_to", "activation_mark", "leaving", "namespace", "pinned",
    ]
}

extension StoredVirtualPlug {
    fileprivate var json: JSONValue {
        [
            "logical_port": .string(logicalPort), "parent": .string(parent), "claim": number(claim),
            "bound_sequence": number(boundSequence),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let logicalPort = json["logical_port"]?.stringValue, let parent = json["parent"]?.stringValue,
            let claim = unsigned(json["claim"]), let boundSequence = unsigned(json["bound_sequence"])
        else { return nil }
        self.init(logicalPort: logicalPort, parent: parent, claim: claim, boundSequence: boundSequence)
    }
}

extension PortSpecification {
    /// The fields of the port, as the socket and the ports file have them.
    var json: JSONObject {
        var json = JSONObject()
        json["name"] = .string(name)
        json["logical_port"] = .string(logicalPort)
        // Left out for a TAP, so that an older agent reads the file.
        json["device"] = device == .tap ? nil : .string(device.rawValue)
        json[device == .vhostUser ? "socket" : "interface"] = .string(interface)
        json["netns"] = netns.map { .string($0) } ?? .null
        json["mac"] = mac.map { .string($0.description) } ?? .null
        json["addresses"] = .array(addresses.map { .string($0.description) })
        json["mtu"] = mtu.map { .integer(Int64($0)) } ?? .null
        return json
    }
}

/// A count as JSON has it; more than 2^63 - 1 does not occur.
func number(_ value: UInt64) -> JSONValue { .integer(Int64(clamping: value)) }

/// A count in JSON, if it is one.
func unsigned(_ value: JSONValue?) -> UInt64? { value?.integerValue.flatMap { UInt64(exactly: $0) } }
