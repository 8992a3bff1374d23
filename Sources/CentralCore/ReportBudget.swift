import Southbound

/// The budget of lines in the log that one chassis causes by the errors in its syncs: each once until it changes or for
/// some minutes, and only so many a minute.
struct ReportBudget: Sendable {
    /// The most lines of one chassis in a minute: a host if many ports fail at once says enough with the first of
    /// them.
    static let lineCountMaximum = 10
    /// The time that these lines are counted over.
    static let interval: Duration = .seconds(60)
    /// The time for which an error that each sync repeats is not logged again.
    static let repetition: Duration = .seconds(600)

    /// The logged errors of the last sync, with their times: no more than one sync may have.
    private var said: [SyncRequest.HostError: Duration] = [:]
    private var start: Duration?
    private var lineCount = 0
    private var omittedCount = 0

    /// Takes the errors of a sync.
    /// - Returns: those to log, and the number of others that were left out until now.
    mutating func take(
        _ errors: [SyncRequest.HostError],
        now: Duration
    ) -> (said: [SyncRequest.HostError], omittedCount: Int) {
        let omitted = begin(now)
        var (lines, present): ([SyncRequest.HostError], [SyncRequest.HostError: Duration]) = ([], [:])
        for error in errors {
            // The same again, in this sync or since one that said it.
            guard present[error] == nil else { continue }
            if let time = said[error], now - time < Self.repetition {
                present[error] = time
                continue
            }
            present[error] = now
            if hasRoom() { lines.append(error) }
        }
        said = present
        return (lines, omitted)
    }

    /// Takes a line that the chassis has caused and that is not an error.
    /// - Returns: true if it is to be said.
    mutating func takeLine(now: Duration) -> Bool {
        // Omitted lines are told with the next errors.
        omittedCount += begin(now)
        return hasRoom()
    }

    /// Begins another minute if one is over.
    /// - Returns: how many lines the one before has left out.
    private mutating func begin(_ now: Duration) -> Int {
        guard start.map({ now - $0 >= Self.interval }) ?? true else { return 0 }
        defer { (start, lineCount, omittedCount) = (now, 0, 0) }
        return omittedCount
    }

    private mutating func hasRoom() -> Bool {
        lineCount += 1
        if lineCount > Self.lineCountMaximum { omittedCount += 1 }
        return lineCount <= Self.lineCountMaximum
    }
}
