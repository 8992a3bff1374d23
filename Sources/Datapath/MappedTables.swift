import CLinux

/// A file of forwarding tables that another writes, mapped for reading.
public final class MappedTables: @unchecked Sendable {
    /// The octets of the file that can be read: its size when it was mapped.
    public let byteCount: Int
    private let memory: UnsafeRawPointer

    /// Maps a file.
    /// - Parameter descriptor: stays the caller's, and may be closed afterwards.
    /// - Returns: `nil` if the file is none of tables or cannot be mapped.
    public init?(_ descriptor: Int32) {
        var address: UnsafeRawPointer?
        byteCount = clinux_file_size(descriptor)
        guard byteCount > 0, clinux_map_table_file(descriptor, byteCount, &address) >= 0, let address else {
            return nil
        }
        memory = address
    }

    deinit {
        _ = clinux_unmap(UnsafeMutableRawPointer(mutating: memory), byteCount)
    }

    /// The tables whose root is there, valid as long as this lives; `nil` if there cannot be any.
    /// - Parameters:
    ///   - root: where the root is in the file, in octets.
    ///   - length: how much of the file belongs to the tables, in octets.
    public func tables(root: Int, length: Int) -> Tables? {
        length <= byteCount ? Tables(base: memory, byteCount: length, root: root) : nil
    }
}
