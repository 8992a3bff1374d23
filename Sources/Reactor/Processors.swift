import Glibc

/// The processors of this machine.
public enum Processors {
    /// The number of processors that are switched on.
    public static var count: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
