/// The content of an answer that stays open: its owner writes pieces as they come about, each when the client has taken
/// the one before, and ends it at any time. So no client makes it hold more than one piece, however slowly it reads.
///
/// To be used on the thread of its connection only.
public final class BodyStream {
    /// The next part to send.
    package enum Supply {
        /// The next bytes, at least one.
        case bytes([UInt8])
        case nothing
        /// Nothing any more.
        case end
    }

    /// Called when a piece has been taken and there is room for the next.
    public var onTaken: (() -> Void)?
    /// Called when there is something to send, or the end to tell.
    package var onSupply: (() -> Void)?
    /// True if its owner, or the loss of the client, has ended it. What was written before is still sent.
    public private(set) var isEnded = false
    private var piece: (() -> [UInt8]?)?

    public init() {}

    /// True if all that was written has been taken, and more may come.
    package var isWaiting: Bool { piece == nil && !isEnded }

    /// Bytes that are kept until the client has taken them: a guess, if the piece is in slices.
    package var heldByteCount: Int { piece == nil ? 0 : HTTPBody.sliceByteCount }

    /// Adds a piece. Only where ``onTaken`` allows it, or nothing was written yet; after the end it is dropped.
    public func write(_ body: HTTPBody) {
        guard !isEnded else { return }
        switch body {
        case .none, .stream: piece = { nil }
        case .slices(let next): piece = next
        case .shared(let pieces): piece = HTTPBody.pieces(pieces)
        case .bytes(let bytes):
            var rest = [bytes]
            piece = { rest.popLast() }
        }
        onSupply?()
    }

    /// Ends the answer after what was written. May be repeated.
    public func end() {
        guard !isEnded else { return }
        isEnded = true
        onTaken = nil
        onSupply?()
        onSupply = nil
    }

    /// The next bytes to send.
    package func take() -> Supply {
        while let next = piece {
            while let bytes = next() {
                if !bytes.isEmpty { return .bytes(bytes) }
            }
            piece = nil
            onTaken?()
        }
        return isEnded ? .end : .nothing
    }
}
