/// A value of a document with its place there, for readers who tell where a fault is.
///
/// Each protocol extends it by what a value has to be there, and by the words for one that is not.
public struct JSONReader: Sendable {
    public let value: JSONValue
    /// The JSON pointer of the value (RFC 6901); `""` is the whole document.
    public let pointer: String

    public init(_ value: JSONValue, at pointer: String = "") {
        self.value = value
        self.pointer = pointer
    }

    /// The pointer of a member, whether it is there or not.
    public func pointer(to name: String) -> String { "\(pointer)/\(Self.escaped(name))" }

    /// The member of this name; `nil` if the value has none or is no object.
    public subscript(name: String) -> JSONReader? {
        value[name].map { JSONReader($0, at: pointer(to: name)) }
    }

    /// The elements in order; `nil` if the value is no array.
    public var elements: [JSONReader]? {
        value.arrayValue.map { elements in elements.enumerated().map { JSONReader($1, at: "\(pointer)/\($0)") } }
    }

    /// A name as a token of a JSON pointer: with `~` and `/` escaped (RFC 6901 section 3).
    public static func escaped(_ name: some StringProtocol) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            switch scalar {
            case "~": escaped.append(contentsOf: "~0".unicodeScalars)
            case "/": escaped.append(contentsOf: "~1".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
