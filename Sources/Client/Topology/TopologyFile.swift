import JSON

/// The file of `heddle apply`: switches and ports, these below their switch or in a list of their own.
public struct TopologyFile {
    /// The owner that the file names.
    public let owner: String?
    /// The bodies of the switches.
    private(set) var switches: [JSONValue] = []
    /// The bodies of the ports, each with its switch.
    private(set) var ports: [JSONValue] = []

    private let name: String
    private let document: YAMLDocument
    /// The places of the request's switches and ports in the file, as JSON pointers.
    private var switchPlaces: [String] = []
    private var portPlaces: [String] = []

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
            case "switches", "ports": break
            default: throw wrong("/\(member.name)", "there is no '\(member.name)' here, only owner, switches and ports")
            }
        }
        guard root["switches"] != nil || root["ports"] != nil else {
            throw .usage("\(name): there are neither 'switches' nor 'ports'")
        }
        for (index, element) in try list(root["switches"], at: "/switches").enumerated() {
            try addSwitch(element, at: "/switches/\(index)")
        }
        for (index, element) in try list(root["ports"], at: "/ports").enumerated() {
            try add(port: element, at: "/ports/\(index)")
        }
    }

    /// The body of the request.
    var body: JSONValue { ["switches": .array(switches), "ports": .array(ports)] }

    /// The number of objects.
    var objectCount: Int { switches.count + ports.count }

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
        let (kind, places, bodies): (String, [String], [JSONValue])
        switch tokens[0] {
        case "switches": (kind, places, bodies) = ("switch", switchPlaces, switches)
        case "ports": (kind, places, bodies) = ("port", portPlaces, ports)
        default: return nil
        }
        guard places.indices.contains(index) else { return nil }
        return (kind, bodies[index].text("name"), places[index], Array(tokens.dropFirst(2)))
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

    private mutating func addSwitch(_ element: JSONValue, at pointer: String) throws(ClientError) {
        guard var body = element.objectValue else {
            throw wrong(pointer, "a switch is written as 'name: NAME', not as \(element.kindName)")
        }
        let nested = body["ports"]
        body["ports"] = nil
        switches.append(.object(body))
        switchPlaces.append(pointer)
        let ports: [JSONValue]
        switch nested {
        case nil: ports = []
        case .null?: throw valueless(pointer + "/ports")
        case .array(let elements)?: ports = elements
        case let other?: throw wrong(pointer + "/ports", "'ports' must be a list, not \(other.kindName)")
        }
        guard !ports.isEmpty else { return }
        guard let name = body["name"]?.stringValue else {
            throw wrong(pointer, "the switch of these ports has no name")
        }
        for (index, port) in ports.enumerated() {
            let place = "\(pointer)/ports/\(index)"
            guard var port = port.objectValue else {
                throw wrong(place, "a port is written as 'name: NAME', not as \(port.kindName)")
            }
            if let other = port["switch"], other != .string(name) {
                throw wrong(place + "/switch", "the port is listed below the switch \(name); leave 'switch' out")
            }
            port["switch"] = .string(name)
            self.ports.append(.object(port))
            portPlaces.append(place)
        }
    }

    private mutating func add(port: JSONValue, at pointer: String) throws(ClientError) {
        guard port.objectValue != nil else {
            throw wrong(pointer, "a port is written as 'name: NAME' and 'switch: SWITCH', not as \(port.kindName)")
        }
        ports.append(port)
        portPlaces.append(pointer)
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
