import ArgumentParser
import Client

/// What `get`, `describe` and `delete` have in common: a kind and the names of objects.
extension ObjectKind: ExpressibleByArgument {
    /// The kind that a word names; `nil` leaves the message to the command.
    public init?(argument: String) {
        do throws(ClientError) {
            try self.init(parsing: argument)
        } catch {
            return nil
        }
    }

    /// What help and completion show.
    public static var allValueStrings: [String] { allCases.map(\.plural) }
}

extension OutputFormat: ExpressibleByArgument {}

/// Completes the names of a kind's objects by asking central; without it there are none.
func completeNames(of words: [String], _: Int, _ prefix: String) -> [String] {
    let kinds = words.compactMap { ObjectKind(argument: $0) }
    guard let kind = kinds.first, let caller = try? Connection.toCentral() else { return [] }
    let listing = (try? ObjectSession(caller: caller).get(kind, format: .name)) ?? ""
    return listing.split(separator: "\n").map { String($0.drop { $0 != "/" }.dropFirst()) }
        .filter { $0.hasPrefix(prefix) }
}
