/// The reason why bytes are not the header that they were taken for.
public enum HeaderError: Error, Equatable, Sendable {
    /// The bytes end before the header does.
    case truncated
    /// The version field has a value that this codec does not know.
    case unsupportedVersion
    /// A length field contradicts the header's own size or the bytes at hand.
    case badLength
    /// The message is of another type, or for address kinds that this codec does not know.
    case unsupportedType
    /// An option or tag that may stand once appears twice.
    case duplicateOption
}
