/// The content of an answer.
public enum HTTPBody {
    case none
    /// All of it at once; the answer tells its length.
    case bytes([UInt8])
    /// All of it at once, in pieces that many answers share; the answer tells its length. They are sent one after the
    /// other as the socket drains.
    case shared([[UInt8]])
    /// Produced piece by piece as the socket drains, until `nil`; its length is not known beforehand. A piece without
    /// bytes says that there are none yet: others get their turns before it is asked again. The closure is called on
    /// the thread of the connection, and not again after `nil`.
    case slices(() -> [UInt8]?)
    /// Written piece by piece over time, until its owner ends it.
    case stream(BodyStream)

    /// Bytes that are kept until the client has taken the content; of slices, a guess.
    package var heldByteCount: Int {
        switch self {
        case .none: 0
        case .bytes(let bytes): bytes.count
        case .shared: Self.sharedByteCount
        case .slices: Self.sliceByteCount
        case .stream(let stream): stream.heldByteCount
        }
    }

    /// Pieces, one at a time.
    package static func pieces(_ pieces: [[UInt8]]) -> () -> [UInt8]? {
        var rest = Array(pieces.reversed())
        return { rest.popLast() }
    }

    /// The assumed size of a slice that is kept, in bytes.
    static let sliceByteCount = 64 * 1024
    /// The assumed size of shared pieces for each answer, in bytes.
    static let sharedByteCount = 16 * 1024
}
