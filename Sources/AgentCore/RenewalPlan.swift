/// When the certificate of this host's chassis is renewed: after two thirds of its life, so that central may be away
/// for the last one.
public struct RenewalPlan: Equatable, Sendable {
    private let notAfter: Int64
    private let life: Int64

    /// - Parameters:
    ///   - notBefore: when the certificate begins to hold, in seconds since 1970.
    ///   - notAfter: when it ceases to hold.
    public init(notBefore: Int64, notAfter: Int64) {
        self.notAfter = notAfter
        life = max(1, notAfter.subtractingReportingOverflow(notBefore).partialValue)
    }

    /// How long from `now`, in seconds since 1970, until it is to be renewed.
    /// - Parameter jitter: 0 ..< 1; up to a twentieth of the life is taken off, so that hosts which joined together
    ///   do not come together.
    public func delay(at now: Int64, jitter: Double) -> Duration {
        let early = Double(life) * (1.0 / 3 + jitter / 20)
        let left = Double(notAfter) - Double(now) - early
        return .milliseconds(Int64(max(0, min(left, Double(life))) * 1000))
    }

    /// How long to wait after a renewal that has failed.
    public var retryDelay: Duration { .seconds(min(60, max(1, life / 20))) }
}
