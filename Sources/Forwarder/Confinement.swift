import Glibc
import Reactor

/// The privileges that a forwarder gives up before the first frame. An intruder who takes it over by a frame has the
/// descriptors that it holds and the socket of its agent, and nothing else of the host.
enum Confinement {
    /// The user that it becomes: made by the package, for this alone.
    static let userName = "heddle-forwarder"
    /// The user and group if nobody has made that one, as in a lab. Neither Debian nor systemd gives the numbers
    /// from 65520 to 65533 to anybody, and nobody (65534) is shared with others.
    static let userNumber: UInt32 = 65_530

    /// Gives it all up, for good.
    ///
    /// To be called before other threads start, with everything open that needs a path or a privilege. Without filters
    /// of system calls there is no forwarder: every kernel that Linux distributions build has them. Landlock is a
    /// second wall after the filter, which lets no file be opened either; it is missing from kernels in use.
    /// - Returns: what the log should say about it.
    static func enter() throws(SystemError) -> String {
        // The log's local time is read from a file the first time.
        tzset()
        if geteuid() == 0 {
            let (user, group) = user
            try Privileges.becomeUser(user, group: group)
        }
        try Privileges.dropAllCapabilities()
        let hasLandlock = try Privileges.forbidFiles()
        try Privileges.filterSystemCalls()
        let files = hasLandlock ? "" : "; this kernel has no Landlock, so that seccomp alone keeps files from it"
        return "confined as user \(geteuid()), without capabilities\(files)"
    }

    private static var user: (user: uid_t, group: gid_t) {
        guard let entry = getpwnam(userName) else { return (userNumber, userNumber) }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }
}
