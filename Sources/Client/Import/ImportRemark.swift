import Wire

/// Something of an OVN database that is otherwise here, or not at all.
public struct ImportRemark: Equatable, Sendable {
    /// OVN's table: `Logical_Switch_Port`.
    public var table: String
    /// The name of the row, or its UUID.
    public var row: String
    /// The column, or a part of it: `options:router-port`. `nil` if it is about the whole row.
    public var column: String?
    /// The reason, and what takes its place if there is something.
    public var reason: String

    /// One line for the standard error.
    public var text: String {
        ([table + " " + row] + (column.map { [$0] } ?? []) + [reason]).joined(separator: ": ").printable
    }
}
