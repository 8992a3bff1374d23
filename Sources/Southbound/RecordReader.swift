import JSON
import Wire

/// Why a JSON object is no southbound record.
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

/// Reads the members of a record; members that it is not asked for are ignored, so that older readers take newer
/// records.
struct RecordReader {
    let kind: String
    let json: JSONValue

    func failure(_ name: String) -> RecordError { .badMember(kind: kind, name: name) }

    func string(_ name: String) throws(RecordError) -> String {
        guard let value = json[name]?.stringValue else { throw failure(name) }
        return value
    }

    func bool(_ name: String) throws(RecordError) -> Bool {
        guard let value = json[name]?.boolValue else { throw failure(name) }
        return value
    }

    func integer<Value: FixedWidthInteger>(_ name: String, in range: ClosedRange<Value>) throws(RecordError) -> Value {
        guard let integer = json[name]?.integerValue, let value = Value(exactly: integer), range.contains(value) else {
            throw failure(name)
        }
        return value
    }

    func id(_ name: String) throws(RecordError) -> ObjectID {
        guard let id = ObjectID(try string(name)) else { throw failure(name) }
        return id
    }

    func strings(_ name: String) throws(RecordError) -> [String] {
        try list(name) { (element: JSONValue) throws(RecordError) in
            guard let text = element.stringValue else { throw failure(name) }
            return text
        }
    }

    func list<Element>(
        _ name: String,
        _ read: (JSONValue) throws(RecordError) -> Element
    ) throws(RecordError) -> [Element] {
        guard let values = json[name]?.arrayValue else { throw failure(name) }
        var elements: [Element] = []
        elements.reserveCapacity(values.count)
        for value in values { elements.append(try read(value)) }
        return elements
    }
}
