/// The difference between this host's clock and central's, by the time in central's answers.
struct ClockComparison: Hashable, Sendable {
    /// The most seconds that clocks may differ without a line in the log. An answer tells whole seconds and is on its
    /// way for some.
    static let differenceMaximum: Int64 = 60

    /// The seconds by which central's clock is ahead, by its last answer; negative if it is behind.
    private(set) var secondsAhead: Int64?
    private var hasWarned = false

    /// Takes central's time and this host's, in seconds since 1970.
    /// - Returns: the line for the log: once when they differ, once when they no longer do.
    mutating func note(central: Int64, host: Int64) -> (LogLevel, String)? {
        let ahead = central.subtractingReportingOverflow(host).partialValue
        secondsAhead = ahead
        let differs = ahead.magnitude > Self.differenceMaximum
        guard differs != hasWarned else { return nil }
        hasWarned = differs
        guard differs else { return (.info, "this host's clock agrees with central's again") }
        return (
            .warning,
            "this host's clock is \(Self.text(ahead.magnitude)) \(ahead > 0 ? "behind" : "ahead of") central's; "
                + "let both keep time by NTP: see 'timedatectl' on either"
        )
    }

    /// `3 d 4 h`, `17 h 0 min`, `90 s`.
    static func text(_ seconds: UInt64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h \(seconds / 60 % 60) min"
        default: "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
        }
    }
}
