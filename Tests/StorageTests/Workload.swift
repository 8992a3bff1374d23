import Storage

/// Commits whose effect can be told from a revision alone.
enum Workload {
    static let epoch: UInt64 = 0x0123_4567_89ab_cdef

    /// Commit `revision` puts object `revision % 8`, and every fifth deletes the one put three before.
    static func entry(_ revision: UInt64) -> LogEntry {
        var changes = [ObjectChange(kind: "port", id: "p\(revision % 8)", bytes: body(revision))]
        if revision % 5 == 0 { changes.append(ObjectChange(kind: "port", id: "p\((revision - 3) % 8)", bytes: nil)) }
        return LogEntry(revision: revision, encoding: Array("commit \(revision)".utf8), changes: changes)
    }

    static func entries(_ revisions: ClosedRange<UInt64>) -> [LogEntry] { revisions.map(entry) }

    /// What the store must hold after commit `revision`.
    static func contents(at revision: UInt64) -> StoreContents {
        var objects: [String: StoredObject] = [:]
        var history: [LogEncoding] = []
        for entry in revision == 0 ? [] : entries(1...revision) {
            history.append(LogEncoding(revision: entry.revision, bytes: entry.encoding))
            for change in entry.changes {
                objects[change.id] = change.bytes.map {
                    StoredObject(kind: change.kind, id: change.id, revision: entry.revision, bytes: $0)
                }
            }
        }
        return StoreContents(
            epoch: epoch,
            revision: revision,
            objects: objects.values.sorted { $0.id < $1.id },
            history: history
        )
    }

    static func body(_ revision: UInt64) -> [UInt8] { Array("{\"revision\":\(revision)}".utf8) }
}
