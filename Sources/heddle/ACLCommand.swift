import ArgumentParser
import Client

/// `heddle acl`: the ACLs that this host asks.
struct ACLCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acl",
        abstract: "Show how often the ACLs that this host asks have decided.",
        discussion: """
            'heddle nb acl-add', 'acl-del' and 'acl-list' write and list ACLs at central.

            EXAMPLES:
              heddle acl counters --switch ls1
            """,
        subcommands: [ACLCounters.self]
    )
}

/// `heddle acl counters`.
struct ACLCounters: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "counters",
        abstract: "List the ACLs of this host's switches, and how often each has decided here.",
        discussion: """
            A decision is made for a connection or a flow, and kept for its further frames: they are not counted. One \
            of an ACL that is logged, or that reads more than addresses, ports and protocols, is made for each frame.

            EXAMPLES:
              heddle acl counters
              heddle acl counters --switch ls1 -o json
            """
    )

    @Option(name: .customLong("switch"), help: "Only those asked on this switch.")
    var switchName: String?

    @Option(name: .shortAndLong, help: "How to print: table or json.")
    var output = CountersFormat.table

    func run() throws {
        put(try FilterCounterList(caller: try Connection.toAgent(), switchName: switchName).text(as: output))
    }
}
