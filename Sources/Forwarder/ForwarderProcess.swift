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

    /// Runs until SIGTERM, whoever else comes and goes. It starts with nothing: an agent gives it descriptors and
    /// tables.
    /// - Parameter stateDirectory: where `forwarder.sock` and `forwarder.pid` are made; it exists.
    /// - Throws: when another forwarder has the directory, or the socket cannot be made.
    public static func run(stateDirectory: String) throws(StartFailure) {
        let lock = try takeLock(stateDirectory)
        do throws(SystemError) {
            try serve(stateDirectory)
        } catch {
            throw StartFailure(description: "the forwarder cannot run in \(stateDirectory): \(error)")
        }
        withExtendedLifetime(lock) {}
    }

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

    private static func serve(_ stateDirectory: String) throws(SystemError) {
        let log = Logger(label: "heddle.forwarder")
        let serviceManager = ServiceManager()
        let loop = try EventLoop()
        try loop.onSignal(SIGTERM) { loop.stop() }
        for signal in [SIGPIPE, SIGHUP, SIGINT] { try ignoreSignal(signal) }
        let path = stateDirectory + "/forwarder.sock"
        let listener = try SeqPacket.listen(path: path)
        // A port needs a descriptor, and as many may be on their way to the agent.
        try Privileges.raiseDescriptorLimit()
        let senderPool = SenderPool()
        // Before any other thread: privileges belong to threads. Descriptors that are handed over need none.
        try Privileges.dropAllCapabilities()
        let control = try ForwarderControl(
            loop: loop,
            hashSeed: .random(in: 0 ... .max),
            senderPool: senderPool,
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
    }
}
