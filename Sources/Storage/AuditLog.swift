import JSON
import NetworkModel

/// The bounds of the kept audit, in time and size.
public struct AuditRetention: Sendable {
    /// The age up to which a commit is kept, in seconds: 30 days.
    public var seconds: Int64 = 30 * 86_400
    /// Bytes of rows of users' commits: 256 MiB, about a million of them.
    public var userByteCountMaximum = 256 << 20
    /// Bytes of rows of hosts' commits and central's own: 16 MiB. It is apart so that no host can push out the changes
    /// of users.
    public var hostByteCountMaximum = 16 << 20
    /// The most rows that are forgotten at once: what takes about a millisecond.
    public var sliceCountMaximum = 256
    /// The seconds of the audit that may become too old for each second that passes: 24. Commits that became old while
    /// central was off are forgotten within hours, and a clock that is set to some other year does not take the whole
    /// audit along.
    public var agingPace: Int64 = 24
    /// The seconds of the audit that may become too old at the first look, and the seconds between two looks for which
    /// the pace counts: an hour.
    public var agingSecondsMaximum: Int64 = 3600

    /// The product's bounds.
    public init() {}
}

/// The pace of deletion by age: the clock that people set tells what is old, and one that nobody sets how fast that
/// goes.
struct AuditAging {
    /// The time until which commits may be forgotten, in seconds since 1970; `nil` before the first look at a table.
    private var horizons: [AuditTable: Int64] = [:]
    /// When that was last moved, on the clock that nobody sets.
    private var movedAt: [AuditTable: Duration] = [:]

    /// Moves the horizon of a table on.
    /// - Parameter oldest: the time of its oldest row.
    /// - Returns: until when its commits may be forgotten.
    mutating func horizon(of table: AuditTable, oldest: Int64, _ retention: AuditRetention, now: Duration) -> Int64 {
        let latest = oldest.saturatingAdd(retention.agingSecondsMaximum)
        guard let horizon = horizons[table], let moved = movedAt[table] else {
            (horizons[table], movedAt[table]) = (latest, now)
            return latest
        }
        let passed = (now - moved).components.seconds
        guard passed > 0 else { return horizon }
        // Unused time is not saved up, nor is a long time without a look.
        let (way, isFar) = min(passed, retention.agingSecondsMaximum)
            .multipliedReportingOverflow(by: retention.agingPace)
        let next = min(horizon, latest).saturatingAdd(isFar ? .max : way)
        (horizons[table], movedAt[table]) = (next, moved + .seconds(passed))
        return next
    }
}

extension Int64 {
    fileprivate func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}

/// The extent of one of the two audits.
struct AuditExtent: Equatable {
    /// All its commits after this revision are kept.
    var after: UInt64 = 0
    /// The bytes of its rows.
    var byteCount: UInt64 = 0
}

/// The extents of the audit of users and of that of hosts.
struct AuditExtents: Equatable {
    var users = AuditExtent()
    var hosts = AuditExtent()

    init() {}

    init(after revision: UInt64) {
        users.after = revision
        hosts.after = revision
    }

    /// As ``numbers`` says.
    init(numbers: [UInt64]) {
        guard numbers.count == 4 else { return }
        users = AuditExtent(after: numbers[0], byteCount: numbers[1])
        hosts = AuditExtent(after: numbers[2], byteCount: numbers[3])
    }

    /// All of it, for the row of meta and its seal.
    var numbers: [UInt64] { [users.after, users.byteCount, hosts.after, hosts.byteCount] }

    subscript(table: AuditTable) -> AuditExtent {
        get { table == .users ? users : hosts }
        set { if table == .users { users = newValue } else { hosts = newValue } }
    }
}

enum AuditTable: String, CaseIterable {
    case users = "user_audit"
    case hosts = "host_audit"

    /// Chooses the audit of an author's commits.
    init(author: String) {
        self = author == "central" || author == "upgrade" || author.hasPrefix("chassis/") ? .hosts : .users
    }

    var schema: String {
        """
        CREATE TABLE \(rawValue) (revision INTEGER PRIMARY KEY, time INTEGER NOT NULL, author TEXT NOT NULL,
            source TEXT NOT NULL, request_id TEXT NOT NULL, change_count INTEGER NOT NULL, changes BLOB NOT NULL,
            byte_count INTEGER NOT NULL) STRICT;
        CREATE INDEX \(rawValue)_author ON \(rawValue) (author, revision);
        """
    }
}

/// The record of changes with their authors: rows that are written with the commits and outlive them.
final class AuditLog {
    private let insert: [AuditTable: SQLiteStatement]
    private let oldest: [AuditTable: SQLiteStatement]
    private let delete: [AuditTable: SQLiteStatement]
    private let ofAll: SQLiteStatement
    private var aging = AuditAging()
    private let ofAuthor: [AuditTable: SQLiteStatement]

    private static let columns = "revision, time, author, source, request_id, change_count, changes"

