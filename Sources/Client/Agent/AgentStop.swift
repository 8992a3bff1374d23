import Glibc
import Reactor

/// Ends the agent of a state directory, and its forwarder where asked to, and waits until they are gone.
public struct AgentStop {
    /// The time that a process may take to end: both need far less, and a user at a terminal does not wait longer.
    static let patience = Duration.seconds(10)

    private let stateDirectory: String
    private let socket: String

    /// The agent that keeps its state in this directory.
    public init(stateDirectory: String) {
        self.stateDirectory = stateDirectory
        socket = stateDirectory + "/agent.sock"
    }

    /// Ends the agent, while its forwarder keeps running; with `all` also the forwarder, even one without an agent.
    /// - Throws: ``ClientError`` if nothing runs, or what runs does not end.
    public func run(all: Bool) throws(ClientError) {
        let agent = try holder(of: "agent.pid")
        if let agent {
            try waitForEnd(of: agent, "the agent") { () throws(ClientError) in
                let connection = try Connection(to: .agent(socket: socket), token: nil)
                _ = try connection.require(Call(.post, all ? "/v1/stop?all=true" : "/v1/stop"))
            }
        }
        var forwarder: pid_t?
        if all {
            forwarder = try holder(of: "forwarder/forwarder.pid")
            // Older versions have the file here.
            if forwarder == nil { forwarder = try holder(of: "forwarder.pid") }
        }
        if let forwarder {
            try waitForEnd(of: forwarder, "the forwarder") { () throws(ClientError) in
                if kill(forwarder, SIGTERM) != 0, errno != ESRCH {
                    throw .refused(
                        "cannot end the forwarder, process \(forwarder): \(String(cString: strerror(errno)))"
                    )
                }
            }
        }
        guard agent != nil || forwarder != nil else {
            throw .refused(
                "no agent\(all ? " and no forwarder" : "") of \(stateDirectory) runs; "
                    + "name the directory that it was started with by --state-dir"
            )
        }
    }

    /// The process that holds a lock file of the directory.
    private func holder(of file: String) throws(ClientError) -> pid_t? {
        let path = "\(stateDirectory)/\(file)"
        guard access(path, F_OK) == 0 else { return nil }
        do throws(FileLock.Failure) {
            // Nobody has it; it is given back at once.
            _ = try FileLock(path: path)
            return nil
        } catch {
            switch error {
            case .held(let process?): return process
            case .held(nil): throw .refused("\(path) is locked, but does not say by which process")
            case .system(let error): throw .refused("cannot look at \(path): \(error); are you root?")
            }
        }
    }

    private func waitForEnd(
        of process: pid_t,
        _ name: String,
        _ tell: () throws(ClientError) -> Void
    ) throws(ClientError) {
        let loop: EventLoop
        let registration: Registration
        var hasEnded = false
        do throws(SystemError) {
            loop = try EventLoop()
            registration = try loop.onExit(ofProcess: process) { [loop] _ in
                hasEnded = true
                loop.stop()
            }
        } catch {
            // It had ended before it could be watched.
            guard error.errno != ESRCH else { return }
            throw .refused("cannot watch \(name), process \(process): \(error)")
        }
        try tell()
        let timer = loop.schedule(after: Self.patience) { loop.stop() }
        loop.run()
        timer.cancel()
        if !hasEnded { registration.cancel() }
        guard hasEnded else {
            throw .timedOut("\(name), process \(process), still runs \(Self.patience) after it was told to end")
        }
    }
}
