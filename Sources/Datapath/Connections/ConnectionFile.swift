import CLinux
import Wire

/// A file in memory of the connections of a host's ports, mapped for writing: by its forwarder, and by its agent, which
/// keeps it for the next forwarder.
public final class ConnectionFile: @unchecked Sendable {
    public let connections: ConnectionTable
    private let memory: UnsafeMutableRawPointer

    /// Makes a file, whose descriptor becomes the caller's.
    /// - Parameter key: see `ConnectionTable`.
    /// - Returns: the negated errno if there is no memory.
    public static func make(key: SipHashKey) -> (descriptor: Int32, file: ConnectionFile?) {
        var memory: UnsafeMutableRawPointer?
        let result = clinux_shared_file("heddle-connections", ConnectionTable.byteCount(), &memory)
        guard result >= 0, let memory else { return (Int32(truncatingIfNeeded: result), nil) }
        return (Int32(truncatingIfNeeded: result), ConnectionFile(memory, key: key))
    }

    /// Maps a file.
    /// - Parameter descriptor: stays the caller's, and may be closed afterwards.
    /// - Returns: `nil` if the file is none of connections, or of another version.
    public convenience init?(_ descriptor: Int32) {
        var memory: UnsafeMutableRawPointer?
        guard clinux_map_shared_file(descriptor, ConnectionTable.byteCount(), &memory) >= 0, let memory else {
            return nil
        }
        self.init(memory, key: SipHashKey(low: 0, high: 0))
    }

    /// Takes the memory over, also if it cannot be used.
    private init?(_ memory: UnsafeMutableRawPointer, key: SipHashKey) {
        guard let connections = ConnectionTable(memory, key: key) else {
            _ = clinux_unmap(memory, ConnectionTable.byteCount())
            return nil
        }
        self.memory = memory
        self.connections = connections
    }

    deinit {
        _ = clinux_unmap(memory, ConnectionTable.byteCount())
    }
}
