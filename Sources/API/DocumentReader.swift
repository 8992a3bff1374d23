import JSON
import NetworkModel

/// Reads the members of a request's document, with the place of what is wrong.
enum DocumentReader {
    /// The object at a place, which has no members but the known ones.
    static func object(_ value: JSONValue, at pointer: String, known: [String]) throws(Refusal) -> JSONObject {
        guard let object = value.objectValue else {
            throw Refusal(.invalidValue, "An object is required here, not \(value.kindName).", pointer: pointer)
        }
        if let unknown = object.members.first(where: { !known.contains($0.name) }) {
            let list = known.joined(separator: ", ")
            throw Refusal(
                .unknownField,
                "\(quoted(unknown.name)) is not known here; known: \(list).",
                pointer: pointer + "/" + escapedPointerToken(unknown.name)
            )
        }
        return object
    }

    /// The array at a place, of at most so many elements.
    static func list(_ value: JSONValue, at pointer: String, atMost maximum: Int) throws(Refusal) -> [JSONValue] {
        guard let list = value.arrayValue else {
            throw Refusal(.invalidValue, "An array is required here, not \(value.kindName).", pointer: pointer)
        }
        guard list.count <= maximum else {
            throw Refusal(
                .limitExceeded,
                "There are \(list.count) elements, but one request takes at most \(maximum); send several requests.",
                pointer: pointer
            )
        }
        return list
    }
}
