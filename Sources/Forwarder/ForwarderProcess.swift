import CLinux
import ForwarderProtocol
import Glibc
import Logging
import Reactor

/// The process that moves packets: `heddle forwarder`.
public enum ForwarderProcess {
    /// Why the process could not start: one sentence.
    public struct StartFailure: Error, Hashable, Sendable, CustomStringConvertible {
        /// The sentence.
        public let description: String
    }

    /// Runs until SIGTERM, whoever else comes and goes. It starts with nothing but the journal: an agent gives it
    /// descriptors and tables. On SIGTERM every batch is brought to its end, and what comes then waits in the kernel for
    /// the next forwarder.
    /// - Parameters:
    ///   - stateDirectory: where `forwarder.sock` and `forwarder.pid` are made; it exists.
    ///   - queueCount: threads that read ports, and as many that read the underlay; `nil` for what suits the processors.
    ///   - journal: the descriptor of the journal that the forwarder before this one has left, if there was one.
    /// - Throws: when another forwarder has the directory, or the socket cannot be made.
    public static func run(
        stateDirectory: String,
        queueCount: Int? = nil,
        journal: Int32? = nil
    ) throws(StartFailure) {
        var lock: FileLock? = try takeLock(stateDirectory)
        do throws(SystemError) {
            let control = try serve(
                stateDirectory,
                queueCount ?? ForwarderProtocol.queueCount(processors: Processors.count),
                journal
            )
            // When the connection ends the agent starts the next forwarder, which needs the lock.
            withExtendedLifetime(lock) {}
            lock = nil
            control.disconnect()
        } catch {
            throw StartFailure(description: "the forwarder cannot run in \(stateDirectory): \(error)")
        }
    }

    /// What the service manager knows the journal by.
    private static let journalName = "journal"

    private static func takeLock(_ stateDirectory: String) throws(StartFailure) -> FileLock {
        let path = stateDirectory + "/forwarder.pid"
        do throws(FileLock.Failure) {
            return try FileLock(path: path)
        } catch {
            switch error {
            case .held(let process):
                let holder = process.map { "process \($0)" } ?? "another process"
                throw StartFailure(description: "\(holder) is already the forwarder of \(stateDirectory)")
            case .system(let error):
                throw StartFailure(description: "cannot lock \(path): \(error)")
            }
        }
    }

    /// Runs until SIGTERM; then nothing is under way, but the agent is still connected.
    private static func serve(
        _ stateDirectory: String,
        _ queueCount: Int,
        _ journal: Int32?
    ) throws(SystemError) -> ForwarderControl {
        let log = Logger(label: "heddle.forwarder") { QueuedLogHandler(label: $0) }
        let serviceManager = ServiceManager()
        let loop = try EventLoop()
        try loop.onSignal(SIGTERM) { loop.stop() }
        for signal in [SIGPIPE, SIGHUP, SIGINT] { try ignoreSignal(signal) }
        let path = stateDirectory + "/forwarder.sock"
        let listener = try SeqPacket.listen(path: path)
        // A port needs a descriptor, and as many may be on their way to the agent.
        try Privileges.raiseDescriptorLimit()
        let senderPool = SenderPool(queueCount: queueCount)
        // Before any other thread: privileges belong to threads. Descriptors that are handed over need none.
        try Privileges.dropAllCapabilities()
        let journal = try Journal(
            pollerCount: 2 * queueCount,
            after: journal.flatMap { clinux_file_size($0) >= 0 ? Descriptor(owning: $0) : nil }
                ?? serviceManager.kept[journalName]
        )
        serviceManager.keep(journal.descriptor, named: journalName)
        let control = try ForwarderControl(
            loop: loop,
            hashSeed: .random(in: 0 ... .max),
            senderPool: senderPool,
            journal: journal,
            log: log
        )
        try control.serve(listener)
        log.info("serving \(path)")
        serviceManager.tell(.ready(status: "serving \(path)"))
        loop.run()
        serviceManager.tell(.stopping)
        control.stop()
        try removeFile(path)
        log.info("stopped")
        return control
    }
}
