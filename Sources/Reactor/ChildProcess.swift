import CLinux
import Glibc

/// Starting and signalling of other processes.
public enum ChildProcess {
    /// Starts a program.
    ///
    /// It inherits nothing but stdout and stderr: stdin is /dev/null, other descriptors are closed, signals are
    /// unblocked and at their defaults. `EventLoop.onExit` reaps it.
    /// - Parameters:
    ///   - path: the program's file; PATH is not searched.
    ///   - arguments: its arguments, without the name of the program, which is `path`.
    ///   - environment: `NAME=VALUE` each; `nil` for ours.
    ///   - ownSession: starts a session, so that no terminal's signals reach it.
    ///   - output: where stdout and stderr go; `nil` for ours.
    /// - Returns: the process id, once the program has begun: a missing or wrong file is thrown.
    public static func start(
        _ path: String,
        arguments: [String],
        environment: [String]? = nil,
        ownSession: Bool = false,
        output: Descriptor? = nil
    ) throws(SystemError) -> pid_t {
        let argv = CStringArray([path] + arguments)
        let envp = environment.map { CStringArray($0) }
        let pid = try systemCall("exec \(path)") {
            clinux_spawn(path, argv.pointers, envp?.pointers ?? environ, ownSession ? 1 : 0, output?.raw ?? -1)
        }
        withExtendedLifetime((argv, envp, output)) {}
        return pid_t(pid)
    }

    /// Sends `signal` to a process; 0 only asks whether it is there.
    /// - Throws: ESRCH when it is not.
    public static func signal(_ process: pid_t, _ signal: Int32) throws(SystemError) {
        try systemCall("kill \(process)") { clinux_kill(process, signal) }
    }
}

/// A C vector of strings, ended by a null pointer.
private final class CStringArray {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: count + 1)
        for (index, string) in strings.enumerated() { pointers[index] = strdup(string) }
        pointers[count] = nil
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
