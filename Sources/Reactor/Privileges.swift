import CLinux
import Glibc

/// The privileges and limits of this process.
public enum Privileges {
    /// Gives up every capability for good, also for programs started later (`no_new_privs`).
    ///
    /// Call it before other threads start: capabilities belong to threads.
    public static func dropAllCapabilities() throws(SystemError) {
        try systemCall("capset") { clinux_drop_all_capabilities() }
    }

    /// Becomes another user with one group and no others, and keeps no capability of root's: call it as root, before
    /// other threads start.
    ///
    /// The bounding set goes first, while that is allowed.
    public static func becomeUser(_ user: uid_t, group: gid_t) throws(SystemError) {
        try systemCall("prctl PR_CAPBSET_DROP") { clinux_drop_bounding_capabilities() }
        try systemCall("setresuid \(user)") { clinux_become_user(user, group) }
    }

    /// Has the kernel refuse this thread, and those that it starts, all that Landlock can refuse: every file by its
    /// path, TCP, abstract Unix sockets, signals to others. `dropAllCapabilities` comes first.
    /// - Returns: true if the kernel has Landlock, and has it switched on.
    public static func forbidFiles() throws(SystemError) -> Bool {
        do throws(SystemError) {
            try systemCall("landlock_restrict_self") { clinux_forbid_files() }
            return true
        } catch {
            // EPERM is the answer of a container's filter that does not know the call.
            guard [ENOSYS, EOPNOTSUPP, EPERM].contains(error.errno) else { throw error }
            return false
        }
    }

    /// Leaves this process the system calls that moving packets takes (seccomp; `clinux_confine.c` has the list). Calls
    /// that a library may try by itself fail with EPERM; calls that only an intruder's code makes end the process
    /// (SIGSYS). `dropAllCapabilities` comes first.
    public static func filterSystemCalls() throws(SystemError) {
        try systemCall("seccomp") { clinux_filter_system_calls() }
    }

    /// The largest number of descriptors of this process (RLIMIT_NOFILE).
    public static var descriptorLimit: Int {
        let limit = clinux_descriptor_limit()
        return limit < 0 ? .max : limit
    }

    /// Raises the number of descriptors this process may have to the most it is allowed (RLIMIT_NOFILE).
    /// - Returns: that number.
    @discardableResult
    public static func raiseDescriptorLimit() throws(SystemError) -> Int {
        try systemCall("setrlimit RLIMIT_NOFILE") { clinux_raise_descriptor_limit() }
    }
}
