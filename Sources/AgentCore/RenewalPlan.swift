/// The time at which the certificate of this host's chassis is renewed: after two thirds of its life, so that central
/// may be away for the last third.
///
/// The certificate's times are central's, and this host's clock may be hours from them: a wrong clock causes no more
/// than a renewal now and then.
public struct RenewalPlan: Equatable, Sendable {
    /// The seconds by which a certificate begins before it was made, or its life, if that is less.
    static let backdating: Int64 = 86_400
    /// The least time between a renewal and the next, if the life is not short itself.
    static let pause: Duration = .seconds(60)

    private let notAfter: Int64
    private let life: Int64

    /// - Parameters:
    ///   - notBefore: the certificate's begin, in seconds since 1970.
    ///   - notAfter: its end.
    public init(notBefore: Int64, notAfter: Int64) {
        self.notAfter = notAfter
        let (whole, overflows) = notAfter.subtractingReportingOverflow(notBefore)
        life = overflows ? 1 : max(1, whole / 2, whole > Self.backdating ? whole - Self.backdating : 0)
    }

    /// Returns the seconds from `now`, in seconds since 1970, until the certificate is to be renewed.
    /// - Parameters:
    ///   - jitter: 0 ..< 1; up to a twentieth of the life is taken off, so that hosts which joined together do not come
    ///     together.
    ///   - age: how long ago this certificate came by a renewal, by a clock that nobody sets; `nil` for one that was
    ///     kept.
    public func delay(at now: Int64, jitter: Double, age: Duration? = nil) -> Duration {
        let early = Double(life) * (1.0 / 3 + jitter / 20)
        let left = Double(notAfter) - Double(now) - early
        let delay = Duration.milliseconds(Int64(max(0, min(left, Double(life))) * 1000))
        guard let age else { return delay }
        return max(delay, interval - age)
    }

    /// The least time between two renewals: a tenth of the life, and a minute or most of a shorter life.
    private var interval: Duration {
        let most = Duration.milliseconds(min(life, 3600) * 2000 / 3)
        return max(.seconds(life / 10), min(Self.pause, most))
    }

    /// Returns the pause after failed renewals, doubling up to a twentieth of the life.
    /// - Parameters:
    ///   - failureCount: the number in a row, including this one.
    ///   - jitter: 0 ..< 1; up to half is taken off.
    public func retryDelay(after failureCount: Int = 1, jitter: Double = 0) -> Duration {
        let first = min(60, max(1, life / 20))
        let last = min(3600, max(first, life / 20))
        var seconds = first
        for _ in 1..<max(2, min(failureCount, 16)) where seconds < last && failureCount > 1 { seconds *= 2 }
        return .milliseconds(Int64(Double(min(seconds, last)) * 1000 * (1 - jitter / 2)))
    }
}
