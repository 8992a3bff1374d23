import JSON
import Wire

/// The reason why a JSON object is no southbound record.
public enum RecordError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A kind that this version does not know; a reader of a feed leaves such records out.
    case unknownKind(String)
    /// A member that is missing, of another type or out of range.
    case badMember(kind: String, name: String)

    /// One clause for a log.
    public var description: String {
        switch self {
        case .unknownKind(let kind): "a record of the unknown kind \"\(kind)\""
        case .badMember(let kind, let name): "a \(kind) whose \"\(name)\" is missing or invalid"
        }
    }
}

extension Record {
    /// The canonical JSON of the record.
    public var json: JSONValue {
        switch self {
        case .chassis(let chassis): Chassis.members.json(of: chassis)
        case .datapathBinding(let datapath): DatapathBinding.members.json(of: datapath)
        case .portBinding(let port): PortBinding.members.json(of: port)
        case .dhcpResponder(let responder): DHCPResponder.members.json(of: responder)
        case .dnsResponder(let responder): DNSResponder.members.json(of: responder)
        case .mirrorSession(let session): MirrorSession.members.json(of: session)
        }
    }

    /// Appends the canonical JSON of the record.
    func write(to text: inout [UInt8]) {
        switch self {
        case .chassis(let chassis): Chassis.members.write(chassis, to: &text)
        case .datapathBinding(let datapath): DatapathBinding.members.write(datapath, to: &text)
        case .portBinding(let port): PortBinding.members.write(port, to: &text)
        case .dhcpResponder(let responder): DHCPResponder.members.write(responder, to: &text)
        case .dnsResponder(let responder): DNSResponder.members.write(responder, to: &text)
        case .mirrorSession(let session): MirrorSession.members.write(session, to: &text)
        }
    }

    /// The text of the canonical JSON of the record.
    public var bytes: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(512)
        write(to: &text)
        // As long as it is: it is kept as long as the record.
        return Array(text[...])
    }

    /// The record of this kind that a JSON object stands for; members that this version does not know are passed over,
    /// so that older readers take newer records.
    /// - Throws: ``RecordError`` for a member that cannot be.
    public init(_ kind: RecordKind, json: JSONValue) throws(RecordError) {
        func read<Value>(_ members: [JSONMember<Value>], into blank: Value) throws(RecordError) -> Value {
            var value = blank
            if let name = members.read(json, into: &value) { throw .badMember(kind: kind.rawValue, name: name) }
            return value
        }
        switch kind {
        case .chassis: self = .chassis(try read(Chassis.members, into: .blank))
        case .datapathBinding: self = .datapathBinding(try read(DatapathBinding.members, into: .blank))
        case .portBinding: self = .portBinding(try read(PortBinding.members, into: .blank))
        case .dhcpResponder: self = .dhcpResponder(try read(DHCPResponder.members, into: .blank))
        case .dnsResponder: self = .dnsResponder(try read(DNSResponder.members, into: .blank))
        case .mirrorSession: self = .mirrorSession(try read(MirrorSession.members, into: .blank))
        }
    }

    /// The record of a kind that a text names.
    /// - Throws: ``RecordError`` for a kind that this version does not know, or a member that cannot be.
    public init(kind: String, json: JSONValue) throws(RecordError) {
        guard let known = RecordKind(rawValue: kind) else { throw .unknownKind(kind) }
        try self.init(known, json: json)
    }
}

extension RecordKind {
    /// The members of the JSON of such records, in their order.
    public var members: [String] {
        switch self {
        case .chassis: Chassis.members.map(\.name)
        case .datapathBinding: DatapathBinding.members.map(\.name)
        case .portBinding: PortBinding.members.map(\.name)
        case .dhcpResponder: DHCPResponder.members.map(\.name)
        case .dnsResponder: DNSResponder.members.map(\.name)
        case .mirrorSession: MirrorSession.members.map(\.name)
        }
    }
}

extension RecordKind: Comparable {
    /// Orders as answers do.
    public static func < (left: RecordKind, right: RecordKind) -> Bool { left.rank < right.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension RecordKey {
    /// The names of the kinds of record, in the order that answers have.
    public static let kinds = RecordKind.allCases.map(\.rawValue)

    /// The key with this `id` of the feed; `nil` for what is no identity.
    public init?(_ kind: RecordKind, id: String) {
        guard kind != .chassis else {
            self = .chassis(id)
            return
        }
        guard let id = ObjectID(id) else { return nil }
        switch kind {
        case .chassis: return nil
        case .datapathBinding: self = .datapathBinding(id)
        case .portBinding: self = .portBinding(id)
        case .dhcpResponder: self = .dhcpResponder(id)
        case .dnsResponder: self = .dnsResponder(id)
        case .mirrorSession: self = .mirrorSession(id)
        }
    }

    /// The key with this `kind` and `id` of the feed, or `nil` for a kind that this version does not know.
    public init?(kind: String, id: String) {
        guard let known = RecordKind(rawValue: kind) else { return nil }
        self.init(known, id: id)
    }
}
