/// A frame of a captured port, and what has become of it.
public struct CapturedFrame: Hashable, Sendable {
    /// The end of the frame's way, as far as this host knows it. Reasons and kinds are named as counters are.
    public enum Fate: Hashable, Sendable {
        // Of frames that the port's guest has sent
        case dropped(reason: String)
        /// Given to a port of this host.
        case local(port: String)
        /// Sent to another host.
        case remote(host: String)
        case answered(kind: String)
        /// Copied to so many ports of this host and other hosts.
        case copied(count: Int)
        // Of frames for the port's guest
        case delivered
        /// Dropped on the way out to the port.
        case refused(reason: String)
        /// Dropped since the device did not take it.
        case untaken(reason: String)
    }

    public var fate: Fate
    /// The reason why not all got the frame who should have.
    public var partlyDropped: String?
    /// Nanoseconds since 1970.
    public var time: UInt64
    /// The first octets of the frame.
    public var bytes: [UInt8]
    /// The octets that it had.
    public var byteCount: Int
    /// The frames on the wire that it stands for.
    public var segmentCount: Int

    public init(
        fate: Fate,
        partlyDropped: String? = nil,
        time: UInt64,
        bytes: [UInt8],
        byteCount: Int? = nil,
        segmentCount: Int = 1
    ) {
        self.fate = fate
        self.partlyDropped = partlyDropped
        self.time = time
        self.bytes = bytes
        self.byteCount = byteCount ?? bytes.count
        self.segmentCount = segmentCount
    }

    /// True for a frame for the port's guest, false for one that the guest has sent.
    public var isForGuest: Bool {
        switch fate {
        case .dropped, .local, .remote, .answered, .copied: false
        case .delivered, .refused, .untaken: true
        }
    }

    /// One line about the fate.
    public var comment: String {
        var text =
            switch fate {
            case .dropped(let reason): "dropped: \(reason)"
            case .local(let port): "to port \(port)"
            case .remote(let host): "to chassis \(host)"
            case .answered(let kind): "answered: \(kind)"
            case .copied(let count): "copied to \(count) ports and chassis"
            case .delivered: "to the guest"
            case .refused(let reason): "dropped on the way out: \(reason)"
            case .untaken(let reason): "not taken by the device: \(reason)"
            }
        if let partlyDropped { text += "; not to all: \(partlyDropped)" }
        if segmentCount > 1 { text += "; stands for \(segmentCount) frames" }
        return text
    }
}
