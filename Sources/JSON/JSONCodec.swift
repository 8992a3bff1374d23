/// A way to write values of a type as JSON and to read them back.
public struct JSONCodec<Value>: Sendable {
    public let json: @Sendable (Value) -> JSONValue
    /// Appends the value's text.
    public let write: @Sendable (Value, inout [UInt8]) -> Void
    /// The value that JSON stands for; `nil` for none.
    public let read: @Sendable (JSONValue) -> Value?

    @inlinable public init(
        json: @escaping @Sendable (Value) -> JSONValue,
        write: (@Sendable (Value, inout [UInt8]) -> Void)? = nil,
        read: @escaping @Sendable (JSONValue) -> Value?
    ) {
        self.json = json
        self.write = write ?? { json($0).write(to: &$1) }
        self.read = read
    }

    @inlinable public static func spelled(
        _ parse: @escaping @Sendable (String) -> Value?
    ) -> JSONCodec where Value: CustomStringConvertible & SendableMetatype {
        JSONCodec(
            json: { .string($0.description) },
            write: { JSONValue.write($0.description, to: &$1) },
            read: { $0.stringValue.flatMap(parse) }
        )
    }

    @inlinable public static func list<Element>(_ element: JSONCodec<Element>) -> JSONCodec where Value == [Element] {
        JSONCodec(
            json: { .array($0.map(element.json)) },
            write: { values, text in
                text.append(UInt8(ascii: "["))
                for (index, value) in values.enumerated() {
                    if index > 0 { text.append(UInt8(ascii: ",")) }
                    element.write(value, &text)
                }
                text.append(UInt8(ascii: "]"))
            },
            read: { json in
                guard let elements = json.arrayValue else { return nil }
                var values: [Element] = []
                values.reserveCapacity(elements.count)
                for json in elements {
                    guard let value = element.read(json) else { return nil }
                    values.append(value)
                }
                return values
            }
        )
    }

    /// Values by key, as an object whose members are in the order of their names.
    @inlinable public static func map<Element>(_ element: JSONCodec<Element>) -> JSONCodec
    where Value == [String: Element] {
        JSONCodec(
            json: { map in
                let sorted = map.sorted { $0.key < $1.key }
                return .object(JSONObject(distinct: sorted.map { (name: $0.key, value: element.json($0.value)) }))
            },
            write: { map, text in
                text.append(UInt8(ascii: "{"))
                // Most are empty.
                for (index, member) in (map.isEmpty ? [] : map.sorted { $0.key < $1.key }).enumerated() {
                    if index > 0 { text.append(UInt8(ascii: ",")) }
                    JSONValue.write(member.key, to: &text)
                    text.append(UInt8(ascii: ":"))
                    element.write(member.value, &text)
                }
                text.append(UInt8(ascii: "}"))
            },
            read: { json in
                guard let members = json.objectValue?.members else { return nil }
                var map: [String: Element] = [:]
                for (key, value) in members {
                    guard let value = element.read(value) else { return nil }
                    map[key] = value
                }
                return map
            }
        )
    }

    @inlinable public static func optional<Wrapped>(_ wrapped: JSONCodec<Wrapped>) -> JSONCodec
    where Value == Wrapped? {
        JSONCodec(
            json: { $0.map(wrapped.json) ?? .null },
            write: { value, text in
                if let value { wrapped.write(value, &text) } else { text += "null".utf8 }
            },
            read: { $0 == .null ? .some(nil) : wrapped.read($0).map { .some($0) } }
        )
    }

    /// A whole number of a range.
    @inlinable public static func integer(in range: ClosedRange<Value>) -> JSONCodec
    where Value: FixedWidthInteger & Sendable {
        JSONCodec(
            json: { .integer(Int64(clamping: $0)) },
            write: { $1 += Int64(clamping: $0).description.utf8 },
            read: { $0.integerValue.flatMap(Value.init(exactly:)).flatMap { range.contains($0) ? $0 : nil } }
        )
    }

    /// An object of members, into a value that they are all put into.
    @inlinable public static func object(_ members: [JSONMember<Value>], into blank: Value) -> JSONCodec
    where Value: Sendable {
        JSONCodec(
            json: { members.json(of: $0) },
            write: { members.write($0, to: &$1) },
            read: { json in
                var value = blank
                return members.read(json, into: &value) == nil ? value : nil
            }
        )
    }
}

extension JSONCodec where Value == String {
    @inlinable public static var text: JSONCodec {
        JSONCodec(json: { .string($0) }, write: { JSONValue.write($0, to: &$1) }, read: \.stringValue)
    }
}

extension JSONCodec where Value == Bool {
    @inlinable public static var flag: JSONCodec {
        JSONCodec(json: { .bool($0) }, write: { $1 += ($0 ? "true" : "false").utf8 }, read: \.boolValue)
    }
}

extension JSONCodec where Value == [String: String] {
    /// An object of strings, by key.
    @inlinable public static var texts: JSONCodec { .map(.text) }
}

extension JSONCodec where Value: RawRepresentable & Sendable, Value.RawValue == String {
    @inlinable public static var word: JSONCodec {
        JSONCodec(
            json: { .string($0.rawValue) },
            write: { JSONValue.write($0.rawValue, to: &$1) },
            read: { $0.stringValue.flatMap(Value.init(rawValue:)) }
        )
    }
}

