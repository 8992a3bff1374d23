import Synchronization

/// The text of a list in pieces, for answers that many wait for: each piece is made when the first of them takes it.
public final class SharedText: Sendable {
    /// Some neighbors of the list.
    public struct Piece: Sendable {
        /// Their text.
        public let bytes: [UInt8]
        /// The number of the first element behind them.
        public let end: Int

        public init(bytes: [UInt8], end: Int) {
            self.bytes = bytes
            self.end = end
        }
    }

    private let pieces = Mutex<[Piece]>([])

    /// A text of which nothing is made yet.
    public init() {}

    /// Returns a piece; `make` makes it, from an element on, if nobody has asked for it yet. Whoever asks begins with
    /// the first.
    public func piece(_ index: Int, _ make: (_ start: Int) -> Piece) -> Piece {
        pieces.withLock { pieces in
            while index >= pieces.count { pieces.append(make(pieces.last?.end ?? 0)) }
            return pieces[index]
        }
    }
}
