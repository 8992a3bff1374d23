import API
import CentralCore
import Glibc
import Logging
import NetworkModel
import Persistent
import Reactor
import Storage

/// A running central: one thread for the core, one for the disk, some for HTTP, and the main one for signals.
public final class CentralDaemon {
    /// Messages of other threads to the main one.
    enum Message: Sendable {
        /// A thread that serves HTTP has no descriptor for a newcomer, and no idle connection to end.
        case needsRoom(loop: Int)
        /// Central is what its log says, in the form of this version.
        case ready(revision: UInt64)
        /// One more thread that serves HTTP has no client left.
        case drained
        case closed
    }

    private let configuration: CentralConfiguration
    private let loop: EventLoop
    private let serviceManager = ServiceManager()
    /// Its addresses and first revision, for people.
    private var story = ""
    private var place = ""
    private let logger = Logger(label: "central") { QueuedLogHandler(label: $0) }
    private var lock: FileLock?
    private var threads: CentralThreads?
    private var security: ServerSecurity?
    private var drainingCount = 0

    /// The interval at which certificates are checked for renewal or replacement.
    private static let securityInterval = Duration.seconds(10)

    /// Runs a central until SIGTERM or SIGINT, and ends it cleanly.
    /// - Throws: ``CentralError`` if it cannot start. A failing disk ends the process with exit code 74.
    public static func run(_ configuration: CentralConfiguration) throws(CentralError) {
        do {
            let daemon = try CentralDaemon(configuration)
            try daemon.start()
            daemon.loop.run()
        } catch let error as CentralError {
            throw error
        } catch {
            throw CentralError("central cannot run: \(error)")
        }
    }

    private init(_ configuration: CentralConfiguration) throws(SystemError) {
        self.configuration = configuration
        loop = try EventLoop()
        try loop.onSignal(SIGHUP) { [unowned self] in
            serviceManager.tell(.reloading)
            reload()
            serviceManager.tell(.ready(status: story))
        }
        for signal in [SIGTERM, SIGINT] { try loop.onSignal(signal) { [unowned self] in stop() } }
        // A file that may not grow is a full disk, not a reason to die.
        try ignoreSignal(SIGXFSZ)
        try ignoreSignal(SIGPIPE)
        try Privileges.raiseDescriptorLimit()
        try Memory.returnsLargeBlocks()
    }

    private func start() throws {
        // Also what SQLite makes in it is for its owner only.
        lock = try DataDirectory(path: configuration.dataDirectory).lock(isMade: true)
        // The log first: if there is an authority, there was a log.
        let (store, core) = try openStore()
        let authority = try CentralAuthority(
            directory: configuration.dataDirectory,
            isKnown: core.durable.access.enrolments.count > 0 && !configuration.makesNewAuthority
        )
        let main = try Mailbox<Message>(on: loop) { [unowned self] in receive($0) }
        let northbound = try listeners(configuration.northbound, .northbound, option: "--northbound")
        let southbound = try listeners(configuration.southbound, .southbound, option: "--southbound")
        let isSecure = [northbound, southbound].contains { $0.exposure == .secure }
        let security = isSecure ? ServerSecurity(configuration, authority: authority) : nil
        self.security = security
        let doors = CentralThreads.Doors(
            listeners: [northbound, southbound] + [try localListener()].compactMap { $0 },
            contexts: try security?.contexts() ?? [:],
            parkedPollMaximum: configuration.parkedPollMaximum,
            vault: authority.vault(lifetime: configuration.chassisCertificateLifetime)
        )
        threads = try CentralThreads.start(
            store: store,
            core: core,
            doors: doors,
            backups: backupListener(),
            main: main,
            metrics: Metrics(loopCount: doors.loops.count, storePath: storePath),
            logger: logger
        )
        if security != nil { watchSecurity() }
        place = "northbound \(northbound.url), southbound \(southbound.url)"
    }

    private func listeners(
        _ address: SocketAddress,
        _ plane: Route.Plane,
        option: String
    ) throws(CentralError) -> Listeners {
        try Listeners(
            address,
            plane,
            Exposure(address, configuration),
            option: option,
            count: configuration.loopCount,
            limits: configuration.limits(of: plane)
        )
    }

