import JSON
import Wire

/// The reason why a body is no sync.
public struct SyncRequestError: Error, Equatable, Sendable {
    /// The JSON pointer of the member (RFC 6901); `""` is the whole body.
    public let pointer: String
    /// True if the member is missing rather than wrong.
    public let isMissing: Bool
    /// One sentence: what is wrong.
    public let detail: String
}

extension SyncRequest {
    /// The body that an agent sends.
    public var json: JSONValue {
        let json: JSONValue = [
            "chassis_id": .string(chassisID),
            "boot_id": .string(bootID),
            "seq": .integer(Int64(clamping: seq)),
            "version": .string(version),
            "features": .array(features.map { .string($0) }),
            "hostname": .string(hostname),
            "epoch": epoch.map { .string(hexadecimal($0)) } ?? .null,
            "since": .integer(Int64(clamping: since)),
            "applied": .integer(Int64(clamping: applied)),
            "wait": .integer(Int64(wait)),
            "encaps": .array(encaps.map(\.json)),
            "ports": .array(ports.map(\.json)),
            "errors": .array(errors.map(\.json)),
        ]
        var optional = JSONObject()
        if let hash { optional["hash"] = .string(hexadecimal(hash)) }
        if !tunnelKeys.isEmpty { optional["tunnel_keys"] = .array(tunnelKeys.map { .string($0) }) }
        if !physicalNetworks.isEmpty {
            optional["physical_networks"] = .array(physicalNetworks.map { .string($0) })
        }
        if let page { optional["page"] = .string(page.description) }
        if let held { optional["held"] = held.json }
        if let machine { optional["machine"] = .string(machine) }
        if isLeaving { optional["leaving"] = true }
        return optional.members.isEmpty ? json : json.merged(with: .object(optional))
    }

    /// The sync that a body stands for. Unknown members are ignored, so that a newer agent is understood.
    /// - Throws: ``SyncRequestError`` at the first member that is missing, of another type or out of bounds.
    public init(json: JSONValue) throws(SyncRequestError) {
        let body = JSONReader(json)
        guard json.objectValue != nil else { throw body.failure("", "a sync is a JSON object") }
        let epoch = try body.digits("epoch", "an epoch")
        let hash = try body.digits("hash", "a hash")
        guard hash == nil || epoch != nil else {
            throw body.failure("hash", "\"hash\" has no effect without \"epoch\"")
        }
        chassisID = try body.identity("chassis_id")
        bootID = try body.identity("boot_id")
        seq = try body.number("seq")
        version = try body.text("version", default: "")
        features = try body.list("features", atMost: Self.featureCountMaximum) {
            (element: JSONReader) throws(SyncRequestError) in try element.ownText()
        }
        hostname = try body.text("hostname", default: "")
        self.epoch = epoch
        since = try body.number("since", default: 0)
        self.hash = hash
        applied = try body.number("applied", default: 0)
        let wanted = try body.number("wait", default: UInt64(Self.waitDefault))
        wait = Int(clamping: min(wanted, UInt64(Self.waitMaximum)))
        page = try body.page("page")
        encaps = try body.encaps()
        tunnelKeys = try body.list("tunnel_keys", atMost: Chassis.tunnelKeyCountMaximum) {
            (element: JSONReader) throws(SyncRequestError) in
            let key = try element.ownText()
            guard Chassis.isTunnelKey(key) else {
                throw element.failure("", "a public key has 64 hexadecimal digits")
            }
            return key
        }
        physicalNetworks = try body.list("physical_networks", atMost: Chassis.physicalNetworkCountMaximum) {
            (element: JSONReader) throws(SyncRequestError) in try element.ownText()
        }.sorted()
        ports = try body.list("ports", atMost: Self.portCountMaximum) {
            (element: JSONReader) throws(SyncRequestError) in try PluggedPort(element)
        }.sorted(by: PluggedPort.isInOrder)
        errors = try body.list("errors", atMost: Self.errorCountMaximum) {
            (element: JSONReader) throws(SyncRequestError) in try HostError(element)
        }
        held = try body.held("held")
        machine = json["machine"] == nil ? nil : try body.identity("machine")
        isLeaving = try body.bool("leaving", default: false)
    }
}

extension SyncRequest.PluggedPort {
    var json: JSONValue {
        let json: JSONValue = [
            "logical_port": .string(logicalPort),
            "interface": .string(interface),
            "claim": .integer(Int64(clamping: claim)),
            "up": .bool(isUp),
        ]
        var optional = JSONObject()
        if isSetAside { optional["set_aside"] = true }
        if let activated { optional["activated"] = .integer(Int64(clamping: activated)) }
        if !parent.isEmpty { optional["parent"] = .string(parent) }
        return optional.members.isEmpty ? json : json.merged(with: .object(optional))
    }

    fileprivate init(_ reader: JSONReader) throws(SyncRequestError) {
        self.init(
            logicalPort: try reader.text("logical_port"),
            interface: try reader.text("interface", default: ""),
            claim: try reader.number("claim"),
            isUp: try reader.bool("up", default: false),
            isSetAside: try reader.bool("set_aside", default: false),
            parent: try reader.text("parent", default: ""),
            activated: reader["activated"] == nil ? nil : try reader.number("activated")
        )
    }
}

