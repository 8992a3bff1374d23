import ArgumentParser
import Client

/// `heddle delete`: removes objects.
struct DeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete objects or chassis.",
        discussion: """
            Several objects are deleted in one commit: all of them, or none. A switch takes its ports along; a \
            chassis whose agent still runs registers again.

            EXAMPLES:
              heddle delete port ls1-vm1 ls1-vm2
              heddle delete switch ls1 --if-exists
              heddle delete dhcp-options dhcp1
              heddle delete chassis hv1
            """
    )

    @Argument(
        help: "The kind: \(ShownKind.deletable.map(\.singular).joined(separator: ", ")).",
        completion: .list(ShownKind.deletable.map(\.singular))
    )
    var kind: String

    @Argument(help: "The objects, by name or UUID.", completion: .custom(completeNames))
    var names: [String]

    @Flag(help: "Ignore those that do not exist.")
    var ifExists = false

    @Option(help: ArgumentHelp("Expect just so many objects to be deleted, with the ports.", valueName: "number"))
    var confirmDeletes: Int?

    func validate() throws {
        if let confirmDeletes, confirmDeletes < 0 { throw ValidationError("--confirm-deletes is a number from 0") }
    }

    func run() throws {
        let objects = try KindAndNames(kind, names)
        let session = ObjectSession(caller: try Connection.toCentral())
        put(try session.delete(objects.kind, names: names, ifExists: ifExists, confirmed: confirmDeletes))
    }
}
