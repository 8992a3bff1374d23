import Glibc
import Reactor
import Wire

/// The reason why a daemon of ours has ended or did not start, beside its pid file: it is told where its unit's log is
/// out of reach.
///
/// A daemon that was killed or has crashed leaves none, and an older one no longer counts: each start writes its pid
/// file anew.
public struct EndNote: Hashable, Sendable {
    /// The longest note that is read or written, in bytes: the longest refusal with room to spare.
    static let byteCountMaximum = 4096

    /// The reason why it ended, one sentence without a full stop.
    var sentence: String
    /// When, in seconds since 1970.
    var seconds: Int64

    /// Writes the note of a daemon, `agent`, unless its directory is missing or another one runs there. What prevents
    /// it is of no concern: the sentence is in the log, too.
    public static func write(_ sentence: String, of daemon: String, in directory: String) {
        let running = RunningProcess(named: daemon, in: directory)
        guard access(directory, W_OK) == 0, running == nil || running?.number == getpid() else { return }
        let bytes = Array(sentence.utf8.prefix(byteCountMaximum - 1)) + [UInt8(ascii: "\n")]
        try? writeFile(bytes, replacing: path(of: daemon, in: directory))
    }

    /// The note of the last start of a daemon that does not run; `nil` if there is none.
    init?(of daemon: String, in directory: String) {
        let path = Self.path(of: daemon, in: directory)
        var (note, start) = (stat(), stat())
        // The directory may be that of somebody who is not to be waited for.
        guard stat(path, &note) == 0, note.st_mode & S_IFMT == S_IFREG,
            let bytes = try? readFile(path, maximum: Self.byteCountMaximum)
        else { return nil }
        if stat("\(directory)/\(daemon).pid", &start) == 0 {
            let (ended, begun) = (note.st_mtim, start.st_mtim)
            guard (ended.tv_sec, ended.tv_nsec) >= (begun.tv_sec, begun.tv_nsec) else { return nil }
        }
        sentence = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        seconds = Int64(note.st_mtim.tv_sec)
    }

    init(sentence: String, seconds: Int64) {
        self.sentence = sentence
        self.seconds = seconds
    }

    private static func path(of daemon: String, in directory: String) -> String { "\(directory)/\(daemon).end" }
}

/// A process of ours that runs.
struct RunningProcess: Hashable, Sendable {
    var number: Int32
    /// True if somebody has stopped it (SIGSTOP), so that it does nothing.
    var isStopped = false

    init(number: Int32, isStopped: Bool = false) {
        self.number = number
        self.isStopped = isStopped
    }

    /// The process of a subcommand of ours, by its pid file in its directory; `nil` if none runs.
    init?(named name: String, in directory: String) {
        guard let bytes = try? readFile("\(directory)/\(name).pid", maximum: 64),
            let process = Int32(String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)),
            process > 0,
            let words = try? readFile("/proc/\(process)/cmdline", maximum: 1 << 20)
        else { return nil }
        // The number may have been given to another program since.
        guard words.split(separator: 0).dropFirst().first?.elementsEqual(name.utf8) == true else { return nil }
        let status = (try? readFile("/proc/\(process)/stat", maximum: 4096)) ?? []
        // The state is behind the name, which is in parentheses and may have any bytes itself (proc(5)).
        let state = status.lastIndex(of: UInt8(ascii: ")")).map { status.dropFirst($0 + 2).first } ?? nil
        self.init(number: process, isStopped: state == UInt8(ascii: "T"))
    }

    /// The user that it runs as; `nil` if it is gone.
    var user: uid_t? {
        var entry = stat()
        return stat("/proc/\(number)", &entry) == 0 ? entry.st_uid : nil
    }
}
