/// Those who do the pieces of long work that do not depend on each other: one thread, or more of them.
///
/// A class: a value of any type would make the values that hold it ones that are passed in memory only.
public protocol Workforce: AnyObject, Sendable {
    /// Does all pieces, and returns their results in order.
    func results<Value: Sendable>(of pieces: [@Sendable () -> Value]) -> [Value]
}

extension Workforce {
    /// Does work on the elements of a list, a slice in each piece, and returns the results of the slices in order.
    /// - Parameter count: The elements of a slice: enough that handing it over costs little of its time.
    public func slices<Element: Sendable, Value: Sendable>(
        of list: [Element],
        by count: Int,
        _ work: @escaping @Sendable (ArraySlice<Element>) -> Value
    ) -> [Value] {
        guard list.count > count else { return [work(list[...])] }
        return results(
            of: stride(from: 0, to: list.count, by: count).map { start in
                { work(list[start..<min(start + count, list.count)]) }
            }
        )
    }
}

/// The calling thread alone.
public final class LoneWorker: Workforce {
    /// The only one: it has nothing of its own.
    public static let any = LoneWorker()

    private init() {}

    public func results<Value: Sendable>(of pieces: [@Sendable () -> Value]) -> [Value] { pieces.map { $0() } }
}
