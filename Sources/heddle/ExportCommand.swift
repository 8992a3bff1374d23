import ArgumentParser
import Client

/// `heddle export`: the network as a file for `heddle apply`.
struct ExportCommand: ParsableCommand {
    /// The format of the file.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case yaml
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print switches and ports as a file for 'heddle apply'.",
        discussion: """
            With --owner, the objects of that owner; else all objects, whoever owns them. Members that central adds \
            (ids, revisions, status) are left out, and so are fields that have their default.

            EXAMPLES:
              heddle export > network.yaml
              heddle export --owner shop
              heddle export -o json
            """
    )

    @Option(help: ArgumentHelp("Only what this owner has.", valueName: "name"))
    var owner: String?

    @Option(name: .shortAndLong, help: "How to print: yaml or json.")
    var output = Format.yaml

    func validate() throws {
        if owner == "" { throw ValidationError("--owner may not be empty") }
    }

    func run() throws {
        let session = TopologySession(caller: try Connection.toCentral(), output: put) { complain($0) }
        put(try session.export(owner: owner, asJSON: output == .json))
    }
}
