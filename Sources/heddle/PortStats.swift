import ArgumentParser
import Client
import Glibc

/// `heddle port stats`: what becomes of the frames of this host's ports.
struct PortStats: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Show what becomes of the frames of this host's ports.",
        discussion: """
            COUNTER is the fate of frames: received from the guest, forwarded, answered in place (REASON says to \
            what), dropped (and why), not_to_all (copies of a frame that were dropped), sent to the guest, or unsent. \
            Counters that are 0 are left out. --watch goes on with those that rise, and their rise in a second.

            EXAMPLES:
              heddle port stats
              heddle port stats vm1 --watch
              heddle port stats -o json
            """
    )

    @Argument(help: "Ports' names on this host; all if there is none.", completion: .custom(completePluggedPorts))
    var names: [String] = []

    @Flag(name: .shortAndLong, help: "Go on printing the counters that rise.")
    var watch = false

    @Option(help: "The seconds between two looks with --watch, 1 to 3600.")
    var interval = 1

    @Option(name: .shortAndLong, help: "How to print: table or json.")
    var output = CountersFormat.table

    func validate() throws {
        if !(1...3600).contains(interval) { throw ValidationError("--interval takes 1 to 3600 seconds") }
        if names.contains("") { throw ValidationError("a port's name may not be empty") }
    }

    func run() throws {
        let connection = try Connection.toAgent()
        let statistics = PortStatistics(caller: connection, names: names)
        guard watch else { return put(try statistics.text(as: output)) }
        connection.onHangUp(of: STDOUT_FILENO, endUnread)
        try statistics.watch(every: .seconds(interval), as: output, pause: connection.pause, output: put)
    }
}
