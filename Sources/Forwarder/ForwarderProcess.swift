import ForwarderProtocol
import Glibc
import Logging
import Reactor

/// The process that moves packets: `heddle forwarder`.
public enum ForwarderProcess {
    /// The reason why the process could not start: one sentence.
    public struct StartFailure: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// The user that it becomes, if there is one of this name.
    public static var userName: String { Confinement.userName }

    /// Runs until SIGTERM, whoever else comes and goes. It starts with nothing: an agent gives it descriptors and
    /// tables. On SIGTERM every batch is brought to its end, and what comes then waits in the kernel for the next
    /// forwarder.
    ///
    /// Work that needs a path or a privilege is done first; then the process confines itself (``Confinement``).
    /// - Parameters:
    ///   - directory: where `forwarder.sock` and `forwarder.pid` are made; made if missing.
    ///   - queueCount: threads that read ports, and as many that read the underlay; `nil` for what suits the
    ///     processors.
    /// - Throws: when another forwarder has the directory, or the socket cannot be made.
    public static func run(directory: String, queueCount: Int? = nil) throws(StartFailure) {
        var lock: FileLock? = try takeLock(directory)
        do throws(SystemError) {
            let queueCount = queueCount ?? ForwarderProtocol.queueCount(processors: Processors.count)
            let control = try serve(directory, queueCount)
            // When the connection ends the agent starts the next forwarder, which needs the lock.
            withExtendedLifetime(lock) {}
            lock = nil
            control.disconnect()
        } catch {
            throw StartFailure(description: "the forwarder cannot run in \(directory): \(error)")
        }
    }

    private static func takeLock(_ directory: String) throws(StartFailure) -> FileLock {
        let path = directory + "/forwarder.pid"
        do throws(SystemError) {
            try makeDirectory(directory, mode: 0o700)
        } catch {
            throw StartFailure(description: "cannot make \(directory): \(error)")
        }
        do throws(FileLock.Failure) {
            return try FileLock(path: path)
        } catch {
            switch error {
            case .held(let process):
                let holder = process.map { "process \($0)" } ?? "another process"
                throw StartFailure(description: "\(holder) is already the forwarder of \(directory)")
            case .system(let error):
                throw StartFailure(description: "cannot lock \(path): \(error)")
            }
        }
    }

    /// Runs until SIGTERM; then nothing is under way, but the agent is still connected.
    private static func serve(_ directory: String, _ queueCount: Int) throws(SystemError) -> ForwarderControl {
        let log = Logger(label: "heddle.forwarder") { QueuedLogHandler(label: $0) }
        let serviceManager = ServiceManager()
        let loop = try EventLoop()
        try loop.onSignal(SIGTERM) { loop.stop() }
        for signal in [SIGPIPE, SIGHUP, SIGINT] { try ignoreSignal(signal) }
        let path = directory + "/forwarder.sock"
        // The agent may be another user, of our group; the directory keeps everybody else out.
        let listener = try SeqPacket.listen(path: path, mode: 0o660)
        // A port needs a descriptor, and as many may be on their way to the agent.
        try Privileges.raiseDescriptorLimit()
        let senderPool = SenderPool(queueCount: queueCount)
        // Before any other thread: capabilities belong to threads, and so do Landlock's rules.
        let confinement = try Confinement.enter()
        let control = try ForwarderControl(
            loop: loop,
            senderPool: senderPool,
            queueCount: queueCount,
            log: log
        )
        try control.serve(listener)
        log.info("serving \(path), \(confinement)")
        serviceManager.tell(.ready(status: "serving \(path)"))
        loop.run()
        serviceManager.tell(.stopping)
        control.stop()
        // The socket's file stays: no file is ours to remove any more. The next forwarder does.
        log.info("stopped")
        return control
    }
}
