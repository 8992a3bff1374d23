import ArgumentParser
import Client

/// `heddle delete`: removes objects.
struct DeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete objects, chassis or topologies.",
        discussion: """
            Several objects are deleted in one commit: all of them, or none. A switch takes its ports along; a \
            chassis whose agent still runs registers again. Of objects that are chosen by labels, fields or switch, \
            --confirm-deletes has to tell the number; without it the answer tells it, and nothing is deleted. A \
            topology is all that its owner has.

            EXAMPLES:
              heddle delete port ls1-vm1 ls1-vm2
              heddle delete switch ls1 --if-exists
              heddle delete dhcp-options dhcp1
              heddle delete chassis hv1
              heddle delete ports -l tenant=t1 --confirm-deletes 12
              heddle delete topology shop
            """
    )

    @Argument(
        help: "The kind: \(kinds.joined(separator: ", ")).",
        completion: .list(kinds)
    )
    var kind: String

    @Argument(help: "The objects, by name or UUID.", completion: .custom(completeNames))
    var names: [String] = []

    @Flag(help: "Ignore those that do not exist.")
    var ifExists = false

    @Option(
        name: [.customLong("confirm-deletes"), .customLong("confirm")],
        help: ArgumentHelp("Expect just so many objects to be deleted, with the ports.", valueName: "number")
    )
    var confirmDeletes: Int?

    @Option(
        name: [.customShort("l"), .customLong("selector")],
        help: ArgumentHelp("The objects with these labels, as for get.", valueName: "labels")
    )
    var labels: [String] = []

    @Option(
        name: .customLong("filter"),
        help: ArgumentHelp("The objects with this field, as for get.", valueName: "field=value")
    )
    var fields: [String] = []

    @Option(
        name: .customLong("switch"),
        help: ArgumentHelp("The ports of this switch.", valueName: "switch"),
        completion: .custom(completeSwitches)
    )
    var logicalSwitch: String?

    private static let topologies = ["topology", "topologies"]
    private static let kinds = ShownKind.deletable.map(\.singular) + topologies.prefix(1)

    private var isSelecting: Bool { !labels.isEmpty || !fields.isEmpty || logicalSwitch != nil }

    func validate() throws {
        if let confirmDeletes, confirmDeletes < 0 { throw ValidationError("--confirm-deletes is a number from 0") }
        if names.isEmpty != isSelecting {
            throw ValidationError("name the objects, or choose them by -l, --filter or --switch")
        }
    }

    func run() throws {
        if Self.topologies.contains(kind.lowercased()) { return try deleteTopologies() }
        let objects = try KindAndNames(kind, names)
        let selection = try ObjectSelection(labels: labels, fields: fields)
        let session = ObjectSession(caller: try Connection.toCentral())
        guard isSelecting else {
            return put(try session.delete(objects.kind, names: names, ifExists: ifExists, confirmed: confirmDeletes))
        }
        put(try session.delete(objects.kind, selection, of: logicalSwitch, confirmed: confirmDeletes))
    }

    private func deleteTopologies() throws {
        guard names.count == 1 else { throw ClientError.usage("name one topology; each is deleted by itself") }
        let session = ObjectSession(caller: try Connection.toCentral())
        put(try session.deleteTopology(names[0], ifExists: ifExists, confirmed: confirmDeletes))
    }
}
