import CLinux

/// A file in memory of what ACLs decide on a host, mapped for writing: by its forwarder, and by its agent, which keeps
/// it for the next forwarder.
public final class FilterRecordFile: @unchecked Sendable {
    public let record: FilterRecord
    private let memory: UnsafeMutableRawPointer

    /// Makes a file, whose descriptor becomes the caller's.
    /// - Returns: the negated errno if there is no memory.
    public static func make() -> (descriptor: Int32, file: FilterRecordFile?) {
        var memory: UnsafeMutableRawPointer?
        let result = clinux_shared_file("heddle-acls", FilterRecord.byteCount, &memory)
        guard result >= 0, let memory else { return (Int32(truncatingIfNeeded: result), nil) }
        return (Int32(truncatingIfNeeded: result), FilterRecordFile(memory))
    }

    /// Maps a file.
    /// - Parameter descriptor: stays the caller's, and may be closed afterwards.
    /// - Returns: `nil` if the file is none of such decisions, or of another version.
    public convenience init?(_ descriptor: Int32) {
        var memory: UnsafeMutableRawPointer?
        guard clinux_map_shared_file(descriptor, FilterRecord.byteCount, &memory) >= 0, let memory else { return nil }
        self.init(memory)
    }

    /// Takes the memory over, also if it cannot be used.
    private init?(_ memory: UnsafeMutableRawPointer) {
        guard let record = FilterRecord(memory) else {
            _ = clinux_unmap(memory, FilterRecord.byteCount)
            return nil
        }
        self.memory = memory
        self.record = record
    }

    deinit {
        _ = clinux_unmap(memory, FilterRecord.byteCount)
    }
}
