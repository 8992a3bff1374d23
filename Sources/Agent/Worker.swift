import Reactor

/// A thread that does jobs in order: what may block, such as syncs to disk, goes there.
final class Worker: Sendable {
    private let jobs: Mailbox<@Sendable () -> Void>

    /// Starts the thread; it lasts as long as the process.
    init(named name: String) throws(SystemError) {
        jobs = try EventLoop.start(named: name) { loop throws(SystemError) in
            try Mailbox<@Sendable () -> Void>(on: loop) { job in job() }
        }.handle
    }

    /// Does the job after those given before.
    /// - Parameter refuse: is called instead if the thread hangs in a job and too many others wait after it.
    func run(_ job: @escaping @Sendable () -> Void, orElse refuse: () -> Void) {
        if !jobs.send(job) { refuse() }
    }

    /// Waits until the jobs given so far are done.
    func wait() {
        let done = OneShot<Void>()
        run {
            done.put(())
        } orElse: {
            done.put(())
        }
        done.take()
    }
}
