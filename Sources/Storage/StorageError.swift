import CSQLite

/// The reason why a store did not do what it was asked to.
public enum StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No room for the write. Nothing has changed; the same write may succeed later.
    case full(String)
    /// The store cannot be opened or trusted, and why; nothing was changed.
    case refused(String)
    /// Another writer has been here: the last revision is not the expected one.
    case fenced(expected: UInt64, found: UInt64)
    /// A sync or an unexpected call failed: what the disk holds is unknown until the store is opened again, so the
    /// process must end.
    case broken(String)

    /// One clause for the log or the terminal.
    public var description: String {
        switch self {
        case .full(let text): "the commit log cannot be written: \(text)"
        case .refused(let text): text
        case .fenced(let expected, let found): "the commit log is at revision \(found), not at \(expected)"
        case .broken(let text): "the commit log failed: \(text)"
        }
    }
}

extension StorageError {
    /// Creates the error of a failed write by SQLite's extended result code.
    ///
    /// A write that finds no room (ENOSPC is `SQLITE_FULL`; EDQUOT and EFBIG come as `SQLITE_IOERR_WRITE`) leaves the
    /// log as it was. After a failed sync the kernel may have dropped the dirty pages, so that a second sync that
    /// succeeds proves nothing (fsyncgate, 2018): that, and whatever else is not understood, is the end.
    init(writing code: Int32, _ text: String) {
        switch code {
        case SQLITE_FULL, Self.ioErrorWrite, Self.ioErrorTruncate, SQLITE_NOMEM: self = .full(text)
        default: self = .broken(text)
        }
    }

    /// `SQLITE_IOERR_WRITE`, which is a macro that Swift does not import.
    static let ioErrorWrite = SQLITE_IOERR | 3 << 8
    /// `SQLITE_IOERR_FSYNC`.
    static let ioErrorSync = SQLITE_IOERR | 4 << 8
    /// `SQLITE_IOERR_DIR_FSYNC`.
    static let ioErrorDirectorySync = SQLITE_IOERR | 5 << 8
    /// `SQLITE_IOERR_TRUNCATE`.
    static let ioErrorTruncate = SQLITE_IOERR | 6 << 8
}
