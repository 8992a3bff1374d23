import ArgumentParser
import Client

/// `heddle describe`: everything about some objects, and what to do next.
struct DescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show everything about an object, and what to do about it.",
        discussion: """
            Tells why a port is down and which command helps.

            EXAMPLES:
              heddle describe port ls1-vm1
              heddle describe switch ls1
              heddle describe chassis hv1 hv2
            """
    )

    @Argument(
        help: "The kind: \(ShownKind.allCases.map(\.singular).joined(separator: ", ")).",
        completion: .list(KindAndNames.kinds)
    )
    var kind: String

    @Argument(help: "The objects, by name or UUID.", completion: .custom(completeNames))
    var names: [String]

    func run() throws {
        let objects = try KindAndNames(kind, names)
        var isMissing = false
        let text = try ObjectSession(caller: try Connection.toCentral()).describe(objects.kind, names: names) { error in
            isMissing = true
            complain(error.message)
        }
        put(text)
        if isMissing { throw ExitCode(ExitStatus.refused.rawValue) }
    }
}
