import Foundation
import JSON
import Yams

/// openapi.yaml, read as a client would.
struct Contract {
    let root: JSONValue

    static let shared = try? Contract()

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../openapi.yaml")
        let yaml = try Yams.load(yaml: String(contentsOf: file, encoding: .utf8))
        root = Self.json(yaml)
    }

    private static func json(_ yaml: Any?) -> JSONValue {
        switch yaml {
        case let value as Bool: return .bool(value)
        case let value as Int: return .integer(Int64(value))
        case let value as Double: return .number(value)
        case let value as String: return .string(value)
        case let value as [Any]: return .array(value.map(json))
        case let value as [AnyHashable: Any]:
            var object = JSONObject()
            for (name, member) in value.sorted(by: { "\($0.key)" < "\($1.key)" }) { object["\(name)"] = json(member) }
            return .object(object)
        default: return .null
        }
    }

    /// The target of a `$ref`, or the value itself.
    func resolve(_ value: JSONValue) -> JSONValue {
        guard let reference = value["$ref"]?.stringValue, reference.hasPrefix("#/") else { return value }
        var place = root
        for token in reference.dropFirst(2).split(separator: "/") { place = place[String(token)] ?? .null }
        return resolve(place)
    }

    /// The properties of a schema of this name.
    func properties(of schema: String) -> JSONObject {
        root["components"]?["schemas"]?[schema]?["properties"]?.objectValue ?? JSONObject()
    }

    /// The properties that a schema of this name cannot do without.
    func required(of schema: String) -> Set<String> {
        let names = root["components"]?["schemas"]?[schema]?["required"]?.arrayValue ?? []
        return Set(names.compactMap(\.stringValue))
    }

    /// The types that a schema allows.
    func types(of reference: JSONValue?) -> Set<String> {
        guard let schema = reference.map(resolve) else { return [] }
        if let choices = (schema["oneOf"] ?? schema["anyOf"])?.arrayValue {
            return choices.reduce(into: []) { $0.formUnion(types(of: $1)) }
        }
        if let type = schema["type"]?.stringValue { return [type] }
        return Set(schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    }

    /// The operation of a method on a path, with the parameters of the path among its own.
    func operation(_ method: String, _ path: String) -> JSONValue? { root["paths"]?[path]?[method.lowercased()] }

    /// The names of the parameters at a place (`query`, `header`, `path`).
    func parameters(_ method: String, _ path: String, in place: String) -> Set<String> {
        let item = root["paths"]?[path]
        let all =
            (item?["parameters"]?.arrayValue ?? [])
            + (operation(method, path)?["parameters"]?.arrayValue ?? [])
        return Set(all.map(resolve).filter { $0["in"] == .string(place) }.compactMap { $0["name"]?.stringValue })
    }

    /// The response of an operation with a status.
    func response(_ method: String, _ path: String, _ status: Int) -> JSONValue? {
        operation(method, path)?["responses"]?["\(status)"].map(resolve)
    }
}

/// As much of JSON Schema as the contract uses.
struct SchemaCheck {
    let contract: Contract
    /// True if an object may lack members, as with `fields`: then any of `anyOf` will do, else the first has to.
    let takesParts: Bool
    private(set) var mismatches: [String] = []

    init(_ contract: Contract, takesParts: Bool = false) {
        self.contract = contract
        self.takesParts = takesParts
    }

    mutating func check(_ value: JSONValue, _ reference: JSONValue, at place: String = "") {
        let schema = contract.resolve(reference)
        if let choices = schema["anyOf"]?.arrayValue {
            if let wanted = takesParts ? choices.last : choices.first { check(value, wanted, at: place) }
            return
        }
        if let choices = schema["oneOf"]?.arrayValue {
            let fits = choices.filter { choice in
                var inner = SchemaCheck(contract, takesParts: takesParts)
                inner.check(value, choice)
                return inner.mismatches.isEmpty
            }
            if fits.count != 1 { mismatches.append("\(place) fits \(fits.count) of oneOf") }
            return
        }
        let types = schema["type"]?.arrayValue?.compactMap(\.stringValue) ?? schema["type"]?.stringValue.map { [$0] }
        if let types, !types.contains(where: { Self.fits(value, $0) }) {
            mismatches.append("\(place) is \(value.kindName), not \(types)")
            return
        }
        if let constant = schema["const"], constant != value { mismatches.append("\(place) is not \(constant.text)") }
        if let list = schema["enum"]?.arrayValue, !list.contains(value) {
            mismatches.append("\(place) is \(value.text), not one of \(list.map(\.text))")
        }
        if let pattern = schema["pattern"]?.stringValue, let text = value.stringValue,
            text.range(of: pattern, options: .regularExpression) == nil
        {
            mismatches.append("\(place) does not match \(pattern)")
        }
        for (index, element) in (value.arrayValue ?? []).enumerated() {
            if let items = schema["items"] { check(element, items, at: "\(place)/\(index)") }
        }
        checkMembers(value, schema, at: place)
    }

    private mutating func checkMembers(_ value: JSONValue, _ schema: JSONValue, at place: String) {
        guard let object = value.objectValue, schema["properties"] != nil || schema["type"] != nil else { return }
        if let names = schema["propertyNames"]?["enum"]?.arrayValue {
            for member in object.members where !names.contains(.string(member.name)) {
                mismatches.append("\(place)/\(member.name) is not described")
            }
            return
        }
        for name in schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [] where object[name] == nil {
            mismatches.append("\(place)/\(name) is missing")
        }
        for member in object.members {
            if let known = schema["properties"]?[member.name] {
                check(member.value, known, at: "\(place)/\(member.name)")
            } else if let rest = schema["additionalProperties"], rest != .bool(false) {
                check(member.value, rest, at: "\(place)/\(member.name)")
            } else {
                mismatches.append("\(place)/\(member.name) is not described")
            }
        }
    }

    private static func fits(_ value: JSONValue, _ type: String) -> Bool {
        switch (value, type) {
        case (.null, "null"), (.bool, "boolean"), (.integer, "integer"), (.integer, "number"), (.number, "number"),
            (.string, "string"), (.array, "array"), (.object, "object"):
            true
        default: false
        }
    }
}
