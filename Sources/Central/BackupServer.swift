import Glibc
import Logging
import Reactor
import Storage

/// Hands copies of the log to `heddle central backup` on this machine, from the store's thread.
///
/// Over a socket of its own that root and central's user may connect to. Each message is a line of words:
/// `progress DONE TOTAL` in pages, `failed WHY`, and last `done`, along with a descriptor of the copy, a file without a
/// name. One copy is made at a time, a slice a turn, so that appends go on.
final class BackupServer {
    /// The socket's name in the data directory.
    static let socketName = "backup.sock"
    /// The suffix of the copy's name while it is made.
    private static let copySuffix = ".copy"
    static let messageByteCountMaximum = 4096
    /// Slices between two messages of progress.
    private static let slicesPerMessage = 16

    private let loop: EventLoop
    private let store: SQLiteStore
    private let copyPath: String
    private let logger: Logger
    private var acceptor: Acceptor?
    private var current: Copy?

    /// A copy under way, and who waits for it.
    private struct Copy {
        var client: Descriptor
        var backup: SQLiteBackup
        var sliceCount = 0
    }

    init(loop: EventLoop, store: SQLiteStore, listener: Descriptor, logger: Logger) throws(SystemError) {
        self.loop = loop
        self.store = store
        self.logger = logger
        copyPath = store.path + Self.copySuffix
        // Of a central that did not get to its end.
        try? removeFile(copyPath)
        acceptor = try Acceptor(loop: loop, listener: listener) { [unowned self] client, _ in begin(client) }
    }

    /// Accepts no further clients and gives up the copy under way: the log is about to be closed.
    func stop() {
        acceptor?.cancel()
        acceptor = nil
        end()
    }

    private func begin(_ client: Descriptor) {
        guard current == nil else {
            say("failed another backup is under way; try again when it is done", to: client)
            return
        }
        do {
            try removeFile(copyPath)
            current = Copy(client: client, backup: try store.beginBackup(to: copyPath))
            logger.info("a backup begins")
            goOn()
        } catch {
            say("failed \(error)", to: client)
            try? removeFile(copyPath)
        }
    }

    private func goOn() {
        loop.schedule(after: .zero) { [weak self] in self?.copySlice() }
    }

    private func copySlice() {
        guard let current else { return }
        do throws(StorageError) {
            let progress = try current.backup.step()
            guard !progress.isComplete else { return handOver(to: current.client) }
            self.current?.sliceCount += 1
            if current.sliceCount % Self.slicesPerMessage == 0,
                !say("progress \(progress.done) \(progress.total)", to: current.client)
            {
                return end()
            }
            goOn()
        } catch {
            say("failed \(error)", to: current.client)
            logger.warning("a backup failed: \(error)")
            end()
        }
    }

    private func handOver(to client: Descriptor) {
        do throws(SystemError) {
            let copy = try Descriptor.open(copyPath, flags: O_RDONLY)
            _ = try SeqPacket.send(Array("done".utf8), descriptors: [copy], over: client)
            logger.info("a backup is complete")
        } catch {
            say("failed \(error)", to: client)
        }
        end()
    }

    private func end() {
        current = nil
        try? removeFile(copyPath)
    }

    /// - Returns: True if the client is still there. A slow client misses a message.
    @discardableResult
    private func say(_ line: String, to client: Descriptor) -> Bool {
        do throws(SystemError) {
            _ = try SeqPacket.send(Array(line.utf8.prefix(Self.messageByteCountMaximum)), over: client)
            return true
        } catch {
            return false
        }
    }
}
