import JSON
import Wire

/// The output format of `heddle get`.
public enum OutputFormat: String, CaseIterable, Sendable {
    case table
    /// The same with more columns.
    case wide
    /// JSON as central has it, indented.
    case json
    case yaml
    /// `KIND/NAME`, one a line, for scripts.
    case name
}

extension JSONValue {
    /// The text of the value with two blanks for each level, and a newline at its end. What is empty is one line.
    var indentedText: String {
        var bytes: [UInt8] = []
        writeIndented(to: &bytes, level: 0)
        bytes.append(UInt8(ascii: "\n"))
        return String(decoding: bytes, as: UTF8.self).printableDocument
    }

    private func writeIndented(to bytes: inout [UInt8], level: Int) {
        switch self {
        case .array(let elements) where !elements.isEmpty:
            for (index, element) in elements.enumerated() {
                bytes += (index == 0 ? "[\n" : ",\n").utf8
                bytes += Self.indentation(level + 1)
                element.writeIndented(to: &bytes, level: level + 1)
            }
            bytes.append(UInt8(ascii: "\n"))
            bytes += Self.indentation(level)
            bytes.append(UInt8(ascii: "]"))
        case .object(let object) where !object.members.isEmpty:
            for (index, member) in object.members.enumerated() {
                bytes += (index == 0 ? "{\n" : ",\n").utf8
                bytes += Self.indentation(level + 1)
                Self.write(member.name, to: &bytes)
                bytes += ": ".utf8
                member.value.writeIndented(to: &bytes, level: level + 1)
            }
            bytes.append(UInt8(ascii: "\n"))
            bytes += Self.indentation(level)
            bytes.append(UInt8(ascii: "}"))
        default: write(to: &bytes)
        }
    }

    private static func indentation(_ level: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(ascii: " "), count: level * 2)
    }
}
