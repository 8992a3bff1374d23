import JSON
import Wire

/// Why bytes of the log are no object.
public struct StoredError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One clause: what was found.
    public let description: String

    /// An error with one clause that says what was found.
    public init(_ description: String) { self.description = description }
}

extension Stored {
    /// The members of the canonical JSON: the user's, then the server's.
    func withServerMembers(_ user: [(name: String, value: JSONValue)], status: JSONValue) -> JSONObject {
        let updated = JSONValue.string(Timestamp(seconds: updatedAt).description)
        let server: [(name: String, value: JSONValue)] = [
            ("id", .string(id.description)),
            ("owner", owner.map { .string($0) } ?? .null),
            ("revision", .integer(Int64(clamping: revision))),
            ("config_revision", .integer(Int64(clamping: configRevision))),
            ("created_at", createdAt == updatedAt ? updated : .string(Timestamp(seconds: createdAt).description)),
            ("updated_at", updated),
            ("status", status),
        ]
        return JSONObject(distinct: user + server)
    }

    init(_ reader: StoredReader, value: Value, bytes: [UInt8]) throws(StoredError) {
        guard let id = ObjectID(try reader.string("id")) else { throw StoredError("an object without an id") }
        self.init(
            id: id,
            value: value,
            owner: reader.owner,
            revision: try reader.integer("revision"),
            configRevision: try reader.integer("config_revision"),
            createdAt: try reader.time("created_at"),
            updatedAt: try reader.time("updated_at"),
            bytes: bytes
        )
    }
}

/// Reads an object that the log keeps. It was checked when it was made, so a member that is not as it has to be
/// means a damaged log.
struct StoredReader {
    private let json: JSONValue

    init(_ bytes: [UInt8]) throws(StoredError) {
        do {
            json = try JSONParser.parse(bytes)
        } catch {
            throw StoredError("an object that is not JSON: \(error)")
        }
    }

    private init(_ json: JSONValue) { self.json = json }

    func status() throws(StoredError) -> StoredReader {
        guard let status = json["status"] else { throw bad("status") }
        return StoredReader(status)
    }

    private func bad(_ name: String) -> StoredError {
        StoredError("an object whose \"\(name)\" is missing or invalid")
    }

    func string(_ name: String) throws(StoredError) -> String {
        guard let text = json[name]?.stringValue else { throw bad(name) }
        return text
    }

    func optionalString(_ name: String) throws(StoredError) -> String? {
        if json[name] == .null { nil } else { try string(name) }
    }

    /// The log of an older version has objects without an owner.
    var owner: String? { json["owner"]?.stringValue }

    func bool(_ name: String) throws(StoredError) -> Bool {
        guard let bool = json[name]?.boolValue else { throw bad(name) }
        return bool
    }

    func integer<Value: FixedWidthInteger>(_ name: String) throws(StoredError) -> Value {
        guard let value = json[name]?.integerValue.flatMap(Value.init(exactly:)) else { throw bad(name) }
        return value
    }

    func time(_ name: String) throws(StoredError) -> Int64 {
        guard let time = Timestamp(try string(name)) else { throw bad(name) }
        return time.seconds
    }

    func strings(_ name: String) throws(StoredError) -> [String] {
        guard let values = json[name]?.arrayValue else { throw bad(name) }
        let strings = values.compactMap(\.stringValue)
        guard strings.count == values.count else { throw bad(name) }
        return strings
    }

    /// The objects of a list; none where it is missing.
    func objects(_ name: String) throws(StoredError) -> [StoredReader] {
        guard let value = json[name] else { return [] }
        guard let values = value.arrayValue else { throw bad(name) }
        return values.map { StoredReader($0) }
    }

    func map(_ name: String) throws(StoredError) -> [String: String] {
        guard let members = json[name]?.objectValue?.members else { throw bad(name) }
        var map: [String: String] = [:]
        for (key, value) in members {
            guard let text = value.stringValue else { throw bad(name) }
            map[key] = text
        }
        return map
    }
}

/// Labels or options as JSON, by key.
func labelsJSON(_ labels: [String: String]) -> JSONValue {
    let sorted = labels.sorted { $0.key < $1.key }
    return .object(JSONObject(distinct: sorted.map { (name: $0.key, value: .string($0.value)) }))
}
