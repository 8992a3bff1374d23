import JSON

/// Reads a file of ovsdb-server (ovsdb(5)): a log of records, each with a line before it that tells its length and
/// SHA-1. The log of a standalone database has the schema and then transactions, that of a member of a cluster has the
/// entries of Raft.
public struct DatabaseFile: Sendable {
    public private(set) var contents = DatabaseContents()
    /// Sentences about what a reader should know besides.
    public private(set) var remarks: [String] = []

    /// The longest record: the whole of a large database, as a file has it once it was compacted.
    public static let recordByteCountMaximum = 256 << 20
    /// The longest line before a record.
    private static let lineByteCountMaximum = 128
    /// The most entries of Raft that are kept until it is known that they stay.
    static let entryCountMaximum = 1_000_000

    private let digest: @Sendable ([UInt8]) -> [UInt8]

    /// Reads a file.
    /// - Parameter digest: The SHA-1 of some octets.
    public init(_ bytes: [UInt8], digest: @escaping @Sendable ([UInt8]) -> [UInt8]) throws(DatabaseError) {
        self.digest = digest
        let standalone = Array("OVSDB JSON ".utf8)
        let clustered = Array("OVSDB CLUSTER ".utf8)
        if bytes.starts(with: standalone) {
            try readStandalone(RecordReader(bytes, magic: standalone))
        } else if bytes.starts(with: clustered) {
            try readCluster(RecordReader(bytes, magic: clustered))
        } else {
            throw DatabaseError(
                "it is no database of ovsdb-server, which begins with \"OVSDB JSON\" or \"OVSDB CLUSTER\""
            )
        }
    }

    private mutating func readStandalone(_ records: RecordReader) throws(DatabaseError) {
        var records = records
        guard let schema = try next(&records) else { throw DatabaseError("it ends before its schema") }
        try contents.take(schema: schema)
        while let transaction = try next(&records) { try contents.apply(transaction) }
    }

    private mutating func readCluster(_ records: RecordReader) throws(DatabaseError) {
        var records = records
        guard let header = try next(&records) else { throw DatabaseError("it ends before its header") }
        guard let data = header["prev_data"] else {
            throw DatabaseError(
                "it is of a server that has not joined its cluster yet; take the file of another member"
            )
        }
        if data != .null { try apply(data) }
        let base = header["prev_index"]?.integerValue ?? 0
        var entries: [JSONValue] = []
        var committed = base
        while let record = try next(&records) {
            if let index = record["commit_index"]?.integerValue {
                committed = max(committed, index)
            } else if let index = record["index"]?.integerValue, record["term"] != nil {
                let (place, isTooLarge) = index.subtractingReportingOverflow(base &+ 1)
                guard !isTooLarge, place >= 0, place <= entries.count, place < Self.entryCountMaximum else {
                    throw DatabaseError("entry \(index) of its log does not follow the one before")
                }
                // A leader may have replaced the last entries by others.
                entries.removeSubrange(Int(place)...)
                entries.append(record["data"] ?? .null)
            }
        }
        for entry in entries where entry != .null { try apply(entry) }
        let open = base + Int64(entries.count) - committed
        if open > 0 {
            remarks.append(
                "the last \(open) entries of the log are not known to be committed by the cluster; they are taken as "
                    + "if they were"
            )
        }
    }

    /// Takes over the data of an entry: a schema or null, and a transaction or null.
    private mutating func apply(_ data: JSONValue) throws(DatabaseError) {
        guard let pair = data.arrayValue, pair.count == 2 else {
            throw DatabaseError("an entry of its log is no pair of a schema and a transaction")
        }
        if pair[0] != .null {
            // A conversion brings all rows anew.
            if pair[1] != .null { contents = DatabaseContents() }
            try contents.take(schema: pair[0])
        }
        if pair[1] != .null { try contents.apply(pair[1]) }
    }

    private mutating func next(_ records: inout RecordReader) throws(DatabaseError) -> JSONValue? {
        guard let record = try records.next() else { return nil }
        let bytes: [UInt8]
        switch record {
        case .cut:
            remarks.append(
                "the file ends within a record, at byte \(records.offset), as after a crash or while a server writes; "
                    + "what was before is taken"
            )
            return nil
        case .whole(let content, let wanted):
            bytes = content
            guard digest(bytes) == wanted else {
                throw DatabaseError("the record at byte \(records.offset) is damaged: its SHA-1 is another one")
            }
        }
        do throws(JSONError) {
            return try JSONParser.parse(bytes)
        } catch {
            throw DatabaseError("the record at byte \(records.offset) is no JSON: \(error)")
        }
    }

    /// Divides a file into records.
    private struct RecordReader {
        let bytes: [UInt8]
        let magic: [UInt8]
        /// The place of the record that was read last.
        private(set) var offset = 0
        private var end = 0

        enum Record {
            /// Its octets, and their SHA-1 as the line before them tells it.
            case whole([UInt8], digest: [UInt8])
            /// The file ends before it does.
            case cut
        }

        init(_ bytes: [UInt8], magic: [UInt8]) {
            self.bytes = bytes
            self.magic = magic
        }

        mutating func next() throws(DatabaseError) -> Record? {
            offset = end
            guard offset < bytes.count else { return nil }
            let lineEnd = bytes[offset...].prefix(lineByteCountMaximum).firstIndex(of: UInt8(ascii: "\n"))
            guard let lineEnd else {
                if bytes.count - offset < lineByteCountMaximum { return .cut }
                throw DatabaseError("at byte \(offset) is no beginning of a record")
            }
            let line = bytes[offset..<lineEnd]
            let words = line.dropFirst(magic.count).split(separator: UInt8(ascii: " "))
            guard line.starts(with: magic), words.count == 2,
                let count = Int(String(decoding: words[0], as: UTF8.self)), count >= 0,
                let wanted = Self.octets(ofHexadecimal: words[1])
            else { throw DatabaseError("at byte \(offset) is no beginning of a record") }
            guard count <= recordByteCountMaximum else {
                throw DatabaseError("the record at byte \(offset) is longer than \(recordByteCountMaximum) bytes")
            }
            guard count <= bytes.count - lineEnd - 1 else { return .cut }
            end = lineEnd + 1 + count
            return .whole(Array(bytes[(lineEnd + 1)..<end]), digest: wanted)
        }

        /// The 20 octets of a SHA-1.
        private static func octets(ofHexadecimal digits: ArraySlice<UInt8>) -> [UInt8]? {
            guard digits.count == 40, digits.allSatisfy(Atom.isHexDigit) else { return nil }
            let text = String(decoding: digits, as: UTF8.self)
            var octets: [UInt8] = []
            var rest = text[...]
            while !rest.isEmpty {
                octets.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            }
            return octets
        }
    }
}
