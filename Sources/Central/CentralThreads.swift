import API
import CentralCore
import Glibc
import HTTP
import Logging
import Reactor
import Security
import Storage

/// The ways to the threads of a central. Mailboxes are the only ones, but for the cell with the current root.
struct CentralThreads: Sendable {
    let core: Mailbox<CoreThread.Message>
    let store: Mailbox<StoreThread.Message>
    /// To each thread that serves HTTP: those of users before those of hosts.
    let servers: [Mailbox<ServingLoop.Message>]

    /// The ports for clients, with their security.
    struct Doors: Sendable {
        /// The first of each plane has a socket for each of the plane's loops.
        var listeners: [Listeners]
        /// The TLS configuration of each secure port.
        var contexts: [Route.Plane: TLSContext]
        /// The most long polls that each loop keeps.
        var parkedPollMaximum: Int
        /// Makes tokens and certificates.
        var vault: Vault

        /// The loops that serve them: the plane of each, and the number of its socket in each listener of the plane.
        var loops: [(plane: Route.Plane, socketIndex: Int)] {
            Route.Plane.allCases.flatMap { plane in
                let counts = listeners.lazy.filter { $0.plane == plane }.map(\.sockets.count)
                return (0..<(counts.max() ?? 0)).map { (plane, $0) }
            }
        }
    }

    /// Starts the thread of the core, which starts the others: they all have to know its mailbox.
    static func start(
        store: SQLiteStore,
        core: CentralCore,
        doors: Doors,
        backups: Descriptor?,
        main: Mailbox<CentralDaemon.Message>,
        metrics: Metrics,
        logger: Logger
    ) throws(SystemError) -> CentralThreads {
        // The store goes over to its thread with this and is not touched here any more.
        nonisolated(unsafe) let store = store
        return try startLoop("core", metrics, turn: innerTurn) {
            (loop: EventLoop) throws(SystemError) -> CentralThreads in
            var thread: CoreThread?
            let mailbox = try Mailbox<CoreThread.Message>(on: loop) { thread?.receive($0) }
            // Not ready before the core has looked at what it took up.
            let cell = LatestCell(Published(network: core.durable, isReady: false))
            let bulk = try startBulk("bulk", niceness: Self.yieldingNiceness * 2, cell, metrics)
            // A large write, for which others wait, waits little for contents that are being read; small requests
            // wait for neither.
            let planner = try startBulk("plan", niceness: Self.yieldingNiceness, cell, metrics)
            let disk = try start(
                store,
                backups: backups,
                core: mailbox,
                main: main,
                metrics: metrics,
                logger: logger
            )
            // Users and hosts have loops of their own: pages for a thousand hosts keep no user waiting, and users no
            // heartbeat.
            var servers: [Mailbox<ServingLoop.Message>] = []
            for (plane, socketIndex) in doors.loops {
                servers.append(
                    try startServing(
                        servers.count,
                        doors,
                        (plane, socketIndex),
                        cell: cell,
                        core: mailbox,
                        bulk: bulk,
                        main: main,
                        metrics: metrics,
                        logger: logger
                    )
                )
            }
            for thread in [bulk, planner] { thread.send(.begin(servers, core: mailbox, store: disk)) }
            thread = CoreThread(
                loop: loop,
                core: core,
                cell: cell,
                store: disk,
                servers: servers,
                planner: planner,
                main: main,
                logger: logger
            )
            return CentralThreads(core: mailbox, store: disk, servers: servers)
        }
    }

    private static func start(
        _ store: SQLiteStore,
        backups: Descriptor?,
        core: Mailbox<CoreThread.Message>,
        main: Mailbox<CentralDaemon.Message>,
        metrics: Metrics,
        logger: Logger
    ) throws(SystemError) -> Mailbox<StoreThread.Message> {
        nonisolated(unsafe) let store = store
        return try startLoop("store", metrics, turn: innerTurn) {
            (loop: EventLoop) throws(SystemError) -> Mailbox<StoreThread.Message> in
            let server = try backups.map { listener throws(SystemError) in
                try BackupServer(loop: loop, store: store, listener: listener, logger: logger)
            }
            let thread = StoreThread(
                loop: loop,
                store: store,
                backups: server,
                core: core,
                main: main,
                metrics: metrics,
                logger: logger
            )
            return try Mailbox(on: loop) { thread.receive($0) }
        }
    }

