/// The one row that says what the tables must hold.
struct StoreMeta: Equatable {
    var epoch: UInt64
    /// The last commit and its hash.
    var revision: UInt64 = 0
    var hash = SHA256.zero
    /// The last commit that is no longer kept and its hash: where the chain of the kept ones begins.
    var trimmedRevision: UInt64 = 0
    var trimmedHash = SHA256.zero
    /// The exclusive or of all objects' hashes: finds a missing, doubled or changed row whatever the order.
    var objectDigest = SHA256.zero

    /// Takes an object into the digest.
    mutating func addObject(hash: [UInt8]) {
        for (index, byte) in hash.enumerated() where index < objectDigest.count { objectDigest[index] ^= byte }
    }

    /// Takes an object out of the digest.
    mutating func removeObject(hash: [UInt8]) { addObject(hash: hash) }

    /// The hash of the row itself, without which a flipped bit in the epoch would go unseen.
    private var seal: [UInt8] {
        SHA256.hash([
            epoch.bigEndianBytes, revision.bigEndianBytes, hash, trimmedRevision.bigEndianBytes, trimmedHash,
            objectDigest,
        ])
    }

    /// Reads the row and checks its seal.
    static func read(_ connection: SQLiteConnection, path: String) throws -> StoreMeta {
        let sql = "SELECT epoch, revision, hash, trimmed_revision, trimmed_hash, object_digest, seal FROM meta"
        let rows = try connection.query(sql) { row in
            let meta = StoreMeta(
                epoch: UInt64(bitPattern: row.integer(0)),
                revision: UInt64(bitPattern: row.integer(1)),
                hash: row.bytes(2),
                trimmedRevision: UInt64(bitPattern: row.integer(3)),
                trimmedHash: row.bytes(4),
                objectDigest: row.bytes(5)
            )
            return (meta: meta, isSealed: meta.seal == row.bytes(6))
        }
        guard rows.count == 1, let row = rows.first, row.isSealed else {
            throw StorageError.refused("\(path) is damaged: the row of meta does not match its seal")
        }
        return row.meta
    }

    /// Replaces the row; part of the caller's transaction.
    func write(_ connection: SQLiteConnection) throws(SQLiteError) {
        let statement = try connection.prepare(
            """
            INSERT OR REPLACE INTO meta
            (id, epoch, revision, hash, trimmed_revision, trimmed_hash, object_digest, seal)
            VALUES (1, ?, ?, ?, ?, ?, ?, ?)
            """
        )
        try statement.run([
            .revision(epoch), .revision(revision), .bytes(hash), .revision(trimmedRevision), .bytes(trimmedHash),
            .bytes(objectDigest), .bytes(seal),
        ])
    }
}

extension StoredObject {
    /// What the store keeps beside the object to know its bytes again. The lengths keep the parts apart.
    var hash: [UInt8] {
        SHA256.hash([
            UInt64(kind.utf8.count).bigEndianBytes, Array(kind.utf8),
            UInt64(id.utf8.count).bigEndianBytes, Array(id.utf8), revision.bigEndianBytes, bytes,
        ])
    }
}

extension UInt64 {
    /// The eight octets, the most significant first.
    fileprivate var bigEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> (56 - 8 * $0)) } }
}
