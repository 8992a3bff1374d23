/// When a command gives up, on the monotonic clock.
public struct Deadline: Sendable {
    /// The time that the user allowed, in seconds.
    let seconds: Int64?
    private let end: Duration?
    private let now: @Sendable () -> Duration

    /// A deadline this many seconds from now; `nil` never comes.
    public init(seconds: Int64?, now: @escaping @Sendable () -> Duration) {
        self.now = now
        self.seconds = seconds
        end = seconds.map { now() + .seconds($0) }
    }

    /// The time left, zero once it is over; `nil` if there is no limit.
    public var remaining: Duration? { end.map { max(.zero, $0 - now()) } }

    /// The shorter of a duration and the time left.
    func bounded(_ duration: Duration) -> Duration { remaining.map { min($0, duration) } ?? duration }
}

/// Ends every request at the deadline, and then says that it was the deadline.
struct DeadlineCaller: Caller {
    let caller: any Caller
    let deadline: Deadline

    var server: Server { caller.server }

    func send(_ call: Call) throws(ClientError) -> Reply {
        var call = call
        call.timeout = deadline.bounded(call.timeout)
        do {
            return try caller.send(call)
        } catch {
            guard case .unreachable = error, let seconds = deadline.seconds, deadline.remaining == .zero else {
                throw error
            }
            throw .timedOut("\(server.title) did not answer within the \(seconds) s of --timeout: \(error.message)")
        }
    }
}