/// A member of a value's JSON.
///
/// A class: whoever goes through the members of a value counts one reference for each.
public final class JSONMember<Root>: Sendable {
    public let name: String
    /// `"name":`.
    @usableFromInline let head: [UInt8]
    @usableFromInline let isLeftOut: @Sendable (Root) -> Bool
    @usableFromInline let json: @Sendable (Root) -> JSONValue
    @usableFromInline let write: @Sendable (Root, inout [UInt8]) -> Void
    @usableFromInline let read: @Sendable (JSONValue?, inout Root) -> Bool

    /// A member that is always there.
    /// - Parameters:
    ///   - get: The member of a value: a function, since a key path that is not known at compile time takes ten times
    ///     as long.
    ///   - set: Sets it.
    @inlinable public convenience init<Value>(
        _ name: String,
        _ get: @escaping @Sendable (Root) -> Value,
        _ set: @escaping @Sendable (inout Root, Value) -> Void,
        _ codec: JSONCodec<Value>
    ) {
        self.init(name, get, codec, isLeftOut: { _ in false }) { json, root in
            guard let value = json.flatMap(codec.read) else { return false }
            set(&root, value)
            return true
        }
    }

    /// A list that is left out if it is empty.
    @inlinable public convenience init<Element>(
        unlessEmpty name: String,
        _ get: @escaping @Sendable (Root) -> [Element],
        _ set: @escaping @Sendable (inout Root, [Element]) -> Void,
        _ codec: JSONCodec<[Element]>
    ) {
        self.init(name, get, codec, isLeftOut: { get($0).isEmpty }) { json, root in
            guard let json else { return true }
            guard let value = codec.read(json) else { return false }
            set(&root, value)
            return true
        }
    }

    /// A member that is left out if it has its default; a text without it stands for that.
    @inlinable public convenience init<Value: Equatable & Sendable>(
        _ name: String,
        _ get: @escaping @Sendable (Root) -> Value,
        _ set: @escaping @Sendable (inout Root, Value) -> Void,
        _ codec: JSONCodec<Value>,
        default blank: Value
    ) {
        self.init(name, get, codec, isLeftOut: { get($0) == blank }) { json, root in
            guard let json else { return true }
            guard let value = codec.read(json) else { return false }
            set(&root, value)
            return true
        }
    }

    @inlinable init<Value>(
        _ name: String,
        _ get: @escaping @Sendable (Root) -> Value,
        _ codec: JSONCodec<Value>,
        isLeftOut: @escaping @Sendable (Root) -> Bool,
        read: @escaping @Sendable (JSONValue?, inout Root) -> Bool
    ) {
        self.name = name
        head = JSONValue.string(name).bytes + [UInt8(ascii: ":")]
        self.isLeftOut = isLeftOut
        json = { codec.json(get($0)) }
        write = { codec.write(get($0), &$1) }
        self.read = read
    }

    /// Appends the member with what separates it from others, unless it is left out.
    @inlinable func append(_ root: Root, to text: inout [UInt8], isFirst: inout Bool) {
        guard !isLeftOut(root) else { return }
        if !isFirst { text.append(UInt8(ascii: ",")) }
        isFirst = false
        text += head
        write(root, &text)
    }

    /// The member's value, unless it is left out.
    @inlinable func value(of root: Root) -> JSONValue? { isLeftOut(root) ? nil : json(root) }

    /// Puts what an object says of the member into a value.
    /// - Returns: True if that can be.
    @inlinable func take(_ json: JSONValue, into root: inout Root) -> Bool { read(json[name], &root) }
}

extension Array {
    /// Appends an object of these members.
    @inlinable public func write<Root>(_ root: Root, to text: inout [UInt8]) where Element == JSONMember<Root> {
        text.append(UInt8(ascii: "{"))
        var isFirst = true
        for member in self { member.append(root, to: &text, isFirst: &isFirst) }
        text.append(UInt8(ascii: "}"))
    }

    /// An object of these members.
    @inlinable public func json<Root>(of root: Root) -> JSONValue where Element == JSONMember<Root> {
        .object(JSONObject(distinct: compactMap { member in member.value(of: root).map { (member.name, $0) } }))
    }

    /// Puts what an object says of these members into a value; others are passed over.
    /// - Returns: The first member that is missing or cannot be.
    @inlinable public func read<Root>(_ json: JSONValue, into root: inout Root) -> String?
    where Element == JSONMember<Root> {
        for member in self where !member.take(json, into: &root) { return member.name }
        return nil
    }
}

// By key path: short, and fast enough for what is not written ten thousand times at once.
extension JSONMember {
    /// A member that is a property and always there.
    @inlinable public convenience init<Value>(
        _ name: String,
        _ path: any WritableKeyPath<Root, Value> & Sendable,
        _ codec: JSONCodec<Value>
    ) {
        self.init(name, { $0[keyPath: path] }, { $0[keyPath: path] = $1 }, codec)
    }

    /// A member that is a list and is left out if it is empty.
    @inlinable public convenience init<Element>(
        unlessEmpty name: String,
        _ path: any WritableKeyPath<Root, [Element]> & Sendable,
        _ codec: JSONCodec<[Element]>
    ) {
        self.init(unlessEmpty: name, { $0[keyPath: path] }, { $0[keyPath: path] = $1 }, codec)
    }

    /// A member that is a property and is left out if it has its default.
    @inlinable public convenience init<Value: Equatable & Sendable>(
        _ name: String,
        _ path: any WritableKeyPath<Root, Value> & Sendable,
        _ codec: JSONCodec<Value>,
        default blank: Value
    ) {
        self.init(name, { $0[keyPath: path] }, { $0[keyPath: path] = $1 }, codec, default: blank)
    }
}
