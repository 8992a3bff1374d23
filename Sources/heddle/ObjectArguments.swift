import ArgumentParser
import Client

/// What `get`, `describe` and `delete` have in common: a kind and the names of objects.
struct KindAndNames {
    /// What kind.
    let kind: ObjectKind
    /// Which of it.
    let names: [String]

    /// - Throws: ``ClientError/usage(_:)`` for a kind that there is none of, and for a name that is empty: it would be
    ///   the path of all of them.
    init(_ kind: String, _ names: [String]) throws(ClientError) {
        self.kind = try ObjectKind(parsing: kind)
        self.names = names
        guard !names.contains("") else { throw .usage("the name of a \(self.kind.singular) may not be empty") }
    }

    /// What help and completion show.
    static let kinds = ObjectKind.allCases.map(\.plural)
}

extension OutputFormat: ExpressibleByArgument {}

/// Completes the names of a kind's objects by asking central; without it there are none.
func completeNames(of words: [String], _: Int, _ prefix: String) -> [String] {
    let kinds = words.compactMap { try? ObjectKind(parsing: $0) }
    guard let kind = kinds.first, let caller = try? Connection.toCentral() else { return [] }
    let listing = (try? ObjectSession(caller: caller).get(kind, format: .name)) ?? ""
    return listing.split(separator: "\n").map { String($0.drop { $0 != "/" }.dropFirst()) }
        .filter { $0.hasPrefix(prefix) }
}
