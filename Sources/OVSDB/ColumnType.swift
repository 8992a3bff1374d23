import JSON

/// The type of a column (RFC 7047 section 3.2): a value, or a set or map of them.
public struct ColumnType: Hashable, Sendable {
    public var key: AtomType
    /// The type of a map's values; `nil` for a set.
    public var value: AtomType?
    /// 0 or 1.
    public var minimum: Int
    /// 1, or more for a set or a map.
    public var maximum: Int

    public init(_ key: AtomType, value: AtomType? = nil, minimum: Int = 1, maximum: Int = 1) {
        self.key = key
        self.value = value
        self.minimum = minimum
        self.maximum = maximum
    }

    public static let string = ColumnType(.string)
    public static let integer = ColumnType(.integer)
    public static let boolean = ColumnType(.boolean)
    public static let uuid = ColumnType(.uuid)
    public static let map = ColumnType(.string, value: .string, minimum: 0, maximum: .max)

    /// A value that may be missing.
    public static func optional(_ key: AtomType) -> ColumnType { ColumnType(key, minimum: 0) }

    /// Any number of values.
    public static func set(_ key: AtomType) -> ColumnType { ColumnType(key, minimum: 0, maximum: .max) }

    public var isMap: Bool { value != nil }

    /// True if two values of it are compared element by element, so that a log has only what has changed.
    public var isComposite: Bool { maximum > 1 }

    /// The name of the type in messages.
    public var noun: String {
        if let value { return "map of \(key.rawValue) to \(value.rawValue)" }
        return maximum > 1 ? "set of \(key.rawValue)s" : key.rawValue
    }

    /// The type that a schema tells (RFC 7047 section 3.2), as far as its number of values goes: what a value may be
    /// is left to those who read it. `nil` if it is none.
    public init?(schema json: JSONValue) {
        if let name = json.stringValue {
            guard let key = AtomType(rawValue: name) else { return nil }
            self.init(key)
            return
        }
        guard let object = json.objectValue, let key = object["key"].flatMap(Self.base) else { return nil }
        var value: AtomType?
        if let said = object["value"] {
            guard let base = Self.base(said) else { return nil }
            value = base
        }
        let maximum = object["max"] == "unlimited" ? Int64.max : object["max"]?.integerValue ?? 1
        self.init(
            key,
            value: value,
            minimum: object["min"]?.integerValue == 0 ? 0 : 1,
            maximum: Int(clamping: max(1, maximum))
        )
    }

    private static func base(_ json: JSONValue) -> AtomType? {
        (json.stringValue ?? json["type"]?.stringValue).flatMap { AtomType(rawValue: $0) }
    }
}
