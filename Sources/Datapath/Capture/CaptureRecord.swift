import Wire

/// The notes on one captured frame; its octets follow in the ring.
public struct CaptureRecord: BitwiseCopyable, Sendable {
    /// The end of a frame's way, as far as this host knows it.
    public enum Fate: UInt8, Sendable {
        // Of frames that the port's guest has sent
        /// Dropped for `reason`.
        case dropped = 1
        /// Given to the port in `slot`.
        case local
        /// Sent to the host at `address`.
        case remote
        /// Answered in the destination's place; `reason` is the kind.
        case answered
        /// Copied to `copyCount` ports and hosts.
        case copied
        // Of frames for the port's guest
        /// Given to the guest.
        case delivered
        /// Dropped by the pipeline for `reason`.
        case refused
        /// Dropped for `reason` since the device did not take it.
        case untaken
    }

    /// The octets of the record, those of the frame included; a multiple of 8.
    public var byteCount: UInt32
    /// The octets of the frame that follow.
    public var capturedByteCount: UInt32
    /// The octets that the frame had.
    public var frameByteCount: UInt32
    /// The frames on the wire that it stands for.
    public var segmentCount: UInt32 = 1
    /// Nanoseconds since 1970.
    public var time: UInt64
    private var addressHigh: UInt64 = 0
    private var addressLow: UInt64 = 0
    public var copyCount: UInt32 = 0
    public var slot: UInt16 = 0
    private var addressFamily: UInt8 = 0
    private var rawFate: UInt8
    /// The raw value of a `DropReason` or `AnswerKind`.
    private var reason: UInt8 = 0
    /// One more than the raw value of the reason why not all got the frame; 0 if they did.
    private var partlyReason: UInt8 = 0
    private var padding: UInt16 = 0
    private var padding32: UInt32 = 0
    /// The identity of the ACL that has dropped the frame (`PacketFilter.Rule.identity`); 0 if none has.
    public var acl: UInt64 = 0

    /// The octets of a record before those of its frame.
    public static let headerByteCount = MemoryLayout<CaptureRecord>.stride

    public init(_ fate: Fate, byteCount: Int, captured: Int = 0, of frameByteCount: Int = 0, at time: UInt64 = 0) {
        self.byteCount = UInt32(truncatingIfNeeded: byteCount)
        capturedByteCount = UInt32(truncatingIfNeeded: captured)
        self.frameByteCount = UInt32(truncatingIfNeeded: frameByteCount)
        self.time = time
        rawFate = fate.rawValue
    }

    /// The fate of the frame; `nil` if the octets are no record.
    public var fate: Fate? {
        get { Fate(rawValue: rawFate) }
        set { rawFate = newValue?.rawValue ?? 0 }
    }

    /// The reason of a drop.
    public var dropReason: DropReason {
        get { DropReason(rawValue: reason) ?? .malformedFrame }
        set { reason = newValue.rawValue }
    }

    /// The kind of an answer.
    public var answerKind: AnswerKind {
        get { AnswerKind(rawValue: reason) ?? .neighbor }
        set { reason = newValue.rawValue }
    }

    /// The reason why not all got the frame who should have.
    public var partlyDropped: DropReason? {
        get { partlyReason == 0 ? nil : DropReason(rawValue: partlyReason &- 1) }
        set { partlyReason = newValue.map { $0.rawValue &+ 1 } ?? 0 }
    }

    /// The underlay's address of the host that the frame went to.
    public var address: IPAddress? {
        get {
            switch addressFamily {
            case 4: .v4(IPv4Address(UInt32(truncatingIfNeeded: addressLow)))
            case 6: .v6(IPv6Address(high: addressHigh, low: addressLow))
            default: nil
            }
        }
        set {
            switch newValue {
            case .v4(let address): (addressFamily, addressLow) = (4, UInt64(address.rawValue))
            case .v6(let address): (addressFamily, addressHigh, addressLow) = (6, address.high, address.low)
            case nil: addressFamily = 0
            }
        }
    }
}