extension SyncRequest.HostError {
    var json: JSONValue { ["logical_port": .string(logicalPort), "detail": .string(detail)] }

    fileprivate init(_ reader: JSONReader) throws(SyncRequestError) {
        self.init(
            logicalPort: try reader.message("logical_port"),
            detail: try reader.message("detail")
        )
    }
}

/// The members of a sync, in the words that an agent is answered with.
extension JSONReader {
    fileprivate func failure(_ name: String, _ detail: String, isMissing: Bool = false) -> SyncRequestError {
        SyncRequestError(
            pointer: name.isEmpty ? pointer : pointer(to: name),
            isMissing: isMissing,
            detail: detail
        )
    }

    private func missing(_ name: String) -> SyncRequestError {
        failure(name, "a sync needs \"\(name)\"", isMissing: true)
    }

    fileprivate func text(_ name: String, default fallback: String? = nil) throws(SyncRequestError) -> String {
        guard let member = self[name] else {
            guard let fallback else { throw missing(name) }
            return fallback
        }
        return try member.ownText()
    }

    /// A text that people are shown.
    fileprivate func ownText() throws(SyncRequestError) -> String {
        let text = try ownMessage()
        guard !text.hasControlCharacters else {
            throw failure("", "this must not have control characters, such as line breaks")
        }
        return text
    }

    /// A host's error may quote anything; it is escaped where it is printed.
    fileprivate func message(_ name: String) throws(SyncRequestError) -> String {
        try self[name]?.ownMessage() ?? ""
    }

    private func ownMessage() throws(SyncRequestError) -> String {
        guard let text = value.stringValue, text.utf8.count <= SyncRequest.textByteCountMaximum else {
            throw failure("", "this has to be a string of at most \(SyncRequest.textByteCountMaximum) bytes")
        }
        return text
    }

    fileprivate func identity(_ name: String) throws(SyncRequestError) -> String {
        let text = try text(name)
        guard (1...SyncRequest.identityByteCountMaximum).contains(text.utf8.count) else {
            throw failure(name, "\"\(name)\" has 1 to \(SyncRequest.identityByteCountMaximum) bytes")
        }
        return text
    }

    fileprivate func number(_ name: String, default fallback: UInt64? = nil) throws(SyncRequestError) -> UInt64 {
        guard let value = self.value[name] else {
            guard let fallback else { throw missing(name) }
            return fallback
        }
        guard let number = value.integerValue.flatMap(UInt64.init(exactly:)) else {
            throw failure(name, "\"\(name)\" has to be an integer from 0 on")
        }
        return number
    }

    fileprivate func bool(_ name: String, default fallback: Bool) throws(SyncRequestError) -> Bool {
        guard let value = self.value[name] else { return fallback }
        guard let bool = value.boolValue else { throw failure(name, "\"\(name)\" has to be true or false") }
        return bool
    }

    fileprivate func digits(_ name: String, _ what: String) throws(SyncRequestError) -> UInt64? {
        guard let value = self.value[name], value != .null, value != "" else { return nil }
        guard let number = value.stringValue.flatMap(epochValue) else {
            throw failure(name, "\(what) has 16 hexadecimal digits")
        }
        return number
    }

    fileprivate func page(_ name: String) throws(SyncRequestError) -> FeedPage? {
        guard let value = self.value[name], value != .null else { return nil }
        guard let page = value.stringValue.flatMap({ FeedPage($0) }) else {
            throw failure(name, "\"\(name)\" has to be the \"next_page\" of an answer")
        }
        return page
    }

    fileprivate func held(_ name: String) throws(SyncRequestError) -> HeldShare? {
        guard let value = self.value[name], value != .null else { return nil }
        guard let held = HeldShare(json: value) else {
            throw failure(name, "\"\(name)\" tells two epochs and revisions, and how many ports would go")
        }
        return held
    }

    fileprivate func encaps() throws(SyncRequestError) -> [Encap] {
        let encaps = try list("encaps", atMost: SyncRequest.encapCountMaximum) {
            (element: JSONReader) throws(SyncRequestError) in
            guard let encap = Encap(json: element.value) else {
                throw element.failure("", "an encap is {\"type\":\"geneve\",\"ip\":UNICAST-ADDRESS}")
            }
            if let reason = encap.ip.reasonAgainstTunnel {
                throw element.failure("ip", "tunnels cannot end at \(encap.ip): \(reason)")
            }
            return encap
        }
        guard !encaps.isEmpty else { throw missing("encaps") }
        return encaps
    }

    fileprivate func list<Element>(
        _ name: String,
        atMost maximum: Int,
        _ read: (JSONReader) throws(SyncRequestError) -> Element
    ) throws(SyncRequestError) -> [Element] {
        guard let list = self[name] else { return [] }
        guard list.value.arrayValue?.count ?? .max <= maximum, let elements = list.elements else {
            throw failure(name, "\"\(name)\" has to be an array of at most \(maximum) elements")
        }
        return try elements.map { element throws(SyncRequestError) in try read(element) }
    }
}
