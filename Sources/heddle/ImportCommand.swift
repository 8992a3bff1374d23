import ArgumentParser
import Client

/// `heddle import`: networks of others as files for `heddle apply`.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Print the network of another program as a file for 'heddle apply'.",
        discussion: """
            EXAMPLE:
              heddle import ovn /var/lib/ovn/ovnnb_db.db > network.yaml
            """,
        subcommands: [OVNImportCommand.self]
    )
}

/// `heddle import ovn`: a northbound database of OVN.
struct OVNImportCommand: ParsableCommand {
    /// The format of the file.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case yaml
        case json
    }

    /// The most lines about what is not in the file.
    static let remarkCountMaximum = 1000

    static let configuration = CommandConfiguration(
        commandName: "ovn",
        abstract: "Print a northbound database of OVN as a file for 'heddle apply'.",
        discussion: """
            SOURCE is the file of a database, standalone or of a member of a cluster, or unix:SOCKET of a \
            server. Nothing is changed there. What the network has otherwise or not at all is told on the \
            standard error, by table, row and column.

            EXAMPLES:
              heddle import ovn /var/lib/ovn/ovnnb_db.db > network.yaml
              heddle import ovn unix:/var/run/ovn/ovnnb_db.sock > network.yaml
              heddle apply --dry-run -f network.yaml
            """
    )

    @Argument(help: ArgumentHelp("A database's file, or unix:SOCKET.", valueName: "source"), completion: .file())
    var source: String

    @Option(name: .shortAndLong, help: "How to print: yaml or json.")
    var output = Format.yaml

    func run() throws {
        let (contents, sentences) = try DatabaseSource(source).contents()
        sentences.forEach(complain)
        let network = try NorthboundImport(contents)
        put(try network.text(asJSON: output == .json))
        for remark in network.remarks.prefix(Self.remarkCountMaximum) { tell(remark.text + "\n") }
        let more = network.remarks.count - Self.remarkCountMaximum
        if more > 0 { tell("... and \(more) more\n") }
        complain(network.summary)
    }
}
