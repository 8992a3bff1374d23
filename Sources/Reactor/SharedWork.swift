import Synchronization

/// Pieces of work, done in order by the thread that needs the results, and from the end by another one that has time.
public final class SharedWork<Value: Sendable>: Sendable {
    public typealias Piece = @Sendable () -> Value

    private struct State {
        /// `nil` for those that somebody has taken: what they hold is let go of when they are done.
        var pieces: [Piece?] = []
        var results: [OneShot<Value>] = []
        /// The pieces that nobody has taken.
        var left = 0..<0

        mutating func take(_ index: Int) -> Piece? {
            defer { pieces[index] = nil }
            return pieces[index]
        }
    }

    private let state = Mutex(State())

    public init() {}

    /// Offers pieces in place of those before, which are done.
    public func offer(_ pieces: [Piece]) {
        state.withLock { $0 = State(pieces: pieces, results: pieces.map { _ in OneShot() }, left: pieces.indices) }
    }

    /// Hands the results on, in order, and does what the helper has not taken.
    public func forEach(_ body: (Value) throws -> Void) rethrows {
        for index in state.withLock({ $0.pieces.indices }) {
            let (mine, result) = state.withLock { state in
                guard state.left.first == index else { return (nil as Piece?, state.results[index]) }
                state.left = state.left.dropFirst()
                return (state.take(index), state.results[index])
            }
            try body(mine?() ?? result.take())
        }
    }

    /// Does pieces from the end, on another thread, as long as there are any.
    public func help() {
        while let (piece, result) = state.withLock({ state -> (Piece, OneShot<Value>)? in
            guard let last = state.left.popLast(), let piece = state.take(last) else { return nil }
            return (piece, state.results[last])
        }) {
            result.put(piece())
        }
    }
}
