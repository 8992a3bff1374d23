import CLinux

/// A file in memory of the MACs that a host learns, mapped for writing: by its forwarder, and by its agent, which keeps
/// it for the next forwarder.
public final class LearntMACFile: @unchecked Sendable {
    public let macs: LearntMACs
    private let memory: UnsafeMutableRawPointer

    /// Makes a file, whose descriptor becomes the caller's.
    /// - Parameter seed: see `LearntMACs`.
    /// - Returns: the negated errno if there is no memory.
    public static func make(seed: UInt64) -> (descriptor: Int32, file: LearntMACFile?) {
        var memory: UnsafeMutableRawPointer?
        let result = clinux_shared_file("heddle-macs", LearntMACs.byteCount, &memory)
        guard result >= 0, let memory else { return (Int32(truncatingIfNeeded: result), nil) }
        return (Int32(truncatingIfNeeded: result), LearntMACFile(memory, seed: seed))
    }

    /// Maps a file.
    /// - Parameter descriptor: stays the caller's, and may be closed afterwards.
    /// - Returns: `nil` if the file is none of learnt MACs, or of another version.
    public convenience init?(_ descriptor: Int32) {
        var memory: UnsafeMutableRawPointer?
        guard clinux_map_shared_file(descriptor, LearntMACs.byteCount, &memory) >= 0, let memory else { return nil }
        self.init(memory, seed: 0)
    }

    /// Takes the memory over, also if it cannot be used.
    private init?(_ memory: UnsafeMutableRawPointer, seed: UInt64) {
        guard let macs = LearntMACs(memory, seed: seed) else {
            _ = clinux_unmap(memory, LearntMACs.byteCount)
            return nil
        }
        self.memory = memory
        self.macs = macs
    }

    deinit {
        _ = clinux_unmap(memory, LearntMACs.byteCount)
    }
}
