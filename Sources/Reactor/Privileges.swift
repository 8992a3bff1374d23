import CLinux
import Glibc

/// What this process may do.
public enum Privileges {
    /// Gives up every capability for good, also for programs started later (`no_new_privs`).
    ///
    /// Call it before other threads start: capabilities belong to threads.
    public static func dropAllCapabilities() throws(SystemError) {
        try systemCall("capset") { clinux_drop_all_capabilities() }
    }

    /// How many descriptors this process may have (RLIMIT_NOFILE).
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
