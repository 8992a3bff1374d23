import ArgumentParser
import Client
import Glibc
import NetworkModel

/// `heddle get`: lists objects.
struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "List objects, chassis and what the hosts are told.",
        discussion: """
            KIND is switches (ls), ports (lsp), dhcp-options (dhcp), dns-records (dns), mirrors, port-groups (pg), \
            address-sets (as), acls, qos-rules (qos), chassis (ch) or, of the southbound side, datapath-bindings (dp), \
            port-bindings (pb), dhcp-responders, dns-responders, mirror-sessions and multicast-groups (mg); the \
            names of OVN's tables are understood too.

            --watch prints the existing objects, and then each change as it comes, until it is interrupted. It \
            continues over restarts of central. With -o json each line is one object: its 'type' is ADDED, MODIFIED \
            or DELETED, its 'object' the object as it is, or as it was.

            EXAMPLES:
              heddle get switches
              heddle get ports --switch ls1 -o wide
              heddle get ports -l 'app in (web,db),!draft' --filter status.up=false
              heddle get ports --filter 'name=web-*' --filter ip=10.0.0.0/24 --order -created
              heddle get port ls1-vm1 -o yaml
              heddle get ports -o name
              heddle get ports --switch ls1 --watch
              heddle get port-bindings --watch
            """
    )

    @Argument(
        help: "What to list: \(KindAndNames.kinds.joined(separator: ", ")).",
        completion: .list(KindAndNames.kinds)
    )
    var kind: String

    @Argument(help: "Only these, by name or UUID.", completion: .custom(completeNames))
    var names: [String] = []

    @Option(name: .shortAndLong, help: "How to print: table, wide, json, yaml or name.")
    var output = OutputFormat.table

    @Option(
        name: [.customShort("l"), .customLong("selector")],
        help: ArgumentHelp(
            "Only objects with these labels: \(LabelSelector.forms).",
            valueName: "labels"
        )
    )
    var labels: [String] = []

    @Option(
        name: .customLong("filter"),
        help: ArgumentHelp(
            "Only objects with this field, or by != with another; value* is all that begin so; may be repeated.",
            valueName: "field=value"
        )
    )
    var fields: [String] = []

    @Option(
        name: .customLong("switch"),
        help: ArgumentHelp("Only ports of this switch.", valueName: "switch"),
        completion: .custom(completeSwitches)
    )
    var logicalSwitch: String?

    @Option(
        name: [.customLong("order"), .customLong("sort-by")],
        // An order the other way round begins with a hyphen.
        parsing: .unconditional,
        help: ArgumentHelp(
            "The order: \(ListOrder.forms.joined(separator: ", ")).",
            valueName: "order"
        ),
        completion: .list(ListOrder.forms)
    )
    var order: String?

    @Flag(name: .shortAndLong, help: "Go on printing what changes.")
    var watch = false

    @Flag(help: "Print changes only, not the existing objects.")
    var watchOnly = false

    func run() throws {
        let objects = try KindAndNames(kind, names)
        let selection = try ObjectSelection(labels: labels, fields: fields)
        let connection = try Connection.toCentral()
        let hasStates = output == .table || output == .wide
        if watch || watchOnly {
            guard order == nil else { throw ClientError.usage("changes come as they are made; leave --order out") }
            connection.onHangUp(of: STDOUT_FILENO, endUnread)
            try ObjectWatch(caller: connection, pause: connection.pause, output: { put($0, hasStates: hasStates) }) {
                complain($0)
            }.run(
                objects.kind,
                names: objects.names,
                of: logicalSwitch,
                selection: selection,
                format: output,
                onlyChanges: watchOnly
            )
        }
        let session = ObjectSession(caller: connection)
        var isMissing = false
        let text = try session.get(
            objects.kind,
            names: objects.names,
            of: logicalSwitch,
            selection: selection,
            order: order,
            format: output,
            lineWidth: terminalWidth
        ) { error in
            isMissing = true
            complain(error.message)
        }
        put(text, hasStates: hasStates)
        if isMissing { throw ExitCode(ExitStatus.refused.rawValue) }
    }
}
