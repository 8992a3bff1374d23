import ArgumentParser
import Client

/// `heddle port del`: unplugs a port.
struct PortDel: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "del",
        abstract: "Unplug a port.",
        discussion: """
            An interface that 'heddle port add' made is removed; one that was there before is given back. \
            The logical port stays.

            EXAMPLE:
              heddle port del vm1
            """
    )

    @Argument(help: "The port's name on this host.", completion: .custom(completePluggedPorts))
    var name: String

    @Flag(help: "Do nothing if it does not exist.")
    var ifExists = false

    func validate() throws {
        if name.isEmpty { throw ValidationError("a port's name may not be empty") }
    }

    func run() throws {
        try PortSession(caller: try Connection.toAgent()).delete(name, ifExists: ifExists)
    }
}
