import API
import CentralCore
import Glibc
import NetworkModel
import Reactor
import Synchronization

/// The counters of a central's threads, each in its own part; read together on request.
final class Metrics: Sendable {
    /// The counters of one thread that serves HTTP.
    private final class Part: Sendable {
        let requests = Mutex(RequestStatistics())
    }

    private let parts: [Part]
    private let appends = Mutex(Histogram())
    /// The loops of all threads.
    private let turns = Mutex<[(thread: String, meter: TurnMeter)]>([])
    /// The files of the commit log.
    private let storePaths: [String]

    init(loopCount: Int, storePath: String) {
        parts = (0..<loopCount).map { _ in Part() }
        storePaths = [storePath, storePath + "-wal"]
    }

    /// Counts an answer of a thread that serves HTTP.
    func record(loop: Int, _ endpoint: Endpoint?, status: Int, _ duration: Duration) {
        guard parts.indices.contains(loop) else { return }
        parts[loop].requests.withLock { $0.record(endpoint, status: status, duration) }
    }

    /// Counts a group of commits that is on disk.
    func recordAppend(_ duration: Duration) { appends.withLock { $0.record(duration) } }

    /// Includes the turns of a thread's loop.
    func watch(_ loop: EventLoop, named thread: String) { turns.withLock { $0.append((thread, loop.turnMeter)) } }

    /// Everything, with what the core holds.
    func statistics(_ core: CoreStatistics) -> Statistics {
        var total = RequestStatistics()
        for part in parts { total.add(part.requests.withLock { $0 }) }
        var byteCount = 0
        for path in storePaths {
            var status = stat()
            if stat(path, &status) == 0 { byteCount += Int(status.st_size) }
        }
        return Statistics(
            requests: total,
            appends: appends.withLock { $0 },
            storeByteCount: byteCount,
            gauges: [
                .init("heddle_revision", "The newest durable revision.", core.revision),
                .init("heddle_commits_total", "Commits made durable.", isCounter: true, core.commitCount),
                .init("heddle_waiting_commits", "Commits on their way to the disk.", UInt64(core.waitingCommitCount)),
                .init(
                    "heddle_objects",
                    "Objects of users.",
                    by: "kind",
                    core.objectCounts.map { ($0.kind.names.row, $0.count) } + [("topology", core.topologyCount)]
                ),
                .init(
                    "heddle_chassis",
                    "Registered chassis.",
                    by: "state",
                    [("live", core.liveChassisCount), ("dead", core.deadChassisCount)]
                ),
                .init(
                    "heddle_chassis_holding",
                    "Chassis that hold back this network, as it would take too much from them.",
                    UInt64(core.holdingChassisCount)
                ),
                .init(
                    "heddle_parked_requests",
                    "Requests that are held.",
                    by: "kind",
                    [
                        ("sync", core.parkedSyncCount), ("changes", core.parkedWatchCount),
                        ("realization", core.parkedRealizationCount),
                    ]
                ),
                .init(
                    "heddle_longest_turn_seconds",
                    "The longest that a thread was busy before it looked who else had come, in the last minute or two.",
                    by: "thread",
                    turns.withLock { $0.map { ($0.thread, $0.meter.longestTurn) } }
                ),
            ]
        )
    }
}
