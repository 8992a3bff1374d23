import JSON
import Wire

/// The reason why bytes of the log are no object.
public struct StoredError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One clause: what was found.
    public let description: String

    /// An error with one clause that says what was found.
    public init(_ description: String) { self.description = description }
}

/// The members that the server sets, in the order that they have after those of the user. What a body says of them is
/// passed over, save another `id`.
enum ServerMember: String, CaseIterable {
    case id, owner, revision, configRevision = "config_revision", createdAt = "created_at", updatedAt = "updated_at"
    case status

    static let names = allCases.map(\.rawValue)
}

extension Stored where Value: Kind {
    /// The object's name, without a copy of anything else.
    var name: String { shared.value.name }

    /// The canonical JSON: the members of the kind, then the server's.
    func json(in database: NorthboundDatabase) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(640)
        text.append(UInt8(ascii: "{"))
        Value.fields.append(value, database, to: &text)
        text += ",\"id\":\"".utf8
        id.spell(to: &text)
        text += "\",\"owner\":".utf8
        if let owner { JSONValue.write(owner, to: &text) } else { text += "null".utf8 }
        text += ",\"revision\":".utf8
        text += Int64(clamping: revision).description.utf8
        text += ",\"config_revision\":".utf8
        text += Int64(clamping: configRevision).description.utf8
        text += ",\"created_at\":\"".utf8
        Timestamp(seconds: createdAt).spell(to: &text)
        text += "\",\"updated_at\":\"".utf8
        Timestamp(seconds: updatedAt).spell(to: &text)
        text += "\",\"status\":".utf8
        Value.statusMembers.write(value.status, to: &text)
        text.append(UInt8(ascii: "}"))
        // As long as it is: it is kept as long as the object.
        return Array(text[...])
    }

    /// The object that canonical JSON stands for, as the log keeps it; what it refers to has to be in the database.
    ///
    /// It was checked when it was made, so an invalid member means a damaged log.
    init(canonical bytes: [UInt8], in database: NorthboundDatabase) throws(StoredError) {
        let json: JSONValue
        do {
            json = try JSONParser.parse(bytes)
        } catch {
            throw StoredError("an object that is not JSON: \(error)")
        }
        var value = Value.blank
        for field in Value.fields.list {
            guard let member = json[field.name] else {
                // A member that an older version did not have takes its default; those that cannot change always were.
                guard field.isMutable else { throw Self.bad(field.name) }
                continue
            }
            guard try field.restore(member, database, &value) else { throw Self.bad(field.name) }
        }
        if let name = Value.statusMembers.read(json["status"] ?? .null, into: &value.status) { throw Self.bad(name) }
        func revision(_ member: ServerMember) throws(StoredError) -> UInt64 {
            guard let number = json[member.rawValue]?.integerValue.flatMap(UInt64.init(exactly:)) else {
                throw Self.bad(member.rawValue)
            }
            return number
        }
        func time(_ member: ServerMember) throws(StoredError) -> Int64 {
            guard let time = json[member.rawValue]?.stringValue.flatMap(Timestamp.init) else {
                throw Self.bad(member.rawValue)
            }
            return time.seconds
        }
        guard let id = json["id"]?.stringValue.flatMap({ ObjectID($0) }) else { throw Self.bad("id") }
        self.init(
            id: id,
            value: value,
            // The log of an older version has objects without an owner.
            owner: json["owner"]?.stringValue,
            revision: try revision(.revision),
            configRevision: try revision(.configRevision),
            createdAt: try time(.createdAt),
            updatedAt: try time(.updatedAt),
            bytes: bytes
        )
    }

    private static func bad(_ name: String) -> StoredError {
        StoredError("an object whose \"\(name)\" is missing or invalid")
    }
}
