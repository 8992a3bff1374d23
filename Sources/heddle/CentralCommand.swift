import ArgumentParser
import Central
import Client
import Reactor
import Wire

/// `heddle central`: keeps the logical network and tells the hosts.
struct CentralCommand: ParsableCommand {
    /// Central's data directory, unless told otherwise.
    static let defaultDataDirectory = "/var/lib/heddle/central"

    static let configuration = CommandConfiguration(
        commandName: "central",
        abstract: "Run central: the API, the log, the hosts' feed.",
        discussion: """
            Listens on loopback unless told otherwise; ends cleanly on SIGTERM. On loopback it speaks plain HTTP \
            with everybody on this machine. Anywhere else it speaks TLS: users need a token, agents a certificate, \
            both from 'heddle token create'. Root of this machine needs neither, through DATA-DIR/northbound.sock.
            Its certificates come from its own authority; clients trust it by a copy of DATA-DIR/ca.crt. The files \
            of --certificate and --key are read again when they change, and on SIGHUP.

            EXAMPLES:
              heddle central
              heddle central --northbound 192.0.2.1:6641 --southbound 192.0.2.1:6642
              heddle central --northbound 0.0.0.0:6641 --southbound 0.0.0.0:6642 \\
                --tls-name central.example --certificate cert.pem --key key.pem
              heddle central backup /var/backups/heddle
            """,
        subcommands: [CentralBackupCommand.self, CentralRestoreCommand.self]
    )

    @Option(help: ArgumentHelp("Where the commit log is; made if missing.", valueName: "dir"))
    var dataDir = CentralCommand.defaultDataDirectory

    @Option(help: ArgumentHelp("Where users and their tools connect; port 0 is any free one.", valueName: "addr:port"))
    var northbound = "127.0.0.1:6641"

    @Option(help: ArgumentHelp("Where agents connect.", valueName: "addr:port"))
    var southbound = "127.0.0.1:6642"

    @Option(help: "The engine of the commit log: sqlite.")
    var store = "sqlite"

    @Flag(help: "Speak plain HTTP at any address: no encryption, no authentication (labs).")
    var insecure = false

    @Flag(help: "Speak TLS and ask for tokens and certificates on loopback too.")
    var tls = false

    @Option(
        name: .customLong("tls-name"),
        help: ArgumentHelp("Another name or address by which clients know central; repeatable.", valueName: "name")
    )
    var tlsNames: [String] = []

    @Option(help: ArgumentHelp("A certificate (PEM, with its chain) for the northbound port.", valueName: "file"))
    var certificate: String?

    @Option(help: ArgumentHelp("The key of --certificate (PEM, no passphrase).", valueName: "file"))
    var key: String?

    @Option(help: ArgumentHelp("How long a chassis' certificate is valid: 24h, 7d …", valueName: "time"))
    var chassisCertificateLife = "24h"

    @Option(help: ArgumentHelp("How many days /v1/audit keeps a commit.", valueName: "days"))
    var auditDays = 30

    @Option(
        name: .customLong("mac-prefix"),
        help: ArgumentHelp(
            "How the MAC addresses begin that central gives to ports; without it as before, at first at random.",
            valueName: "aa:bb:cc"
        )
    )
    var macPrefix: String?

    @Flag(help: "Make a new authority if ca.key and ca.crt are lost; every chassis then has to join again.")
    var newAuthority = false

    @OptionGroup(title: "Limits")
    var limits: CentralLimits

    func validate() throws {
        for (option, text) in [("--northbound", northbound), ("--southbound", southbound)]
        where SocketAddress(parsing: text) == nil {
            throw ValidationError("\(option) '\(text)' is not ADDRESS:PORT, such as 127.0.0.1:6641 or [::1]:6641")
        }
        if insecure, tls { throw ValidationError("--insecure and --tls contradict each other") }
        if (certificate == nil) != (key == nil) { throw ValidationError("--certificate and --key go together") }
        for name in tlsNames where IPAddress(name) == nil && !CentralConfiguration.isServerName(name) {
            throw ValidationError("--tls-name '\(name)' is neither a host's name nor an address")
        }
        let lives = CentralConfiguration.chassisCertificateLifetimeRange
        guard let life = Lifetime.seconds(chassisCertificateLife), lives.contains(life) else {
            throw ValidationError(
                "--chassis-certificate-life '\(chassisCertificateLife)' is not a time of 3s to 365d, such as 24h"
            )
        }
        if let macPrefix, MACPrefix(macPrefix) == nil {
            throw ValidationError("--mac-prefix '\(macPrefix)' is not the beginning of an address, such as 0a:00:00")
        }
        let days = CentralConfiguration.auditDayRange
        guard days.contains(auditDays) else {
            throw ValidationError("--audit-days is \(days.lowerBound) to \(days.upperBound), not \(auditDays)")
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
        var configuration = CentralConfiguration(
            dataDirectory: dataDir,
            northbound: northbound,
            southbound: southbound,
            isInsecure: insecure
        )
        limits.apply(to: &configuration)
        configuration.securesLoopback = tls
        configuration.serverNames = tlsNames
        configuration.certificateFile = certificate
        configuration.keyFile = key
        configuration.auditSeconds = Int64(auditDays) * 86_400
        configuration.makesNewAuthority = newAuthority
        configuration.macPrefix = macPrefix.flatMap { MACPrefix($0) }
        if let life = Lifetime.seconds(chassisCertificateLife) { configuration.chassisCertificateLifetime = life }
        do throws(CentralError) {
            try CentralDaemon.run(configuration)
        } catch {
            throw ClientError.refused(error.description)
        }
    }
}
