import Synchronization

/// One value that one thread replaces and any thread takes; whoever took one keeps it as it was.
public final class LatestCell<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    public init(_ value: Value) {
        self.value = Mutex(value)
    }

    public func load() -> Value {
        value.withLock { $0 }
    }

    public func store(_ new: Value) {
        // The old value may be a large tree whose last owner this is: it must not be freed under the lock.
        let old = value.withLock { current in
            let old = current
            current = new
            return old
        }
        withExtendedLifetime(old) {}
    }
}
