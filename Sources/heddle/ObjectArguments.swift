import ArgumentParser
import Client

/// The arguments that `get`, `describe` and `delete` share: a kind and the names of objects.
struct KindAndNames {
    let kind: ShownKind
    let names: [String]

    /// - Throws: ``ClientError/usage(_:)`` for a kind that there is none of, and for a name that is empty: it would be
    ///   the path of all of them.
    init(_ kind: String, _ names: [String]) throws(ClientError) {
        self.kind = try ShownKind(parsing: kind)
        self.names = names
        guard !names.contains("") else { throw .usage("the name of a \(self.kind.singular) may not be empty") }
    }

    /// The kinds as help and completion show them.
    static let kinds = ShownKind.allCases.map(\.plural)
}

extension OutputFormat: ExpressibleByArgument {}

extension PortFormat: ExpressibleByArgument {}
extension CountersFormat: ExpressibleByArgument {}

extension TraceFormat: ExpressibleByArgument {}

/// Completes the names of objects whose kind is on the command line.
func completeNames(of words: [String], _: Int, _ prefix: String) -> [String] {
    let kinds = words.compactMap { try? ShownKind(parsing: $0) }
    return kinds.first.map { names(of: $0, prefix) } ?? []
}

func completeSwitches(_: [String], _: Int, _ prefix: String) -> [String] { names(of: .logicalSwitch, prefix) }

/// Completes the names of logical ports.
func completePorts(_: [String], _: Int, _ prefix: String) -> [String] { names(of: .port, prefix) }

/// Completes the names of this host's ports by asking its agent; without it there are none.
func completePluggedPorts(_: [String], _: Int, _ prefix: String) -> [String] {
    guard let caller = try? Connection.toAgent(), let names = try? PortSession(caller: caller).names() else {
        return []
    }
    return names.filter { $0.hasPrefix(prefix) }
}

/// Completes a command line of `heddle nb` or `sb`.
func complete<Command>(_ grammar: ControlGrammar<Command>, _ words: [String], _ index: Int, _ prefix: String)
    -> [String]
{
    // In front stand `heddle` and `nb`.
    switch grammar.completion(after: Array(words.prefix(index).dropFirst(2))) {
    case .words(let words): words.filter { $0.hasPrefix(prefix) }
    case .name(let kind): names(of: kind, prefix)
    }
}

/// The names of a kind's objects by asking central; without it there are none.
private func names(of kind: ShownKind, _ prefix: String) -> [String] {
    guard let caller = try? Connection.toCentral() else { return [] }
    let listing = (try? ObjectSession(caller: caller).get(kind, format: .name)) ?? ""
    return listing.split(separator: "\n").map { String($0.drop { $0 != "/" }.dropFirst()) }
        .filter { $0.hasPrefix(prefix) }
}
