import CLinux
import Glibc

/// The machine's clocks.
public enum Clock {
    /// Time since an origin that is the same for all processes of one boot (CLOCK_MONOTONIC).
    public static func monotonic() -> Duration {
        .nanoseconds(clinux_nanoseconds(CLOCK_MONOTONIC))
    }

    /// The time for which the present thread has had a processor (CLOCK_THREAD_CPUTIME_ID). Reading it takes a system
    /// call, unlike the other clocks.
    public static func threadTime() -> Duration {
        .nanoseconds(clinux_nanoseconds(CLOCK_THREAD_CPUTIME_ID))
    }

    /// Whole seconds since 1970, UTC (CLOCK_REALTIME).
    public static func wallSeconds() -> Int64 {
        clinux_nanoseconds(CLOCK_REALTIME) / 1_000_000_000
    }
}