    init(_ connection: SQLiteConnection) throws(SQLiteError) {
        func each(_ sql: (String) -> String) throws(SQLiteError) -> [AuditTable: SQLiteStatement] {
            var statements: [AuditTable: SQLiteStatement] = [:]
            for table in AuditTable.allCases { statements[table] = try connection.prepare(sql(table.rawValue)) }
            return statements
        }
        let columns = Self.columns
        insert = try each { "INSERT INTO \($0) (\(columns), byte_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?)" }
        oldest = try each { "SELECT revision, time, byte_count FROM \($0) ORDER BY revision LIMIT ?" }
        delete = try each { "DELETE FROM \($0) WHERE revision <= ?" }
        ofAuthor = try each {
            "SELECT \(columns) FROM \($0) WHERE author = ? AND revision < ? ORDER BY revision DESC LIMIT ?"
        }
        ofAll = try connection.prepare(
            AuditTable.allCases.map { "SELECT \(columns) FROM \($0.rawValue) WHERE revision < ?1" }
                .joined(separator: " UNION ALL ") + " ORDER BY revision DESC LIMIT ?2"
        )
    }

    /// Adds the row of a commit, as part of the transaction that adds the commit.
    func append(_ commit: Commit, _ extents: inout AuditExtents) throws(SQLiteError) {
        let record = CommitRecord(auditing: commit)
        let changes = record.auditChanges
        let table = AuditTable(author: commit.author)
        let byteCount =
            120 + changes.count + record.author.utf8.count * 2 + record.source.utf8.count + record.requestID.utf8.count
        try insert[table]?.run([
            .revision(record.revision), .integer(record.time), .text(record.author), .text(record.source),
            .text(record.requestID), .integer(Int64(record.changeCount)), .bytes(changes), .integer(Int64(byteCount)),
        ])
        extents[table].byteCount += UInt64(byteCount)
    }

    /// Forgets some of the oldest rows beyond the bounds, as part of a transaction.
    /// - Returns: True if there were any.
    /// - Parameters:
    ///   - now: the time of day.
    ///   - uptime: the time of a clock that nobody sets.
    func trim(
        _ extents: inout AuditExtents,
        _ retention: AuditRetention,
        now: Int64,
        uptime: Duration
    ) throws(SQLiteError) -> Bool {
        var hasForgotten = false
        for table in AuditTable.allCases {
            let maximum = table == .users ? retention.userByteCountMaximum : retention.hostByteCountMaximum
            var extent = extents[table]
            var isDone = false
            var isOldBefore: Int64?
            try oldest[table]?.run([.integer(Int64(retention.sliceCountMaximum))]) { row in
                let time = row.integer(1)
                let limit =
                    isOldBefore
                    ?? min(
                        now - retention.seconds,
                        aging.horizon(of: table, oldest: time, retention, now: uptime)
                    )
                isOldBefore = limit
                let isBeyond = extent.byteCount > UInt64(maximum) || time < limit
                guard !isDone, isBeyond else { return isDone = true }
                extent.after = UInt64(bitPattern: row.integer(0))
                extent.byteCount -= min(extent.byteCount, UInt64(max(0, row.integer(2))))
            }
            guard extent != extents[table] else { continue }
            try delete[table]?.run([.revision(extent.after)])
            extents[table] = extent
            hasForgotten = true
        }
        return hasForgotten
    }

    /// Commits, newest first, and whether there are older ones. An answer ends where it holds as many bytes of changes
    /// as ``answerByteCount``, too.
    func answer(_ request: AuditRequest) throws(SQLiteError) -> (records: [CommitRecord], hasMore: Bool) {
        let before = SQLiteValue.integer(Int64(clamping: request.before ?? .max))
        let limit = SQLiteValue.integer(Int64(request.limit) + 1)
        var records: [CommitRecord] = []
        var byteCount = 0
        var hasMore = false
        let take = { (row: SQLiteStatement) in
            guard records.count < request.limit, byteCount < Self.answerByteCount else {
                hasMore = true
                return false
            }
            let changes = row.bytes(6)
            byteCount += changes.count
            records.append(
                CommitRecord(
                    revision: UInt64(bitPattern: row.integer(0)),
                    time: row.integer(1),
                    author: row.text(2),
                    source: row.text(3),
                    requestID: row.text(4),
                    changes: CommitRecord.changes(audited: changes),
                    changeCount: Int(clamping: row.integer(5))
                )
            )
            return true
        }
        if let author = request.author {
            try ofAuthor[AuditTable(author: author)]?.run([.text(author), before, limit], while: take)
        } else {
            try ofAll.run([before, limit], while: take)
        }
        return (records, hasMore)
    }

    /// Bytes of changes after which an answer ends: what takes some milliseconds to read, and no append waits longer.
    static let answerByteCount = 256 << 10
}

extension CommitRecord {
    /// The changes as the audit keeps them: `[[op, kind, id, name]]`.
    fileprivate var auditChanges: [UInt8] {
        JSONValue.array(
            changes.map { change in
                let op = change.object == nil ? "delete" : "put"
                return .array([.string(op), .string(change.kind.rawValue), .string(change.id), .string(change.name)])
            }
        ).bytes
    }

    /// The changes that ``auditChanges`` wrote; what cannot be read is left out.
    fileprivate static func changes(audited text: [UInt8]) -> [Change] {
        guard let rows = (try? JSONParser.parse(text))?.arrayValue else { return [] }
        return rows.compactMap { row in
            let words = row.arrayValue?.compactMap(\.stringValue) ?? []
            guard words.count == 4, let kind = CommitChange.Kind(rawValue: words[1]) else { return nil }
            return Change(kind: kind, id: words[2], name: words[3], object: words[0] == "put" ? [] : nil)
        }
    }
}
