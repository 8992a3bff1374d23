import CSQLite
import Glibc

/// One prepared statement of a connection. Used on the connection's thread only.
final class SQLiteStatement {
    private let handle: OpaquePointer
    private let connection: OpaquePointer

    /// Tells SQLite to copy bound bytes: the macro `SQLITE_TRANSIENT`.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    init(_ sql: String, on connection: OpaquePointer) throws(SQLiteError) {
        var handle: OpaquePointer?
        let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
        guard code == SQLITE_OK, let handle else { throw SQLiteError(code, connection) }
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    /// Runs the statement from the start with these values, and hands every row to `row`.
    func run(_ values: [SQLiteValue] = [], row: (SQLiteStatement) -> Void = { _ in }) throws(SQLiteError) {
        try run(values) { statement in
            row(statement)
            return true
        }
    }

    /// As ``run(_:row:)``, for as long as `row` wants more.
    func run(_ values: [SQLiteValue], while row: (SQLiteStatement) -> Bool) throws(SQLiteError) {
        defer {
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        for (index, value) in values.enumerated() {
            let code = bind(value, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw SQLiteError(code, connection) }
        }
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW: guard row(self) else { return }
            case SQLITE_DONE: return
            case let code: throw SQLiteError(code, connection)
            }
        }
    }

    /// A column of the current row as an integer.
    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// A column of the current row as text; bytes that are not UTF-8 are repaired, so that they match no hash.
    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A column of the current row as bytes.
    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    private func bind(_ value: SQLiteValue, at index: Int32) -> Int32 {
        switch value {
        case .integer(let value): return sqlite3_bind_int64(handle, index, value)
        case .text(let value):
            var value = value
            return value.withUTF8 { text in
                text.withMemoryRebound(to: CChar.self) {
                    sqlite3_bind_text(handle, index, $0.baseAddress, Int32($0.count), Self.transient)
                }
            }
        case .bytes(let value):
            guard !value.isEmpty else { return sqlite3_bind_zeroblob(handle, index, 0) }
            return value.withUnsafeBytes {
                sqlite3_bind_blob64(handle, index, $0.baseAddress, UInt64($0.count), Self.transient)
            }
        }
    }
}

/// A value bound to a statement.
enum SQLiteValue {
    case integer(Int64)
    case text(String)
    case bytes([UInt8])

    /// A revision: those fit in 63 bits, as every commit raises it by 1.
    static func revision(_ value: UInt64) -> SQLiteValue { .integer(Int64(bitPattern: value)) }
}

/// A call of SQLite that failed.
struct SQLiteError: Error {
    /// The extended result code.
    let code: Int32
    /// SQLite's message, with the errno of the system call if there was one.
    let text: String

    init(_ code: Int32, _ connection: OpaquePointer?) {
        let extended = connection.map { sqlite3_extended_errcode($0) } ?? code
        self.code = extended & 0xff == code & 0xff ? extended : code
        var text = connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        let systemError = connection.map { sqlite3_system_errno($0) } ?? 0
        if self.code & 0xff == SQLITE_IOERR || self.code & 0xff == SQLITE_CANTOPEN, systemError != 0 {
            text += " (\(String(cString: strerror(systemError))))"
        }
        self.text = text
    }

    /// A call that was never made because its values cannot be.
    init(text: String) {
        code = SQLITE_MISUSE
        self.text = text
    }
}
