import JSON
import NetworkModel

extension JSONReader {
    /// Checks that this is an object without other members than the known ones.
    func checkMembers(_ known: [String]) throws(Refusal) {
        guard let object = value.objectValue else {
            throw Refusal(.invalidValue, "An object is required here, not \(value.kindName).", pointer: pointer)
        }
        if let unknown = object.members.first(where: { !known.contains($0.name) }) {
            throw Refusal(
                .unknownField,
                "\(quoted(unknown.name)) is not known here; known: \(known.joined(separator: ", ")).",
                pointer: pointer + "/" + escapedPointerToken(unknown.name)
            )
        }
    }

    /// The elements of the array that this is, of at most so many.
    func list(atMost maximum: Int) throws(Refusal) -> [JSONReader] {
        guard let elements else {
            throw Refusal(.invalidValue, "An array is required here, not \(value.kindName).", pointer: pointer)
        }
        guard elements.count <= maximum else {
            throw Refusal(
                .limitExceeded,
                "There are \(elements.count) elements, but one request takes at most \(maximum); "
                    + "send several requests.",
                pointer: pointer
            )
        }
        return elements
    }
}
