import CLinux
import Glibc
import Synchronization

/// A running thread, in which every signal is blocked.
public final class Thread: Sendable {
    private let identity: pthread_t
    private let isJoined = Mutex(false)

    fileprivate init(_ identity: pthread_t) {
        self.identity = identity
    }

    deinit {
        if !isJoined.withLock({ $0 }) { pthread_detach(identity) }
    }

    /// Waits until the thread has ended. For one caller.
    public func join() {
        let joins = isJoined.withLock { isJoined in
            defer { isJoined = true }
            return !isJoined
        }
        if joins { pthread_join(identity, nil) }
    }
}

/// Starts a thread that runs `body` and ends.
/// - Parameter name: what `top -H` shows, up to 15 bytes.
@discardableResult
public func startThread(named name: String, _ body: @escaping @Sendable () -> Void) -> Thread {
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var identity = pthread_t()
    let result = clinux_start_thread(
        &identity,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
            clinux_name_thread(start.name)
            start.body()
            return nil
        },
        start.toOpaque()
    )
    precondition(result == 0, "pthread_create: \(SystemError(call: name, errno: Int32(-result)))")
    return Thread(identity)
}

/// Asks for shorter turns of the processor for this thread, which it then gets the sooner: for one whose work is short
/// and is waited for. A kernel before Linux 6.12 has no such turns, and all goes on as it did.
/// - Returns: The length of a turn; zero where the kernel does not tell.
@discardableResult
public func shortenProcessorTurns(to length: Duration) throws(SystemError) -> Duration {
    let (seconds, attoseconds) = length.components
    let nanoseconds = UInt64(clamping: seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    return .nanoseconds(try systemCall("sched_setattr") { clinux_set_time_slice(nanoseconds) })
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

extension EventLoop {
    /// Starts a thread with a loop of its own, which `setUp` furnishes and `run` then runs.
    ///
    /// This call returns when `setUp` has: with what it handed out (mailboxes), or its error.
    public static func start<Handle: Sendable>(
        named name: String,
        _ setUp: @escaping @Sendable (EventLoop) throws(SystemError) -> Handle
    ) throws(SystemError) -> (handle: Handle, thread: Thread) {
        let answer = OneShot<Result<Handle, SystemError>>()
        let thread = startThread(named: name) {
            do throws(SystemError) {
                let loop = try EventLoop()
                answer.put(.success(try setUp(loop)))
                loop.run()
            } catch {
                answer.put(.failure(error))
            }
        }
        return (try answer.take().get(), thread)
    }
}
