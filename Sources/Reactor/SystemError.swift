import Glibc

/// A system call that failed.
public struct SystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call, with what it was about if that helps: `bind`, `open /run/netns/vm1`.
    public let call: String
    /// The errno it failed with, positive.
    public let errno: Int32

    /// A failure of `call` with the error number `errno` (positive).
    public init(call: String, errno: Int32) {
        self.call = call
        self.errno = errno
    }

    /// `bind: Address already in use`.
    public var description: String { "\(call): \(String(cString: strerror(errno)))" }
}

/// The result of a non-blocking read or write.
public enum IOResult<Value> {
    case done(Value)
    /// It would have blocked: wait for readiness.
    case wouldBlock
    /// The other side has ended its stream; never the answer to a write.
    case endOfStream
}

extension IOResult: Sendable where Value: Sendable {}
extension IOResult: Equatable where Value: Equatable {}

/// Runs a call of CLinux, which answers a negative errno for a failure; EINTR is retried.
///
/// EBADF and EFAULT can come only from a mistake of ours (a descriptor used after its end, a wrong pointer): they trap
/// rather than let a stranger's descriptor be used.
/// - Throws: everything else, EAGAIN too: use `systemIO` if that is expected.
@discardableResult
public func systemCall(
    _ name: @autoclosure () -> String,
    _ body: () -> Int
) throws(SystemError) -> Int {
    let result = retryingInterrupts(body)
    guard result < 0 else { return result }
    throw SystemError(call: name(), errno: checkedError(name(), result))
}

/// As `systemCall`, with EAGAIN a value. Zero is `done(0)`: only the caller knows whether that ends a stream.
public func systemIO(
    _ name: @autoclosure () -> String,
    _ body: () -> Int
) throws(SystemError) -> IOResult<Int> {
    let result = retryingInterrupts(body)
    if result >= 0 { return .done(result) }
    if result == -Int(EAGAIN) { return .wouldBlock }
    throw SystemError(call: name(), errno: checkedError(name(), result))
}

private func retryingInterrupts(_ body: () -> Int) -> Int {
    while true {
        let result = body()
        if result != -Int(EINTR) { return result }
    }
}

private func checkedError(_ name: String, _ result: Int) -> Int32 {
    let errno = Int32(truncatingIfNeeded: -result)
    precondition(errno != EBADF && errno != EFAULT, "\(name): \(String(cString: strerror(errno)))")
    return errno
}
