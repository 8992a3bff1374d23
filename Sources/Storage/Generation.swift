import Glibc
import NetworkModel
import Reactor

/// A commit that a data directory is known to have held, in a file beside the database: evidence against a database
/// that was put back to an earlier state.
///
/// Its one line is the epoch, a revision and the hash of that commit. It never runs ahead of what is durable, and lags
/// behind by no more than seconds or some thousand commits: a start whose database does not have that commit has
/// another history before it.
struct Generation: Equatable {
    static let name = "generation"

    var epoch: UInt64
    var revision: UInt64
    var hash: CommitHash

    /// The content of a file.
    enum Found: Equatable {
        /// There is no file: the directory is new, or of a version that kept none.
        case missing
        case unreadable
        case seen(Generation)
    }

    static func read(_ path: String) throws(SystemError) -> Found {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try readFile(path, maximum: 4096)
        } catch {
            switch error.errno {
            case ENOENT: return .missing
            case EFBIG: return .unreadable
            default: throw error
            }
        }
        let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 3, let epoch = CommitHash(String(words[0])), let revision = UInt64(words[1]),
            let hash = CommitHash(String(words[2]))
        else { return .unreadable }
        return .seen(Generation(epoch: epoch.rawValue, revision: revision, hash: hash))
    }

    /// Replaces the file, durably.
    func write(to path: String) throws(SystemError) {
        try writeFile(
            Array("\(CommitHash(rawValue: epoch)) \(revision) \(hash)\n".utf8),
            replacing: path
        )
    }
}
