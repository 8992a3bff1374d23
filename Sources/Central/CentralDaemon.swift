import API
import CentralCore
import Glibc
import Logging
import Northd
import Reactor
import Storage

/// A running central: one thread for the core, one for the disk, some for HTTP, and the main one for signals.
public final class CentralDaemon {
    /// What the other threads say to the main one.
    enum Message: Sendable {
        /// A thread that serves HTTP has no descriptor for a newcomer, and nobody idle to end.
        case needsRoom(loop: Int)
        /// One more thread that serves HTTP has no client left.
        case drained
        /// The log is closed.
        case closed
    }

    private let configuration: CentralConfiguration
    private let loop: EventLoop
    private let serviceManager = ServiceManager()
    /// Where it listens and since which revision, for people.
    private var story = ""
    private let logger = Logger(label: "central") { QueuedLogHandler(label: $0) }
    private var lock: FileLock?
    private var threads: CentralThreads?
    private var security: ServerSecurity?
    private var drainingCount = 0

    /// How often is looked whether there has to be another certificate.
    private static let securityInterval = Duration.seconds(10)

    /// Runs a central until SIGTERM or SIGINT, and ends it cleanly.
    /// - Throws: ``CentralError`` where it cannot start. A failing disk ends the process with exit code 74.
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
    }

    private func start() throws {
        lock = try lockDataDirectory()
        let authority = try CentralAuthority(directory: configuration.dataDirectory)
        let (store, core) = try openStore()
        let main = try Mailbox<Message>(on: loop) { [unowned self] in receive($0) }
        let northbound = try listeners(configuration.northbound, .northbound, option: "--northbound")
        let southbound = try listeners(configuration.southbound, .southbound, option: "--southbound")
        let isSecure = [northbound, southbound].contains { $0.exposure == .secure }
        let security = isSecure ? ServerSecurity(configuration, authority: authority) : nil
        self.security = security
        threads = try CentralThreads.start(
            store: store,
            core: core,
            doors: CentralThreads.Doors(
                listeners: [northbound, southbound] + [try localListener()].compactMap { $0 },
                contexts: try security?.contexts() ?? [:],
                parkedPollMaximum: configuration.parkedPollMaximum,
                vault: authority.vault(lifetime: configuration.chassisCertificateLifetime)
            ),
            main: main,
            metrics: Metrics(loopCount: configuration.loopCount, storePath: storePath),
            logger: logger
        )
        if security != nil { watchSecurity() }
        story =
            "northbound \(northbound.url), southbound \(southbound.url), revision \(core.durable.revision)"
        say("central: ready, \(story)")
        serviceManager.tell(.ready(status: story))
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
            logger.info("certificates are read anew")
        } catch {
            logger.error("the former certificates stay in use: \(error)")
        }
    }

    private func lockDataDirectory() throws(CentralError) -> FileLock {
        let directory = configuration.dataDirectory
        // Also what SQLite makes in it is for its owner only.
        umask(0o077)
        do throws(SystemError) {
            try makeDirectory(directory)
        } catch {
            throw CentralError("cannot make the data directory: \(error); choose another with --data-dir")
        }
        do throws(FileLock.Failure) {
            return try FileLock(path: directory + "/central.pid")
        } catch {
            switch error {
            case .held(let process):
                let holder = process.map { "another central (process \($0))" } ?? "another central"
                throw CentralError("\(holder) runs on \(directory); stop it or choose another with --data-dir")
            case .system(let error):
                throw CentralError("cannot use the data directory: \(error); choose another with --data-dir")
            }
        }
    }

    private var storePath: String { configuration.dataDirectory + "/central.db" }

    private func openStore() throws(CentralError) -> (SQLiteStore, CentralCore) {
        do {
            let store = try SQLiteStore(path: storePath, newEpoch: .random(in: 1 ... .max))
            let contents = try store.load()
            let core = try CentralCore(
                network: contents.network,
                history: contents.history,
                hashes: contents.hashes,
                now: Clock.monotonic()
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
        case .drained:
            drainingCount -= 1
            if drainingCount == 0 { threads?.store.send(.close) }
        case .closed:
            // What cannot be removed is removed by the next start.
            try? removeFile(configuration.dataDirectory + "/northbound.sock")
            say("central: stopped")
            loop.stop()
        }
    }

    /// Answers what is parked, lets clients take their answers, closes the log behind the last write.
    private func stop() {
        guard let threads, drainingCount == 0 else { return }
        logger.info("stopping")
        serviceManager.tell(.stopping)
        drainingCount = threads.servers.count
        // In this order: a client hears that the connection ends before it hears the last answer and goes.
        for server in threads.servers { server.send(.drain) }
        threads.core.send(.stop)
    }

    /// Lines that other programs wait for: as they are, on standard error.
    private func say(_ line: String) {
        LogQueue.standardError.write(line)
    }
}
