import ArgumentParser
import Central
import Client
import Reactor

/// `heddle central`: holds the network and serves it to users and agents.
struct CentralCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "central",
        abstract: "Hold the network and serve it to users and agents.",
        discussion: """
            Runs until SIGTERM. The commit log is in DATA-DIR; what was answered is there after any crash. \
            Beyond loopback it starts only with --insecure, as it speaks plain HTTP without authentication.

            EXAMPLES:
              heddle central --data-dir /var/lib/heddle/central
              heddle central --northbound 10.0.0.2:6641 --southbound 10.0.0.2:6642 --insecure
            """
    )

    @Option(help: "The directory of the commit log; made if missing.")
    var dataDir = "/var/lib/heddle/central"

    @Option(help: ArgumentHelp("Where users and their tools connect.", valueName: "address:port"))
    var northbound = "127.0.0.1:6641"

    @Option(help: ArgumentHelp("Where agents connect.", valueName: "address:port"))
    var southbound = "127.0.0.1:6642"

    @Option(help: "The engine of the commit log: sqlite.")
    var store = "sqlite"

    @Flag(help: "Speak plain HTTP, without authentication, also beyond loopback.")
    var insecure = false

    func validate() throws {
        _ = try Self.address(northbound, of: "--northbound")
        _ = try Self.address(southbound, of: "--southbound")
        if store.hasPrefix("etcd://") {
            throw ValidationError("--store \(store) is not supported yet, leave it out or say --store sqlite")
        }
        guard store == "sqlite" else { throw ValidationError("--store is sqlite, not '\(store)'") }
        guard !dataDir.isEmpty else { throw ValidationError("--data-dir may not be empty") }
    }

    func run() throws {
        let configuration = CentralConfiguration(
            dataDirectory: dataDir,
            northbound: try Self.address(northbound, of: "--northbound"),
            southbound: try Self.address(southbound, of: "--southbound"),
            isInsecure: insecure
        )
        do throws(CentralError) {
            try CentralDaemon.run(configuration)
        } catch {
            throw ClientError.refused(error.description)
        }
    }

    private static func address(_ text: String, of option: String) throws -> SocketAddress {
        guard let address = SocketAddress(parsing: text) else {
            throw ValidationError("\(option) is an IP address and a port, such as 127.0.0.1:6641, not '\(text)'")
        }
        return address
    }
}
