import ArgumentParser
import Client

/// `heddle get`: lists objects.
struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "List switches, ports, chassis and what the hosts are told.",
        discussion: """
            KIND is switches (ls), ports (lsp), chassis (ch), or, of the southbound side, datapath-bindings (dp), \
            port-bindings (pb) and multicast-groups (mg); OVN's names of tables are understood too.

            EXAMPLES:
              heddle get switches
              heddle get ports --switch ls1 -o wide
              heddle get ports -l app=web,tier!=test --filter status.up=false
              heddle get port ls1-vm1 -o yaml
              heddle get ports -o name
            """
    )

    @Argument(help: "What to list: \(ObjectKind.allValueStrings.joined(separator: ", ")).")
    var kind: ObjectKind

    @Argument(help: "Only these, by name or UUID.", completion: .custom(completeNames))
    var names: [String] = []

    @Option(name: .shortAndLong, help: "How to print: table, wide, json, yaml or name.")
    var output = OutputFormat.table

    @Option(
        name: [.customShort("l"), .customLong("selector")],
        help: ArgumentHelp(
            "Only objects with these labels: key=value, key!=value, key, !key, joined by commas.",
            valueName: "labels"
        )
    )
    var labels: [String] = []

    @Option(
        name: .customLong("filter"),
        help: ArgumentHelp("Only objects with this field; may be repeated.", valueName: "field=value")
    )
    var fields: [String] = []

    @Option(name: .customLong("switch"), help: ArgumentHelp("Only ports of this switch.", valueName: "switch"))
    var logicalSwitch: String?

    func run() throws {
        let selection = try ObjectSelection(labels: labels, fields: fields)
        let session = ObjectSession(caller: try Connection.toCentral())
        put(try session.get(kind, names: names, of: logicalSwitch, selection: selection, format: output))
    }
}
