/// The limits of a port's frames for many, by kind. All zero is no limit.
public struct StormLimits: Sendable {
    private var limits: InlineArray<3, Int64> = InlineArray(repeating: 0)

    /// A kind of frame that goes to many.
    public enum Kind: Int, Sendable {
        case broadcast
        /// A group address that is not the broadcast's.
        case multicast
        /// A MAC that nobody is known to have.
        case unknown
    }

    /// No limit.
    public init() {}

    /// - Parameters: frames a second, 0 for no limit.
    public init(broadcasts: UInt64, multicasts: UInt64, unknowns: UInt64) {
        for (kind, limit) in [(Kind.broadcast, broadcasts), (.multicast, multicasts), (.unknown, unknowns)] {
            limits[kind.rawValue] = Int64(min(limit, UInt64(Self.maximum)))
        }
    }

    /// Prices are whole nanoseconds.
    private static let maximum: Int64 = 1_000_000_000

    public var isNothing: Bool { limits[0] == 0 && limits[1] == 0 && limits[2] == 0 }

    /// The limit of a kind: what a second has may come at once. `nil` for none.
    func limit(of kind: Kind) -> RateLimit? {
        let limit = Int(limits[kind.rawValue])
        return limit == 0 ? nil : RateLimit(perSecond: limit, burst: limit)
    }
}

/// The used part of a port's limits.
struct StormMeters {
    private var meters: InlineArray<3, Meter> = InlineArray(repeating: Meter())

    mutating func take(
        _ count: Int,
        of kind: StormLimits.Kind,
        _ limits: StormLimits,
        now: Duration,
        shareCount: Int
    ) -> Bool {
        guard let limit = limits.limit(of: kind) else { return true }
        return meters[kind.rawValue].take(count, of: limit, now: now, shareCount: shareCount)
    }
}
