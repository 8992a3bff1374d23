import ArgumentParser
import Client

/// `heddle delete`: removes objects.
struct DeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete switches, ports or chassis.",
        discussion: """
            Several objects are one commit: all of them go, or none. A switch takes its ports along; a chassis whose \
            agent still runs registers anew.

            EXAMPLES:
              heddle delete port ls1-vm1 ls1-vm2
              heddle delete switch ls1 --if-exists
              heddle delete chassis hv1
            """
    )

    @Argument(help: "The kind: switch, port or chassis.")
    var kind: ObjectKind

    @Argument(help: "The objects, by name or UUID.", completion: .custom(completeNames))
    var names: [String]

    @Flag(help: "Do nothing about those that are not there.")
    var ifExists = false

    func validate() throws {
        if names.contains("") { throw ValidationError("the name of a \(kind.singular) may not be empty") }
    }

    func run() throws {
        let session = ObjectSession(caller: try Connection.toCentral())
        put(try session.delete(kind, names: names, ifExists: ifExists))
    }
}
