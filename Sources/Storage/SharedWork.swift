import Reactor
import Synchronization

/// Pieces of work, done in order by the thread that needs the results, and from the end by another one that has time.
final class SharedWork<Value: Sendable>: Sendable {
    typealias Piece = @Sendable () throws -> Value

    private struct State {
        var pieces: [Piece] = []
        var results: [OneShot<Result<Value, any Error>>] = []
        /// The pieces that nobody has taken.
        var left = 0..<0
    }

    private let state = Mutex(State())

    /// Offers pieces in place of those before, which are done.
    func offer(_ pieces: [Piece]) {
        state.withLock { $0 = State(pieces: pieces, results: pieces.map { _ in OneShot() }, left: pieces.indices) }
    }

    /// Hands the results on, in order, and does what the helper has not taken.
    func forEach(_ body: (Value) throws -> Void) throws {
        for index in state.withLock({ $0.pieces.indices }) {
            let (mine, result) = state.withLock { state in
                guard state.left.first == index else { return (nil as Piece?, state.results[index]) }
                state.left = state.left.dropFirst()
                return (state.pieces[index], state.results[index])
            }
            try body(mine?() ?? result.take().get())
        }
    }

    /// Does pieces from the end, on another thread, as long as there are any.
    func help() {
        while let (piece, result) = state.withLock({ state -> (Piece, OneShot<Result<Value, any Error>>)? in
            guard let last = state.left.popLast() else { return nil }
            return (state.pieces[last], state.results[last])
        }) {
            result.put(Result { try piece() })
        }
    }
}
