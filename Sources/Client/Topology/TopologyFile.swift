import HTTP
import JSON
import NetworkModel

/// The file of `heddle apply`: objects of users, kind by kind; ports below their switch or in a list of their own.
public struct TopologyFile {
    public let owner: String?
    /// The bodies of the objects, by kind; each with the object that it belongs to.
    private var bodies: [ObjectKind: [JSONValue]] = [:]
    /// The places of these objects in the file, as JSON pointers.
    private var places: [ObjectKind: [String]] = [:]

    private let name: String
    private let document: YAMLDocument

    /// Reads YAML or JSON.
    /// - Parameter name: The file's name in messages.
    /// - Throws: ``ClientError/usage(_:)`` with the line that is at fault.
    public init(_ text: String, name: String) throws(ClientError) {
        self.name = name
        document = try YAMLDocument(text, name: name)
        guard let root = document.value.objectValue else {
            let what = document.value == .null ? "there is nothing here" : "this is \(document.value.kindName)"
            throw .usage("\(name): \(what); write 'switches:' with a list below it")
        }
        owner = root["owner"]?.stringValue
        for member in root.members {
            switch member.name {
            case "owner":
                if owner == nil { throw wrong("/owner", "the owner must be a text, not \(member.value.kindName)") }
            case let name:
                guard !Self.lists.contains(name) else { continue }
                let others = Self.lists.dropLast().joined(separator: ", ")
                throw wrong(
                    "/\(name)",
                    "there is no '\(name)' here, only owner, \(others) and \(Self.lists.last ?? "")"
                )
            }
        }
        guard Self.lists.contains(where: { root[$0] != nil }) else {
            let lists = Self.lists.map { "'\($0)'" }.joined(separator: " nor ")
            throw .usage("\(name): there are neither \(lists)")
        }
        for kind in ObjectKind.allCases {
            let list = kind.names.member
            for (index, element) in try self.list(root[list], at: "/\(list)").enumerated() {
                try add(element, kind, at: "/\(list)/\(index)")
            }
        }
    }

    private static let lists = ObjectKind.allCases.map(\.names.member)

    var body: JSONValue {
        .object(
            JSONObject(distinct: ObjectKind.allCases.map { ($0.names.member, .array(bodies[$0] ?? [])) })
        )
    }

    var objectCount: Int { bodies.values.reduce(0) { $0 + $1.count } }

    /// A server's problems, each with the place in the file in front, as compilers put it, and the object's name where
    /// it does not say that itself; in the order of the file.
    func explained(_ problem: Problem) -> [Problem] {
        var problems = ([problem] + problem.others).map { problem -> (line: Int, problem: Problem) in
            var problem = problem
            problem.others = []
            problem.detail = Self.asOptions(problem.detail)
            guard let object = object(of: problem.pointer), let line = line(of: object.place, object.rest) else {
                return (0, problem)
            }
            if !object.name.isEmpty, !problem.detail.contains("\"\(object.name)\"") {
                problem.detail = "\(object.kind) \(object.name): \(problem.detail)"
            }
            problem.detail = "\(name):\(line): \(problem.detail)"
            return (line, problem)
        }
        problems.sort { $0.line < $1.line }
        return problems.map(\.problem)
    }

    /// The API's parameters as the options of the command.
    private static func asOptions(_ text: String) -> String {
        text.replacing("adopt=", with: "--adopt=").replacing("dry_run=true", with: "--dry-run")
    }

    /// The object of the request's body that a JSON pointer leads into: its place in the file, and the way from there.
    private func object(of pointer: String?) -> (kind: String, name: String, place: String, rest: [String])? {
        guard let pointer else { return nil }
        let tokens = pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard tokens.count >= 2, let index = Int(tokens[1]) else { return nil }
        guard let kind = ObjectKind.allCases.first(where: { $0.names.member == tokens[0] }) else { return nil }
        let (places, bodies) = (places[kind] ?? [], bodies[kind] ?? [])
        guard places.indices.contains(index) else { return nil }
        return (kind.names.noun, bodies[index].text("name"), places[index], Array(tokens.dropFirst(2)))
    }

    /// The line of what is at the end of a way, or the nearest one around it.
    private func line(of place: String, _ rest: [String]) -> Int? {
        var tokens = rest
        while true {
            if let line = document.lines[([place] + tokens).joined(separator: "/")] { return line }
            guard tokens.popLast() != nil else { return nil }
        }
    }

    private func list(_ value: JSONValue?, at pointer: String) throws(ClientError) -> [JSONValue] {
        switch value {
        case nil: return []
        case .null?: throw valueless(pointer)
        case .array(let elements)?: return elements
        case let other?:
            throw wrong(
                pointer,
                "'\(pointer.dropFirst())' must be a list, each element after a dash, not \(other.kindName)"
            )
        }
    }

    private mutating func add(_ element: JSONValue, _ kind: ObjectKind, at pointer: String) throws(ClientError) {
        guard var body = element.objectValue else {
            let home = kind.row.parent.map { " and '\($0.field): \($0.kind.names.noun.uppercased())'" } ?? ""
            throw wrong(
                pointer,
                "\(kind.names.aNoun) is written as 'name: NAME'\(home), not as \(element.kindName)"
            )
        }
        let below = ObjectKind.allCases.filter { $0.row.parent?.kind == kind }
        let nested = below.map { body[$0.names.member] }
        for other in below { body[other.names.member] = nil }
        append(.object(body), kind, at: pointer)
        for (other, list) in zip(below, nested) { try addNested(list, other, of: body, kind, at: pointer) }
    }

    private mutating func append(_ body: JSONValue, _ kind: ObjectKind, at pointer: String) {
        bodies[kind, default: []].append(body)
        places[kind, default: []].append(pointer)
    }

    /// Adds the objects that are listed below the one that they belong to.
    private mutating func addNested(
        _ list: JSONValue?,
        _ kind: ObjectKind,
        of home: JSONObject,
        _ homeKind: ObjectKind,
        at pointer: String
    ) throws(ClientError) {
        let names = kind.names
        let pointer = "\(pointer)/\(names.member)"
        let elements: [JSONValue]
        switch list {
        case nil: elements = []
        case .null?: throw valueless(pointer)
        case .array(let list)?: elements = list
        case let other?: throw wrong(pointer, "'\(names.member)' must be a list, not \(other.kindName)")
        }
        guard !elements.isEmpty, let field = kind.row.parent?.field else { return }
        guard let name = home["name"]?.stringValue else {
            throw wrong(
                String(pointer.dropLast(names.member.count + 1)),
                "the \(homeKind.names.noun) of these \(names.nouns) has no name"
            )
        }
        for (index, element) in elements.enumerated() {
            let place = "\(pointer)/\(index)"
            guard var body = element.objectValue else {
                throw wrong(place, "\(names.aNoun) is written as 'name: NAME', not as \(element.kindName)")
            }
            if let other = body[field], other != .string(name) {
                throw wrong(
                    "\(place)/\(field)",
                    "the \(names.noun) is listed below the \(homeKind.names.noun) \(name); leave '\(field)' out"
                )
            }
            body[field] = .string(name)
            append(.object(body), kind, at: place)
        }
    }

    /// A list that is missing may be a template's that has gone wrong, and with --prune it would delete.
    private func valueless(_ pointer: String) -> ClientError {
        let name = pointer.split(separator: "/").last ?? ""
        return wrong(pointer, "\(name): has no value; write [] to mean none")
    }

    private func wrong(_ pointer: String, _ problem: String) -> ClientError {
        .usage("\(name)\(document.lines[pointer].map { ":\($0)" } ?? ""): \(problem)")
    }
}
