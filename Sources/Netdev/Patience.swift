import Glibc
import Reactor
import Synchronization

/// Calls about files that users name: a file system may let them wait for ever.
enum Patience {
    /// The time that such a call may take, in seconds: a disk that sleeps is awake by then.
    static let seconds = 2
    /// The most calls that are waited for in vain at once; each costs a thread, and more of them would end no sooner.
    static let hangingCountMaximum = 4

    private static let hangingCount = Mutex(0)

    /// Makes a call on a thread of its own, and waits for it no longer than ``seconds``.
    /// - Throws: ETIMEDOUT; what `body` throws.
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        let late = SystemError(call: "wait for a file system", errno: ETIMEDOUT)
        let mayHang = hangingCount.withLock { count in
            guard count < hangingCountMaximum else { return false }
            count += 1
            return true
        }
        guard mayHang else { throw late }
        let answer = OneShot<Result<Value, SystemError>>()
        startThread(named: "file") {
            do throws(SystemError) {
                answer.put(.success(try body()))
            } catch {
                answer.put(.failure(error))
            }
            hangingCount.withLock { $0 -= 1 }
        }
        guard let result = answer.take(withinSeconds: seconds) else { throw late }
        return try result.get()
    }
}
