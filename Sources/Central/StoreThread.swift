import CentralCore
import Glibc
import Logging
import NetworkModel
import Reactor
import Storage

/// The thread that owns the commit log, so that the core works while the disk writes.
final class StoreThread {
    /// The exit code of a process that could not be sure of its disk (`EX_IOERR` of sysexits.h).
    static let exitCodeOfBrokenDisk: Int32 = 74

    /// Messages of other threads to this one.
    enum Message: Sendable {
        /// Make these commits durable, after the commit of a revision.
        case append([Commit], after: UInt64)
        /// Write the parts of a plan's commit, then hand the plan to the core.
        case stage(Plan.Outcome)
        /// Answer what the log of the past is asked.
        case audit(Ticket, AuditRequest)
        /// Close the log; comes last.
        case close
    }

    /// The time without an append after which postponed work is done: longer than a busy central's groups are apart.
    static let restTime: Duration = .milliseconds(100)
    /// The time from one slice of paced work to the next: an append waits for few of them, and shares its sync with as
    /// few.
    static let sliceInterval: Duration = .milliseconds(20)
    /// The time after an append at which the evidence outside of the log tells of it at the latest.
    static let evidenceTime: Duration = .seconds(1)

    private let loop: EventLoop
    private let store: any CommitStore
    private let backups: BackupServer?
    private var rest: TimerHandle?
    private var lastAppend: Duration = .zero
    private var lastSlice: Duration = .zero
    private var evidence: TimerHandle?
    private let metrics: Metrics
    private let logger: Logger
    private let core: Mailbox<CoreThread.Message>
    private let main: Mailbox<CentralDaemon.Message>

    init(
        loop: EventLoop,
        store: any CommitStore,
        backups: BackupServer?,
        core: Mailbox<CoreThread.Message>,
        main: Mailbox<CentralDaemon.Message>,
        metrics: Metrics,
        logger: Logger
    ) {
        self.loop = loop
        self.store = store
        self.backups = backups
        self.core = core
        self.main = main
        self.metrics = metrics
        self.logger = logger
    }

    func receive(_ message: Message) {
        switch message {
        case .append(let commits, let revision): append(commits, after: revision)
        case .stage(let outcome): stage(outcome)
        case .audit(let ticket, let request): core.send(.answered(ticket, audit(request)))
        case .close:
            backups?.stop()
            do throws(StorageError) {
                try store.close()
            } catch {
                endProcess(error)
            }
            main.send(.closed)
        }
    }

    private func append(_ commits: [Commit], after revision: UInt64) {
        guard let last = commits.last else { return }
        do throws(StorageError) {
            let start = Clock.monotonic()
            let hashes = try store.append(commits, expecting: revision)
            metrics.recordAppend(Clock.monotonic() - start)
            core.send(.stored(last.revision, hashes))
        } catch {
            guard case .full(let reason) = error else { endProcess(error) }
            // The core says so, when it is not the same again.
            core.send(.notStored(reason))
            return
        }
        while store.trimNeed == .overdue, trim() > 0 {}
        lastAppend = Clock.monotonic()
        scheduleTrim()
        if evidence == nil {
            evidence = loop.schedule(after: Self.evidenceTime) { [unowned self] in
                evidence = nil
                store.leaveEvidence()
            }
        }
    }

    /// Writes a part in each turn, so that an append waits for one part at most.
    private func stage(_ outcome: Plan.Outcome) {
        do throws(StorageError) {
            if let commit = outcome.steadyCommit, try store.stage(commit) {
                loop.schedule(after: .zero) { [unowned self] in stage(outcome) }
                return
            }
        } catch {
            // Without room the append fails, too, and the writer is told.
            guard case .full = error else { endProcess(error) }
        }
        core.send(.planned(outcome))
    }

    /// Folds after a pause without appends, so that an append waits for one slice at most, and slowly before that where
    /// it is needed.
    private func scheduleTrim() {
        rest?.cancel()
        let rested = lastAppend + Self.restTime
        let due =
            switch store.trimNeed {
            case .none: rested
            case .paced: min(rested, lastSlice + Self.sliceInterval)
            case .urgent, .overdue: Duration.zero
            }
        rest = loop.schedule(after: max(.zero, due - loop.now)) { [unowned self] in
            lastSlice = Clock.monotonic()
            if trim() > 0 { scheduleTrim() }
        }
    }

    private func trim() -> Int {
        do throws(StorageError) {
            return try store.trim()
        } catch {
            // A full disk does not allow folding; it is tried again after the next append.
            guard case .full = error else { endProcess(error) }
            return 0
        }
    }

    private func audit(_ request: AuditRequest) -> Answer {
        do throws(StorageError) {
            let answer = try store.audit(request)
            guard !answer.isGone else {
                let before = request.before ?? 0
                let detail = "The commits before revision \(before) are no longer kept; begin again without page_token."
                return .refused(Refusal(.resyncRequired, detail), operationIndex: nil)
            }
            return .audited(answer.records, hasMore: answer.hasMore, after: answer.after)
        } catch {
            endProcess(error)
        }
    }

    /// Nobody knows what is on the disk, so nothing more may be promised. The next start reads it.
    private func endProcess(_ error: StorageError) -> Never {
        logger.critical("\(error); central ends, so that it promises nothing that the disk does not hold")
        exit(Self.exitCodeOfBrokenDisk)
    }
}
