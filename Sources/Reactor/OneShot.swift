import Synchronization

/// A value that one thread waits for and another brings.
public final class OneShot<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let isThere = Semaphore()

    public init() {}

    /// Brings the value; once.
    public func put(_ new: Value) {
        value.withLock { $0 = new }
        isThere.signal()
    }

    /// Waits for the value as `take()` does, but no longer than so many whole seconds; `nil` when they are over.
    public func take(withinSeconds seconds: Int) -> Value? {
        isThere.wait(seconds: seconds) ? value.withLock { $0 } : nil
    }

    /// Waits for the value; once, and never on the thread of a loop that has to produce it.
    public func take() -> Value {
        isThere.wait()
        guard let value = value.withLock({ $0 }) else { preconditionFailure("put stores before it signals") }
        return value
    }
}
