import ArgumentParser
import Client

/// `heddle connection`: the connections that this host tracks.
struct ConnectionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connection",
        abstract: "Show or forget the connections that this host tracks.",
        discussion: """
            A host tracks the connections of its ports on switches that have ACLs of the action 'allow-related'. A \
            connection between two ports of the host is there for each of them. One that ACLs do not allow any more is \
            'blocked'.

            EXAMPLES:
              heddle connection list --port ls1-vm1
              heddle connection list --switch ls1 -o json
              heddle connection flush --port ls1-vm1
            """,
        subcommands: [ConnectionListCommand.self, ConnectionFlush.self]
    )
}

/// The connections that a command is about.
struct ConnectionChoice: ParsableArguments {
    @Option(name: .customLong("switch"), help: "Only those of this switch.")
    var switchName: String?

    @Option(name: .customLong("port"), help: "Only those of this logical port.")
    var logicalPort: String?

    func list() throws -> ConnectionList {
        ConnectionList(caller: try Connection.toAgent(), switchName: switchName, logicalPort: logicalPort)
    }
}

/// `heddle connection list`.
struct ConnectionListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the connections that this host tracks, in no order.",
        discussion: """
            EXAMPLES:
              heddle connection list
              heddle connection list --port ls1-vm1 --limit 10 -o json
            """
    )

    @OptionGroup var choice: ConnectionChoice

    @Option(help: "The most that are printed.")
    var limit = 1000

    @Option(name: .shortAndLong, help: "How to print: table or json.")
    var output = CountersFormat.table

    func run() throws { put(try choice.list().text(as: output, limit: limit)) }
}

/// `heddle connection flush`.
struct ConnectionFlush: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flush",
        abstract: "Forget connections, all of them if none are named.",
        discussion: """
            What goes on is judged as new: answers without an ACL of their own are dropped until the other end sends.

            EXAMPLES:
              heddle connection flush --port ls1-vm1
              heddle connection flush
            """
    )

    @OptionGroup var choice: ConnectionChoice

    func run() throws { put(try choice.list().flush()) }
}
