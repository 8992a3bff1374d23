import JSON
import Persistent
import Southbound
import Wire

/// Nested ports: a guest that has guests of its own, such as containers, sends the frames of each with a tag of its own
/// (OVN's `parent_name`, `tag_request` and `tag`).
extension LogicalSwitchPort {
    /// The tags that nested ports have, as in OVN.
    static let tagRange: ClosedRange<UInt16> = 1...4095
    /// The most nested ports of one parent: they are bound in the commit in which the parent is.
    public static let nestedPortCountMaximum = 1024

    public var isNested: Bool { parentName != nil }

    /// The port that hosts plug in for this one.
    public var pluggedName: String { parentName ?? name }

    static func parentName(_ reader: BodyReader) throws(Refusal) -> String? {
        guard let name = try reader.optionalString("parent_name") else { return nil }
        if let problem = ObjectName.problem(name) {
            let detail = "\(quoted(name)) cannot be a port: \(problem)."
            throw Refusal(.invalidValue, detail, pointer: reader.pointer("parent_name"))
        }
        return name
    }

    static func tagRequest(_ reader: BodyReader) throws(Refusal) -> UInt16? {
        guard let value = reader.value("tag_request"), value != .null else { return nil }
        let tag = try reader.integer("tag_request", default: 0, in: 0...Int64(tagRange.upperBound))
        return UInt16(clamping: tag)
    }

    /// Gives a nested port the tag that it asks for; for 0 the one that it has already, else the lowest free one.
    mutating func allocateTag(_ id: ObjectID, in transaction: Transaction) throws(Refusal) {
        guard let parentName, let tagRequest else {
            status.tag = nil
            return
        }
        status.tag = tagRequest
        guard tagRequest == 0 else { return }
        let ports = transaction.network.northbound.ports
        if let old = ports[id]?.value, old.parentName == parentName, let tag = old.status.tag {
            status.tag = tag
            return
        }
        var tag = Self.tagRange.lowerBound
        for taken in ports.index.nested[parentName] ?? OrderedMap() where taken.key == tag { tag += 1 }
        guard Self.tagRange.contains(tag) else {
            let detail = "All tags of the parent \"\(parentName)\" are in use; delete one of its nested ports first."
            throw Refusal(.limitExceeded, detail, pointer: "/tag_request")
        }
        status.tag = tag
    }

    /// Checks that a nested port says no more than it can have, that its tag is no other one's, and that its parent is
    /// not nested itself.
    static func checkNested(_ stored: Stored<LogicalSwitchPort>, _ database: NorthboundDatabase) throws(Refusal) {
        let port = stored.value
        let children = database.ports.index.nested[port.name]
        guard let parent = port.parentName else {
            guard port.tagRequest == nil || port.isLocalnet || port.isL2Gateway else {
                let detail =
                    "\"tag_request\" is for nested ports, which have a \"parent_name\", and localnet and l2gateway "
                    + "ports."
                throw Refusal(.invalidValue, detail, pointer: "/tag_request")
            }
            guard children == nil || port.type.isEmpty else {
                let detail = "The port has nested ports, so it cannot be of another type."
                throw Refusal(.invalidValue, detail, pointer: "/type")
            }
            return
        }
        guard let tag = port.status.tag else {
            let detail = "A nested port needs \"tag_request\": its tag, or 0 for one that central chooses."
            throw Refusal(.missingField, detail, pointer: "/tag_request")
        }
        if let (field, reason) = port.obstacleToNesting {
            throw Refusal(.invalidValue, "A nested port has no \"\(field)\": \(reason).", pointer: "/\(field)")
        }
        guard parent != port.name else {
            throw Refusal(.invalidValue, "A port cannot be its own parent.", pointer: "/parent_name")
        }
        guard children == nil else {
            let detail = "The port has nested ports, so it cannot be nested itself."
            throw Refusal(.invalidValue, detail, pointer: "/parent_name")
        }
        if let there = database.port(.name(parent))?.value, there.isNested || !there.type.isEmpty {
            let detail = "The port \"\(parent)\" has no device of its own, so no port can be nested in it."
            throw Refusal(.invalidValue, detail, pointer: "/parent_name")
        }
        let siblings = database.ports.index.nested[parent]
        if let holder = siblings?[tag], holder != stored.id {
            let name = database.ports[holder]?.value.name ?? ""
            throw Refusal(
                .tagConflict,
                "The port \"\(name)\" has the tag \(tag) of \"\(parent)\" already; 0 lets central choose one.",
                pointer: "/tag_request",
                conflictsWith: "/v1/ports/\(name)"
            )
        }
        let isNew = siblings.map { $0[tag] == nil } ?? true
        guard !isNew || siblings?.count ?? 0 < nestedPortCountMaximum else {
            let detail = "\"\(parent)\" has \(nestedPortCountMaximum) nested ports, which is the maximum."
            throw Refusal(.limitExceeded, detail, pointer: "/parent_name")
        }
    }

    /// The field that a nested port cannot have, and why.
    private var obstacleToNesting: (field: String, reason: String)? {
        if !type.isEmpty { return ("type", "it is where its parent is") }
        if !requestedChassis.isEmpty { return ("requested_chassis", "it is where its parent is") }
        if !activationStrategy.isEmpty { return ("activation_strategy", "it moves with its parent") }
        if sendingRate?.isOfAllFrames == true {
            return ("options", "what the device sends is limited by the parent's options")
        }
        return nil
    }
}

extension Transaction {
    /// The nested ports of a port, in the order of their tags.
    public func nestedPorts(of name: String) -> [ObjectID] {
        network.northbound.ports.index.nested[name]?.map(\.value) ?? []
    }
}
