import JSON
import Yams

/// A YAML or JSON text as a JSON value, with the line of each element.
///
/// Plain words mean what YAML 1.2's core schema says, as in JSON: `on`, `yes` and `02:00:00:00:00:01` are texts.
/// Anchors, aliases and merge keys (`<<`) are followed.
struct YAMLDocument {
    /// The deepest nesting, which is that of JSON; aliases count.
    static let depthMaximum = JSONParser.depthMaximum
    /// The most values, those of aliases counted each time: some ten for each object of the largest topology, and
    /// nothing that a few lines of aliases to aliases could exceed the memory with.
    static let valueCountMaximum = 1_000_000

    let value: JSONValue
    /// The line, from 1, of what a JSON pointer (RFC 6901) leads to.
    private(set) var lines: [String: Int] = [:]

    /// Reads a text.
    /// - Parameter name: The file's name in messages.
    /// - Throws: ``ClientError/usage(_:)`` with the line that is at fault.
    init(_ text: String, name: String) throws(ClientError) {
        let root: Node?
        do {
            root = try Yams.Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch {
            throw Self.explained(error, name)
        }
        var reader = YAMLReader(name: name)
        value = try root.map { node throws(ClientError) in try reader.value(of: node, at: "", depth: 0) } ?? .null
        lines = reader.lines
    }

    private static func explained(_ error: any Error, _ name: String) -> ClientError {
        switch error as? YamlError {
        case .composer(_, let problem, let mark, _)? where problem.contains("another document"):
            .usage("\(name):\(mark.line): a second document begins here; put everything into one")
        case .scanner(_, let problem, let mark, _)?, .parser(_, let problem, let mark, _)?,
            .composer(_, let problem, let mark, _)?:
            .usage("\(name):\(mark.line): this is not YAML: \(problem) at column \(mark.column)")
        case .duplicatedKeysInMapping(let keys, let context)?:
            .usage(
                "\(name):\(context.mark.line): \(keys.sorted().joined(separator: ", ")) appears twice here; keep one"
            )
        case .reader(let problem, _, _, _)?: .usage("\(name): this is not text in UTF-8: \(problem)")
        default: .usage("\(name): this is not YAML: \(error)")
        }
    }
}

/// Turns nodes into values.
private struct YAMLReader {
    let name: String
    var lines: [String: Int] = [:]
    private var valueCount = 0

    init(name: String) { self.name = name }

    mutating func value(of node: Node, at pointer: String, depth: Int) throws(ClientError) -> JSONValue {
        let line = node.mark?.line
        if let line { lines[pointer] = line }
        valueCount += 1
        guard valueCount <= YAMLDocument.valueCountMaximum else {
            throw .usage("\(name): more than \(YAMLDocument.valueCountMaximum) values; divide it among several owners")
        }
        guard depth < YAMLDocument.depthMaximum else {
            throw wrong(line, "nested deeper than \(YAMLDocument.depthMaximum) levels")
        }
        switch node {
        case .scalar(let scalar): return Self.value(of: scalar)
        case .sequence(let sequence):
            var elements: [JSONValue] = []
            for (index, element) in sequence.enumerated() {
                elements.append(try value(of: element, at: "\(pointer)/\(index)", depth: depth + 1))
            }
            return .array(elements)
        case .mapping(let mapping): return .object(try object(of: mapping, at: pointer, depth: depth))
        case .alias: throw wrong(line, "an alias without its anchor")
        }
    }

    private mutating func object(
        of mapping: Node.Mapping,
        at pointer: String,
        depth: Int
    ) throws(ClientError) -> JSONObject {
        var object = JSONObject()
        var merged: [JSONValue] = []
        for (key, element) in mapping {
            guard let member = key.scalar?.string else { throw wrong(key.mark?.line, "a member's name must be a text") }
            let value = try value(of: element, at: "\(pointer)/\(JSONReader.escaped(member))", depth: depth + 1)
            if member == "<<", key.scalar?.style == .plain {
                merged += value.arrayValue ?? [value]
            } else {
                object[member] = value
            }
        }
        // Members that are written here or were merged earlier win.
        for source in merged {
            guard let members = source.objectValue?.members else {
                throw wrong(mapping.mark?.line, "'<<' merges mappings, not \(source.kindName)")
            }
            for member in members where object[member.name] == nil { object[member.name] = member.value }
        }
        return object
    }

    /// A plain word by YAML 1.2's core schema (section 10.3.2); everything in quotes is a text.
    private static func value(of scalar: Node.Scalar) -> JSONValue {
        let text = scalar.string
        guard scalar.style == .plain else { return .string(text) }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default:
            guard let first = text.utf8.first, (0x30...0x39).contains(first) || "+-.".utf8.contains(first) else {
                return .string(text)
            }
            if let integer = Int64(text) { return .integer(integer) }
            guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }),
                let number = Double(text), number.isFinite
            else { return .string(text) }
            return .number(number)
        }
    }

    private func wrong(_ line: Int?, _ problem: String) -> ClientError {
        .usage("\(name)\(line.map { ":\($0)" } ?? ""): \(problem)")
    }
}
