import JSON

/// The most that a guest sends, on average: what is beyond waits in the queues of its port, so that the guest slows
/// down, as OVN's shaping has it (`qos_max_rate`, ovn-nb(5)).
public struct SendingRate: Hashable, Sendable {
    /// Bits of whole Ethernet frames; `nil` for no limit.
    public var bitsPerSecond: UInt64?
    /// Bits that may be sent at once after a pause; `nil` for what the rate makes in ``usualBurstTime``.
    public var burstBits: UInt64?
    /// Frames, the segments of a superpacket each counted; `nil` for no limit.
    public var framesPerSecond: UInt64?
    /// Broadcasts; `nil` for no limit. What is beyond this limit and the next two is dropped, as it would keep the
    /// guest's other frames waiting.
    public var broadcastsPerSecond: UInt64?
    /// Multicasts that are no broadcasts; `nil` for no limit.
    public var multicastsPerSecond: UInt64?
    /// Frames to MACs that no port has and that are learnt nowhere; `nil` for no limit.
    public var unknownsPerSecond: UInt64?

    /// Rates below would have one superpacket of 64 KiB waited for for more than 8 seconds.
    public static let bitsPerSecondRange: ClosedRange<UInt64> = 64_000...1_000_000_000_000
    public static let burstBitsRange: ClosedRange<UInt64> = 1...1_000_000_000_000
    public static let framesPerSecondRange: ClosedRange<UInt64> = 1...1_000_000_000
    /// The burst where none is said, in milliseconds of the rate: some times the shortest pause, so that a busy guest
    /// gets what it may.
    public static let usualBurstTime: UInt64 = 20

    /// True if it limits what the guest sends as a whole.
    public var isOfAllFrames: Bool { bitsPerSecond != nil || framesPerSecond != nil }

    public init(bitsPerSecond: UInt64? = nil, burstBits: UInt64? = nil, framesPerSecond: UInt64? = nil) {
        self.bitsPerSecond = bitsPerSecond
        self.burstBits = burstBits
        self.framesPerSecond = framesPerSecond
    }

    static var members: [JSONMember<SendingRate>] {
        [
            JSONMember(
                "bits_per_second",
                { $0.bitsPerSecond },
                { $0.bitsPerSecond = $1 },
                .optional(.integer(in: bitsPerSecondRange)),
                default: nil
            ),
            JSONMember(
                "burst_bits",
                { $0.burstBits },
                { $0.burstBits = $1 },
                .optional(.integer(in: burstBitsRange)),
                default: nil
            ),
            JSONMember(
                "frames_per_second",
                { $0.framesPerSecond },
                { $0.framesPerSecond = $1 },
                .optional(.integer(in: framesPerSecondRange)),
                default: nil
            ),
            storm("broadcasts_per_second", \.broadcastsPerSecond),
            storm("multicasts_per_second", \.multicastsPerSecond),
            storm("unknowns_per_second", \.unknownsPerSecond),
        ]
    }

    private static func storm(
        _ name: String,
        _ path: any WritableKeyPath<SendingRate, UInt64?> & Sendable
    ) -> JSONMember<SendingRate> {
        JSONMember(
            name,
            { $0[keyPath: path] },
            { $0[keyPath: path] = $1 },
            .optional(.integer(in: framesPerSecondRange)),
            default: nil
        )
    }
}
