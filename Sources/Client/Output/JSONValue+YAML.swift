import JSON
import Wire
import Yams

extension JSONValue {
    /// The value as a YAML document in block style, members in order.
    ///
    /// A string that some reader of YAML 1.1 or 1.2 would take for something else is in quotes: `"on"`, `"1e3"`,
    /// `"02:00:00:00:00:01"`, which YAML 1.1 takes for a number of base 60.
    func yaml() throws(ClientError) -> String {
        do {
            return try Yams.serialize(node: node, width: -1, allowUnicode: true).printableDocument
        } catch {
            throw .refused("the answer cannot be written as YAML (\(error)); use -o json")
        }
    }

    private var node: Node {
        switch self {
        case .null: Node("null", Tag(.null))
        case .bool(let value): Node(value ? "true" : "false", Tag(.bool))
        case .integer(let value): Node(value.description, Tag(.int))
        case .number: Node(text, Tag(.float))
        case .string(let value): Node(value, Tag(.str), Self.isPlain(value) ? .plain : .doubleQuoted)
        case .array(let elements): Node(elements.map(\.node), Tag(.seq), elements.isEmpty ? .flow : .block)
        case .object(let object):
            Node(
                object.members.map {
                    (Node($0.name, Tag(.str), Self.isPlain($0.name) ? .plain : .doubleQuoted), $0.value.node)
                },
                Tag(.map),
                object.members.isEmpty ? .flow : .block
            )
        }
    }

    /// True if a string may stand without quotes: it begins with a letter, has nothing but what names are made of, and
    /// is no word that YAML 1.1 or 1.2 has a meaning for.
    private static func isPlain(_ text: String) -> Bool {
        let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]
        guard let first = text.utf8.first, isLetter(first), !words.contains(text.lowercased()) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || "._-/@".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
}