    /// The northbound interface for root and the user that central runs as, on this machine.
    private func localListener() throws(CentralError) -> Listeners? {
        let path = configuration.dataDirectory + "/northbound.sock"
        do throws(SystemError) {
            return Listeners(
                try .listen(on: .unix(path: path), mode: 0o600),
                at: path,
                limits: configuration.limits(of: .northbound)
            )
        } catch  where error.errno == ENAMETOOLONG {
            logger.warning("\(path) is too long for a socket; choose a shorter --data-dir to have one")
            return nil
        } catch {
            throw CentralError("cannot listen at \(path): \(error); choose another directory with --data-dir")
        }
    }

    /// Returns the listener at which `heddle central backup` gets copies of the log.
    private func backupListener() -> Descriptor? {
        let path = configuration.dataDirectory + "/" + BackupServer.socketName
        do throws(SystemError) {
            return try SeqPacket.listen(path: path)
        } catch {
            logger.warning("no backups can be made while central runs: \(error)")
            return nil
        }
    }

    private func watchSecurity() {
        loop.schedule(after: Self.securityInterval) { [weak self] in
            guard let self else { return }
            if security?.isDue == true { reload() }
            watchSecurity()
        }
    }

    /// Shows other certificates from now on. Connections that are there stay as they are.
    private func reload() {
        guard let security, let threads else { return }
        do throws(CentralError) {
            let contexts = try security.contexts()
            for server in threads.servers { server.send(.secure(contexts)) }
            logger.info("certificates were read again")
        } catch {
            logger.error("the former certificates stay in use: \(error)")
        }
    }

    private var storePath: String { configuration.dataDirectory + "/central.db" }

    private func openStore() throws(CentralError) -> (SQLiteStore, CentralCore) {
        do {
            let key = configuration.dataDirectory + "/ca.key"
            if SQLiteStore.isMissing(at: storePath), access(key, F_OK) == 0 {
                throw SQLiteStore.lost(storePath, beside: key)
            }
            var audit = AuditRetention()
            audit.seconds = configuration.auditSeconds
            let store = try SQLiteStore(
                path: storePath,
                newEpoch: .random(in: 1 ... .max),
                auditRetention: audit
            )
            let contents = try store.load()
            if let warning = contents.warning { logger.warning("\(warning)") }
            var bounds = Configuration()
            bounds.macPrefix = configuration.macPrefix
            let isTranslated = OneShot<Bool>()
            startThread(named: "compare") { [network = contents.network] in
                isTranslated.put(network.translationDifference().isEmpty)
            }
            let core = try CentralCore(
                network: contents.network,
                history: contents.history,
                hashes: contents.hashes,
                configuration: bounds,
                now: Clock.monotonic(),
                isTranslated: isTranslated.take
            )
            return (store, core)
        } catch {
            throw CentralError("cannot start from what is stored: \(error)")
        }
    }

    private func receive(_ message: Message) {
        switch message {
        case .needsRoom(let loop):
            for (index, server) in (threads?.servers ?? []).enumerated() where index != loop { server.send(.makeRoom) }
        case .ready(let revision):
            story = "\(place), revision \(revision)"
            say("central: ready, \(story)")
            serviceManager.tell(.ready(status: story))
        case .drained:
            drainingCount -= 1
            if drainingCount == 0 { threads?.store.send(.close) }
        case .closed:
            // The next start removes what cannot be removed now.
            for name in ["northbound.sock", BackupServer.socketName] {
                try? removeFile(configuration.dataDirectory + "/" + name)
            }
            say("central: stopped")
            loop.stop()
        }
    }

    /// Answers what is parked, lets clients take their answers, closes the log after the last write.
    private func stop() {
        guard let threads, drainingCount == 0 else { return }
        logger.info("stopping")
        serviceManager.tell(.stopping)
        drainingCount = threads.servers.count
        // In this order, so that a client learns of the connection's end before it gets the last answer and goes.
        for server in threads.servers { server.send(.drain) }
        threads.core.send(.stop)
    }

    /// Lines that other programs wait for: as they are, on standard error.
    private func say(_ line: String) {
        LogQueue.standardError.write(line)
    }
}
