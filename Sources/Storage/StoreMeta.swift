import NetworkModel
import Security

/// The one row that says what the tables must hold.
struct StoreMeta: Equatable {
    var epoch: UInt64
    /// True if the epoch was begun with `--force-hosts`: hosts use it whatever it takes from them.
    var forcesHosts = false
    /// The last commit and its hash.
    var revision: UInt64 = 0
    var hash = SHA256.zero
    /// The last folded commit and its hash: where the chain of the kept ones begins.
    var foldedRevision: UInt64 = 0
    var foldedHash = SHA256.zero
    /// The number of changes of the next commit that are folded too: a large one is folded in parts.
    var foldPosition = 0
    /// The exclusive or of all rows' hashes: finds a missing, doubled or changed row whatever the order.
    var rowDigest = SHA256.zero
    /// The extents of the audit of users and of that of hosts.
    var audits = AuditExtents()

    /// Takes a row into the digest, or out of it.
    mutating func toggleRow(hash: [UInt8]) {
        for (index, byte) in hash.enumerated() where index < rowDigest.count { rowDigest[index] ^= byte }
    }

    /// The hash of the row itself, without which a flipped bit in the epoch would go unseen.
    private var seal: [UInt8] {
        SHA256.hash(
            [
                epoch.bigEndianBytes, revision.bigEndianBytes, hash, foldedRevision.bigEndianBytes, foldedHash,
                rowDigest,
            ] + [UInt64(foldPosition).bigEndianBytes] + audits.numbers.map(\.bigEndianBytes)
                // So it is what version 2 of the schema had, too, which knew nothing of it.
                + (forcesHosts ? [[1]] : [])
        )
    }

    /// The seal that version 1 of the schema had, without what came later.
    private var firstSeal: [UInt8] {
        SHA256.hash([
            epoch.bigEndianBytes, revision.bigEndianBytes, hash, foldedRevision.bigEndianBytes, foldedHash,
            rowDigest,
        ])
    }

    /// Reads the row and checks its seal.
    /// - Parameter version: That of the schema.
    static func read(_ connection: SQLiteConnection, path: String, version: Int64) throws -> StoreMeta {
        let isFirst = version == 1
        let later =
            "fold_position, user_audit_after, user_audit_bytes, host_audit_after, host_audit_bytes"
            + (version > 2 ? ", forces_hosts" : "")
        let sql =
            "SELECT epoch, revision, hash, folded_revision, folded_hash, row_digest, seal\(isFirst ? "" : ", " + later)"
            + " FROM meta"
        let rows = try connection.query(sql) { row in
            var meta = StoreMeta(
                epoch: UInt64(bitPattern: row.integer(0)),
                revision: UInt64(bitPattern: row.integer(1)),
                hash: row.bytes(2),
                foldedRevision: UInt64(bitPattern: row.integer(3)),
                foldedHash: row.bytes(4),
                rowDigest: row.bytes(5)
            )
            if !isFirst {
                meta.foldPosition = max(0, Int(clamping: row.integer(7)))
                meta.audits = AuditExtents(numbers: (8..<12).map { UInt64(bitPattern: row.integer(Int32($0))) })
                meta.forcesHosts = version > 2 && row.integer(12) != 0
            }
            return (meta: meta, isSealed: (isFirst ? meta.firstSeal : meta.seal) == row.bytes(6))
        }
        guard rows.count == 1, let row = rows.first, row.isSealed else {
            throw SQLiteStore.damaged(path, "the row of meta does not match its seal")
        }
        return row.meta
    }

    /// The statement that ``write(by:)`` runs.
    static let replacement = """
        INSERT OR REPLACE INTO meta
        (id, epoch, revision, hash, folded_revision, folded_hash, row_digest, seal, fold_position,
        user_audit_after, user_audit_bytes, host_audit_after, host_audit_bytes, forces_hosts)
        VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    /// Replaces the row; part of the caller's transaction.
    func write(by statement: SQLiteStatement) throws(SQLiteError) {
        try statement.run(
            [
                .revision(epoch), .revision(revision), .bytes(hash), .revision(foldedRevision), .bytes(foldedHash),
                .bytes(rowDigest), .bytes(seal), .integer(Int64(foldPosition)),
            ] + audits.numbers.map { .revision($0) } + [.integer(forcesHosts ? 1 : 0)]
        )
    }
}

extension StoredRow {
    /// The hash that the store keeps beside the row to recognize it. The zeros keep the parts apart.
    var hash: [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(kind.rawValue.utf8.count + id.utf8.count + 10)
        head += kind.rawValue.utf8
        head.append(0)
        head += id.utf8
        head.append(0)
        withUnsafeBytes(of: revision.bigEndian) { head += $0 }
        return SHA256.hash([head, object])
    }
}

extension UInt64 {
    /// The eight octets, the most significant first.
    fileprivate var bigEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (56 - 8 * $0)) } }
}
