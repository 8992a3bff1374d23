/// The reason why bytes are no message.
public enum ForwarderMessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The bytes end inside the header or a field.
    case truncated
    /// Bytes follow the last field, or the body is longer than the header says.
    case trailingBytes
    case unknownType(UInt16)
    /// A field holds a value that it cannot have.
    case invalidValue
    /// The message, or a name in it, is longer than its maximum.
    case tooLong

    /// One clause for the log.
    public var description: String {
        switch self {
        case .truncated: "the message is cut short"
        case .trailingBytes: "bytes follow the message"
        case .unknownType(let type): "no message has type \(type)"
        case .invalidValue: "a field has an impossible value"
        case .tooLong: "the message or a name in it is too long"
        }
    }
}
