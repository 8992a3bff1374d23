import Glibc
import Logging
import Northd
import Reactor
import Storage

/// The thread that owns the commit log, so that the core goes on thinking while the disk writes.
final class StoreThread {
    /// What the exit code of a process says that could not be sure of its disk (`EX_IOERR` of sysexits.h).
    static let exitCodeOfBrokenDisk: Int32 = 74

    /// What the other threads say to this one.
    enum Message: Sendable {
        /// Make these commits durable.
        case append([Commit])
        /// Close the log; comes last.
        case close
    }

    /// How long no append must have come before what can wait is done: longer than a busy central's groups are apart.
    static let restTime: Duration = .milliseconds(100)

    private let loop: EventLoop
    private let store: any CommitStore
    private var rest: TimerHandle?
    private let metrics: Metrics
    private let logger: Logger
    private let core: Mailbox<CoreThread.Message>
    private let main: Mailbox<CentralDaemon.Message>

    init(
        loop: EventLoop,
        store: any CommitStore,
        core: Mailbox<CoreThread.Message>,
        main: Mailbox<CentralDaemon.Message>,
        metrics: Metrics,
        logger: Logger
    ) {
        self.loop = loop
        self.store = store
        self.core = core
        self.main = main
        self.metrics = metrics
        self.logger = logger
    }

    func receive(_ message: Message) {
        switch message {
        case .append(let commits): append(commits)
        case .close:
            do throws(StorageError) {
                try store.close()
            } catch {
                endProcess(error)
            }
            main.send(.closed)
        }
    }

    private func append(_ commits: [Commit]) {
        guard let first = commits.first, let last = commits.last else { return }
        do throws(StorageError) {
            let start = Clock.monotonic()
            let hashes = try store.append(commits, expecting: first.revision - 1)
            metrics.recordAppend(Clock.monotonic() - start)
            core.send(.stored(last.revision, hashes))
        } catch {
            guard case .full(let reason) = error else { endProcess(error) }
            // The core says so, when it is not the same again.
            core.send(.notStored(reason))
            return
        }
        // As much as was appended, so that the history does not grow faster than it is folded.
        var folded = 0
        while folded < commits.count, store.isTrimUrgent, case let slice = trim(), slice > 0 { folded += slice }
        trim(in: Self.restTime)
    }

    /// Folds in a while, unless something is appended before.
    private func trim(in time: Duration) {
        rest?.cancel()
        rest = loop.schedule(after: time) { [unowned self] in
            // One slice at a time, so that an append waits for no more than that.
            if trim() > 0 { trim(in: .zero) }
        }
    }

    private func trim() -> Int {
        do throws(StorageError) {
            return try store.trim()
        } catch {
            // Without room nothing can be folded; after the next append it is tried again.
            guard case .full = error else { endProcess(error) }
            return 0
        }
    }

    /// Nobody can say what is on the disk, so nothing more may be promised. A start reads what is there.
    private func endProcess(_ error: StorageError) -> Never {
        logger.critical("\(error); central ends, so that it promises nothing that the disk does not hold")
        exit(Self.exitCodeOfBrokenDisk)
    }
}
