import ArgumentParser
import Central
import Client
import Reactor

/// `heddle central`: keeps the logical network and tells the hosts.
struct CentralCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "central",
        abstract: "Run central: the API, the log, the hosts' feed.",
        discussion: """
            Listens on loopback unless told otherwise; ends cleanly on SIGTERM.

            EXAMPLES:
              heddle central
              heddle central --data-dir /srv/heddle --insecure \\
                --northbound 192.0.2.1:6641 --southbound 192.0.2.1:6642
            """
    )

    @Option(help: ArgumentHelp("Where the commit log is; made if missing.", valueName: "dir"))
    var dataDir = "/var/lib/heddle/central"

    @Option(help: ArgumentHelp("Where users and their tools connect; port 0 is any free one.", valueName: "addr:port"))
    var northbound = "127.0.0.1:6641"

    @Option(help: ArgumentHelp("Where agents connect.", valueName: "addr:port"))
    var southbound = "127.0.0.1:6642"

    @Option(help: "The engine of the commit log: sqlite.")
    var store = "sqlite"

    @Flag(help: "Speak plain HTTP beyond loopback: no encryption, no authentication (labs).")
    var insecure = false

    func validate() throws {
        for (option, text) in [("--northbound", northbound), ("--southbound", southbound)]
        where SocketAddress(parsing: text) == nil {
            throw ValidationError("\(option) '\(text)' is not ADDRESS:PORT, such as 127.0.0.1:6641 or [::1]:6641")
        }
        if store.hasPrefix("etcd://") {
            throw ValidationError("--store \(store) is not supported yet, leave it out or say --store sqlite")
        }
        if store != "sqlite" { throw ValidationError("--store is sqlite, not '\(store)'") }
        if dataDir.isEmpty { throw ValidationError("--data-dir may not be empty") }
    }

    func run() throws {
        guard let northbound = SocketAddress(parsing: northbound), let southbound = SocketAddress(parsing: southbound)
        else { return }
        let configuration = CentralConfiguration(
            dataDirectory: dataDir,
            northbound: northbound,
            southbound: southbound,
            isInsecure: insecure
        )
        do throws(CentralError) {
            try CentralDaemon.run(configuration)
        } catch {
            throw ClientError.refused(error.description)
        }
    }
}
