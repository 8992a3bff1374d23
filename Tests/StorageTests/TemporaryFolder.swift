import Foundation
import Glibc

/// A folder of its own for one test, removed with what is in it.
final class TemporaryFolder {
    let path: String

    /// - Parameter inMemory: True if nothing of it is to reach a disk, if there is such a place.
    init(inMemory: Bool = false) {
        let parent = inMemory && access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory()
        var template = Array("\(parent)hd-storage-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/central.db" }

    func bytes(_ name: String = "central.db") -> [UInt8] {
        [UInt8](FileManager.default.contents(atPath: path + "/" + name) ?? Data())
    }

    func write(_ bytes: [UInt8], to name: String = "central.db") throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
    }

    func remove(_ name: String) { try? FileManager.default.removeItem(atPath: path + "/" + name) }
}
