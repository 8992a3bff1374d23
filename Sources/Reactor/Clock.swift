import CLinux
import Glibc

/// The machine's clocks.
public enum Clock {
    /// Time since an origin that is the same for all processes of one boot (CLOCK_MONOTONIC).
    public static func monotonic() -> Duration {
        .nanoseconds(clinux_nanoseconds(CLOCK_MONOTONIC))
    }

    /// Whole seconds since 1970, UTC (CLOCK_REALTIME).
    public static func wallSeconds() -> Int64 {
        clinux_nanoseconds(CLOCK_REALTIME) / 1_000_000_000
    }
}
