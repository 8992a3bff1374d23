import ArgumentParser
import Client

/// `heddle multicast`: the members of multicast groups that this host knows.
struct MulticastCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "multicast",
        abstract: "Show the members of multicast groups that this host knows.",
        discussion: """
            On a switch with 'mcast_snoop' in its 'other_config' a host takes note of the reports by which ports \
            join and leave multicast groups (IGMP, MLD), and sends the frames to a group to its members alone.

            EXAMPLES:
              heddle multicast list
              heddle multicast list --switch ls1 -o json
            """,
        subcommands: [MulticastList.self]
    )
}

/// `heddle multicast list`.
struct MulticastList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List multicast groups and the ports that are members of them.",
        discussion: """
            The output 'json' also tells of each switch if the host still listens, so that all ports get all frames, \
            how many statements of reports were refused since its table is full, and which ports lead to multicast \
            routers.

            EXAMPLES:
              heddle multicast list
              heddle multicast list --port ls1-vm1
              heddle multicast list --switch ls1 -o json
            """
    )

    @Option(name: .customLong("switch"), help: "Only those of this switch.")
    var switchName: String?

    @Option(name: .customLong("port"), help: "Only those that this logical port is a member of.")
    var logicalPort: String?

    @Option(name: .shortAndLong, help: "How to print: table or json.")
    var output = CountersFormat.table

    func run() throws {
        let agent = try Connection.toAgent()
        put(try MulticastGroupList(caller: agent, switchName: switchName, logicalPort: logicalPort).text(as: output))
    }
}
