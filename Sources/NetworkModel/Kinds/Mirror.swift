import JSON
import Southbound
import Wire

/// A place that the frames of ports are copied to which refer to it (OVN_Northbound `Mirror`).
public struct Mirror: Hashable, Sendable {
    /// 1 ... 128 bytes of `[A-Za-z0-9._:@-]`, not shaped like a UUID, fixed at creation, unique in the project.
    public var name: String
    /// The kind of the place.
    public var type: MirrorSession.Sink
    /// The direction of the frames that are copied.
    public var filter: MirrorSession.Direction
    /// For `gre` and `erspan` the address of a collector, for `lport` the name of a logical port, for `local` that of a
    /// port of the host.
    public var sink: String
    /// The key of GRE, or the index of ERSPAN, whose session has the lowest 10 bits.
    public var index: UInt32 = 0
    /// The rules about which frames are copied, in the user's order; all are, unless a rule says otherwise.
    public var rules: [MirrorSession.Rule] = []
    /// The user's own marks; at most 64.
    public var labels: [String: String] = [:]
    /// The server knows nothing of mirrors.
    public var status = NoStatus()
}

extension Mirror: Kind {
    public static let kind = ObjectKind.mirror
    public static let names = KindNames(row: "mirror", singular: "mirror", plural: "mirrors", aliases: [])
    public static var table: WritableKeyPath<NorthboundDatabase, Table<Mirror>> { \.mirrors }
    public static let fields = Fields<Mirror>([
        .name,
        Field("type", "string", { $0.type }, { $0.type = $1 }, .word) { (reader) throws(Refusal) in
            try word(reader, "type")
        },
        Field("filter", "string", { $0.filter }, { $0.filter = $1 }, .word) { (reader) throws(Refusal) in
            try word(reader, "filter")
        },
        Field("sink", "string", { $0.sink }, { $0.sink = $1 }, .text) { (reader) throws(Refusal) in
            guard let sink = try reader.string("sink"), !sink.isEmpty else { throw missing("sink", reader) }
            return sink
        },
        Field("index", "integer", { $0.index }, { $0.index = $1 }, .integer(in: 0...UInt32.max), read: index),
        Field("mirror_rules", "array", { $0.rules }, { $0.rules = $1 }, .list(MirrorSession.Rule.codec), read: rules),
        .texts("labels", { $0.labels }, { $0.labels = $1 }),
    ])
    public static let blank = Mirror(name: "", type: .gre, filter: .both, sink: "")

    private static func word<Word: RawRepresentable & CaseIterable>(
        _ reader: BodyReader,
        _ name: String
    ) throws(Refusal) -> Word where Word.RawValue == String {
        guard let text = try reader.string(name) else { throw missing(name, reader) }
        guard let word = Word(rawValue: text) else {
            let detail = "The \"\(name)\" of a mirror is one of \(words(Word.self)), not \(quoted(text))."
            throw Refusal(.invalidValue, detail, pointer: reader.pointer(name))
        }
        return word
    }

    static func words<Word: RawRepresentable & CaseIterable>(_ type: Word.Type) -> String
    where Word.RawValue == String { Word.allCases.map(\.rawValue).joined(separator: ", ") }

    private static func missing(_ name: String, _ reader: BodyReader) -> Refusal {
        Refusal(.missingField, "\(reader.noun) needs \"\(name)\".", pointer: reader.pointer(name))
    }

    private static func index(_ reader: BodyReader) throws(Refusal) -> UInt32 {
        UInt32(clamping: try reader.integer("index", default: 0, in: 0...Int64(UInt32.max)))
    }

    /// Checks that the sink is what the type needs.
    public static func check(_ stored: Stored<Mirror>, in database: NorthboundDatabase) throws(Refusal) {
        let mirror = stored.value
        switch mirror.type {
        case .gre, .erspan:
            guard let address = IPAddress(mirror.sink), address.description == mirror.sink, address.isOfOneHost else {
                let detail = "\(quoted(mirror.sink)) is not the IP address of a collector, such as 192.0.2.9."
                throw Refusal(.invalidValue, detail, pointer: "/sink")
            }
        case .logicalPort, .local:
            if let problem = ObjectName.problem(mirror.sink) {
                let detail = "\(quoted(mirror.sink)) cannot be a port's name: \(problem)."
                throw Refusal(.invalidValue, detail, pointer: "/sink")
            }
        }
        if mirror.type == .erspan, mirror.index > MirrorSession.erspanIndexMaximum {
            let detail = "The \"index\" of ERSPAN is at most \(MirrorSession.erspanIndexMaximum)."
            throw Refusal(.invalidValue, detail, pointer: "/index")
        }
    }

    /// The place that hosts are told.
    public static func record(of stored: Stored<Mirror>, in transaction: inout Transaction) -> Record? {
        Translation.record(of: stored)
    }

    public static func recordKey(of id: ObjectID) -> RecordKey? { .mirrorSession(id) }
}