    /// The length of a processor's turn for threads on the way of every request, a third of the usual: they are
    /// there sooner where long work, or another program, has the processor.
    private static let servingTurn: Duration = .microseconds(1000)
    /// The same for the threads of the core and the log, which are woken by those that serve and work for some tens of
    /// microseconds. With a turn as long as theirs they would wait for a loop that reads large contents on the same
    /// processor until the kernel's next tick, 4 ms.
    private static let innerTurn: Duration = .microseconds(100)

    /// Starts a thread with a loop, whose turns are measured.
    /// - Parameters:
    ///   - turn: the length of its turns of the processor, or `nil` for the usual one.
    ///   - niceness: of this thread alone. If either is refused, the thread works like the others.
    private static func startLoop<Handle: Sendable>(
        _ name: String,
        _ metrics: Metrics,
        turn: Duration? = nil,
        niceness: Int32 = 0,
        _ setUp: @escaping @Sendable (EventLoop) throws(SystemError) -> Handle
    ) throws(SystemError) -> Handle {
        try EventLoop.start(named: name) { (loop: EventLoop) throws(SystemError) -> Handle in
            metrics.watch(loop, named: name)
            if let turn { _ = try? shortenProcessorTurns(to: turn) }
            if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
            return try setUp(loop)
        }.handle
    }

    /// The niceness of the thread that reads large contents, and of those that serve hosts: small requests go first if
    /// processors are few. A commit that thousands of hosts are told of has gigabytes sent, which the threads of its
    /// writer, of the core and of the log would else share a processor with; a third of one, which a user's flood
    /// leaves to hosts, is enough for the heartbeats of ten thousand.
    private static let yieldingNiceness: Int32 = 5

    private static func startBulk(
        _ name: String,
        niceness: Int32,
        _ cell: LatestCell<Published>,
        _ metrics: Metrics
    ) throws(SystemError) -> Mailbox<BulkThread.Message> {
        try startLoop(name, metrics, niceness: niceness) {
            (loop: EventLoop) throws(SystemError) -> Mailbox<BulkThread.Message> in
            Memory.widensHeap()
            let thread = BulkThread(cell: cell)
            return try Mailbox(on: loop) { thread.receive($0) }
        }
    }

    private static func startServing(
        _ index: Int,
        _ doors: Doors,
        _ own: (plane: Route.Plane, socketIndex: Int),
        cell: LatestCell<Published>,
        core: Mailbox<CoreThread.Message>,
        bulk: Mailbox<BulkThread.Message>,
        main: Mailbox<CentralDaemon.Message>,
        metrics: Metrics,
        logger: Logger
    ) throws(SystemError) -> Mailbox<ServingLoop.Message> {
        let product = API.Product(
            store: "sqlite",
            parkedRequestMaximum: doors.parkedPollMaximum,
            eventStreamMaximum: ServingLoop.eventStreamMaximum,
            http: doors.listeners.first?.limits ?? HTTPLimits()
        )
        let api = { @Sendable (plane: Route.Plane) in
            API(
                plane: plane,
                contract: Contract.text,
                console: ConsoleFiles.console,
                product: product,
                digest: { SHA256.hash($0) },
                statistics: { metrics.statistics($0) },
                vault: doors.vault
            )
        }
        let prefix = String(UInt32.random(in: 0 ... .max), radix: 16)
        let niceness = own.plane == .southbound ? yieldingNiceness : 0
        return try startLoop("\(own.plane)-\(own.socketIndex)", metrics, turn: servingTurn, niceness: niceness) {
            (loop: EventLoop) throws(SystemError) -> Mailbox<ServingLoop.Message> in
            let serving = ServingLoop(
                index: index,
                cell: cell,
                core: core,
                bulk: bulk,
                main: main,
                metrics: metrics,
                logger: logger,
                requestIDPrefix: prefix,
                parkedRequestMaximum: doors.parkedPollMaximum
            )
            for listener in doors.listeners
            where listener.plane == own.plane && own.socketIndex < listener.sockets.count {
                let tls = listener.exposure == .secure ? doors.contexts[listener.plane] : nil
                try serving.serve(
                    listener.sockets[own.socketIndex],
                    listener.exposure,
                    tls,
                    limits: listener.limits,
                    ledger: listener.ledger,
                    api: api(listener.plane),
                    on: loop
                )
            }
            return try Mailbox(on: loop) { serving.receive($0) }
        }
    }
}
