import ArgumentParser
import Client

/// `heddle port list`: the ports of this host.
struct PortList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the ports of this host.",
        discussion: """
            STATE is up, pending (not bound yet), lost (another chassis has it) or failed.

            EXAMPLES:
              heddle port list
              heddle port list --stats
              heddle port list -o json
            """
    )

    @Flag(help: "Show what each port received, sent and dropped, and why.")
    var stats = false

    @Option(name: .shortAndLong, help: "How to print: table, json, yaml or name.")
    var output = PortFormat.table

    func run() throws {
        let text = try PortSession(caller: try Connection.toAgent()).list(withStatistics: stats, as: output)
        put(text, hasStates: output == .table)
    }
}
