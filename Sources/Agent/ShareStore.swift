import AgentCore
import Glibc
import Reactor

/// The share's file, as it is written. It belongs to the thread that writes files, which alone calls it.
final class ShareStore: @unchecked Sendable {
    private let path: String
    private var text: ShareFile
    /// The file, open at its end; `nil` before the first save, and after one that has failed.
    private var file: Descriptor?

    init(path: String, chassis: String) {
        self.path = path
        text = ShareFile(chassis: chassis)
    }

    /// Saves the share or its changes, down to the disk.
    /// - Returns: a sentence about why not, and true if the next save is to be of the whole share.
    func save(_ save: ShareSave, innerMTU: Int) -> (failure: String?, isFull: Bool) {
        do throws(SystemError) {
            switch save {
            case .whole:
                file = nil
                file = try replaceFile(path) { file throws(SystemError) in
                    try text.write(save, innerMTU: innerMTU) { line throws(SystemError) in
                        try file.writeAll(line, to: path)
                    }
                }
            case .changes:
                guard let file else { throw SystemError(call: "write \(path)", errno: EBADF) }
                self.file = nil
                try text.write(save, innerMTU: innerMTU) { line throws(SystemError) in
                    try file.writeAll(line, to: path)
                }
                try file.sync(path)
                self.file = file
            }
            return (nil, text.isFull)
        } catch {
            return (error.description, false)
        }
    }
}
