import Glibc
import Testing

@testable import Reactor

@Suite struct ChildProcessTests {
    /// Runs a shell command and gives back its exit code and what it printed.
    private func run(_ script: String, ownSession: Bool = false) throws -> (code: Int32?, output: String) {
        let folder = try TemporaryFolder()
        let output = try Descriptor.open(folder.path + "/out", flags: O_WRONLY | O_CREAT)
        let pid = try ChildProcess.start(
            "/bin/sh",
            arguments: ["-c", script],
            environment: ["GREETING=hello"],
            ownSession: ownSession,
            output: output
        )
        let code = try exitCode(of: pid)
        return (code, String(decoding: try readFile(folder.path + "/out"), as: UTF8.self))
    }

    private func exitCode(of pid: pid_t) throws -> Int32? {
        let loop = try EventLoop()
        var code: Int32?
        _ = try loop.onExit(ofProcess: pid) {
            code = $0
            loop.stop()
        }
        loop.run()
        return code
    }

    @Test func `A program gets its arguments and environment, and its exit code comes back`() throws {
        let (code, output) = try run("echo $GREETING $0 $#; echo oops >&2; exit 7")
        #expect(code == 7 && output == "hello /bin/sh 0\noops\n")
    }

    @Test func `A program inherits no descriptor, no blocked signal and no terminal`() throws {
        let (left, _) = try SeqPacket.pair()
        #expect(fcntl(left.raw, F_SETFD, 0) == 0)
        let (_, output) = try run("ls /proc/$$/fd; readlink /proc/$$/fd/0; grep SigBlk /proc/self/status")
        #expect(output == "0\n1\n2\n/dev/null\nSigBlk:\t0000000000000000\n")
    }

    @Test func `A session of its own is led by the program`() throws {
        let ownSession = try run("cut -d' ' -f1,6 /proc/$$/stat", ownSession: true).output.split(separator: "\n")[0]
        let parts = ownSession.split(separator: " ")
        #expect(parts.count == 2 && parts[0] == parts[1])
        let shared = try run("cut -d' ' -f6 /proc/$$/stat").output
        #expect(shared == "\(getsid(0))\n")
    }

    @Test func `A program that is missing or none is an error of the start`() throws {
        #expect(throws: SystemError(call: "exec /nowhere", errno: ENOENT)) {
            try ChildProcess.start("/nowhere", arguments: [])
        }
        #expect(throws: SystemError(call: "exec /etc/passwd", errno: EACCES)) {
            try ChildProcess.start("/etc/passwd", arguments: [])
        }
    }

    @Test func `A program that a signal ends has 128 and the signal as its code`() throws {
        let pid = try ChildProcess.start("/bin/sleep", arguments: ["60"])
        try ChildProcess.signal(pid, 0)
        try ChildProcess.signal(pid, SIGKILL)
        #expect(try exitCode(of: pid) == 128 + SIGKILL)
        #expect(throws: SystemError(call: "kill \(pid)", errno: ESRCH)) { try ChildProcess.signal(pid, 0) }
        #expect(throws: SystemError(call: "pidfd_open", errno: ESRCH)) { try exitCode(of: pid) }
    }

    @Test func `The end of a process that is no child of ours is told without a code`() throws {
        // The shell ends at once; who it started goes on and is not ours.
        let (_, output) = try run("sleep 60 >/dev/null 2>&1 & echo $!")
        let pid = try #require(pid_t(output.dropLast()))
        try ChildProcess.signal(pid, 0)
        let loop = try EventLoop()
        var told: [Int32?] = []
        _ = try loop.onExit(ofProcess: pid) {
            told.append($0)
            loop.stop()
        }
        try ChildProcess.signal(pid, SIGKILL)
        loop.run()
        #expect(told == [nil])
    }

    @Test func `A cancelled watch tells nothing`() throws {
        let loop = try EventLoop()
        let pid = try ChildProcess.start("/bin/true", arguments: [])
        let watch = try loop.onExit(ofProcess: pid) { _ in #expect(Bool(false), "it was cancelled") }
        watch.cancel()
        loop.turn(mayWait: false)
        _ = try exitCode(of: pid)
    }

    @Test func `Signals come to the loop that asked for them`() async {
        // Blocking signals is for the first thread of a process: this needs one of its own.
        await #expect(processExitsWith: .success) {
            let loop = try EventLoop()
            var got: [Int32] = []
            for signal in [SIGTERM, SIGHUP, SIGUSR1] {
                try loop.onSignal(signal) {
                    got.append(signal)
                    if got.count == 2 { loop.stop() }
                }
            }
            // Delivered to this thread: the test runner's others do not block it.
            let own = pthread_self()
            pthread_kill(own, SIGTERM)
            loop.defer { pthread_kill(own, SIGUSR1) }
            loop.run()
            precondition(got == [SIGTERM, SIGUSR1])
        }
    }
}
