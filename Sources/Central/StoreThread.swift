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

    private let store: any CommitStore
    private let logger: Logger
    private let core: Mailbox<CoreThread.Message>
    private let main: Mailbox<CentralDaemon.Message>

    init(
        store: any CommitStore,
        core: Mailbox<CoreThread.Message>,
        main: Mailbox<CentralDaemon.Message>,
        logger: Logger
    ) {
        self.store = store
        self.core = core
        self.main = main
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
            try store.append(commits, expecting: first.revision - 1)
            core.send(.stored(last.revision))
        } catch {
            guard case .full(let reason) = error else { endProcess(error) }
            logger.warning("\(error)")
            core.send(.notStored(reason))
            return
        }
        do throws(StorageError) {
            // As much as was appended, so that the history does not grow faster than it is folded.
            var folded = 0
            while folded < commits.count, case let slice = try store.trim(), slice > 0 { folded += slice }
        } catch {
            // Without room nothing can be folded; the next append tries again.
            guard case .full = error else { endProcess(error) }
        }
    }

    /// Nobody can say what is on the disk, so nothing more may be promised. A start reads what is there.
    private func endProcess(_ error: StorageError) -> Never {
        logger.critical("\(error); central ends, so that it promises nothing that the disk does not hold")
        exit(Self.exitCodeOfBrokenDisk)
    }
}
