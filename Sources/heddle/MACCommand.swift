import ArgumentParser
import Client

/// `heddle mac`: the MACs that this host has learnt.
struct MACCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mac",
        abstract: "Show or forget the MACs that this host has learnt.",
        discussion: """
            A host learns which MACs are behind ports with 'unknown' among their addresses and without port security: \
            those that they were seen to send from in the last five minutes. Frames to these MACs go to that port \
            alone; frames to other MACs that no port has go to all ports with 'unknown'.

            EXAMPLES:
              heddle mac list
              heddle mac list --switch ls1 -o json
              heddle mac flush --mac 02:ac:10:ff:00:50
            """,
        subcommands: [MACList.self, MACFlush.self]
    )
}

/// The MACs that a command is about.
struct MACChoice: ParsableArguments {
    @Option(name: .customLong("switch"), help: "Only those of this switch.")
    var switchName: String?

    @Option(name: .customLong("port"), help: "Only those at this logical port.")
    var logicalPort: String?

    @Option(help: "Only this one.")
    var mac: String?

    func list() throws -> LearntMACList {
        let agent = try Connection.toAgent()
        return LearntMACList(caller: agent, switchName: switchName, logicalPort: logicalPort, mac: mac)
    }
}

/// `heddle mac list`.
struct MACList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the MACs that this host has learnt.",
        discussion: """
            EXAMPLES:
              heddle mac list
              heddle mac list --switch ls1 -o json
            """
    )

    @OptionGroup var choice: MACChoice

    @Option(name: .shortAndLong, help: "How to print: table or json.")
    var output = CountersFormat.table

    func run() throws { put(try choice.list().text(as: output)) }
}

/// `heddle mac flush`.
struct MACFlush: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flush",
        abstract: "Forget MACs that this host has learnt, all of them if none are named.",
        discussion: """
            EXAMPLES:
              heddle mac flush --port ls1-vm1
              heddle mac flush
            """
    )

    @OptionGroup var choice: MACChoice

    func run() throws { put(try choice.list().flush()) }
}
