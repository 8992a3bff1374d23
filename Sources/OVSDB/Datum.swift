import JSON

/// The value of a column in a row: a set of values, or a map, in the order of OVSDB.
public struct Datum: Hashable, Sendable {
    /// An element of a set, or a pair of a map.
    public struct Element: Hashable, Sendable {
        public var key: Atom
        /// `nil` in a set.
        public var value: Atom?

        public init(_ key: Atom, _ value: Atom? = nil) {
            self.key = key
            self.value = value
        }
    }

    /// In order, each key once.
    public private(set) var elements: [Element] = []

    public init() {}

    /// A set; of equal values one stays.
    public init(_ atoms: some Sequence<Atom>) {
        self.init(elements: atoms.map { Element($0) })
    }

    /// A map of strings.
    public init(map: [String: String]) {
        self.init(elements: map.map { Element(.string($0.key), .string($0.value)) })
    }

    /// The elements in any order; of those with equal keys the first stays.
    public init(elements: [Element]) {
        var last: Atom?
        // The sort is stable, so that the first is the one that was given first.
        for element in elements.sorted(by: { $0.key < $1.key }) where element.key != last {
            self.elements.append(element)
            last = element.key
        }
    }

    public static func integer(_ value: Int64) -> Datum { Datum([.integer(value)]) }
    public static func boolean(_ value: Bool) -> Datum { Datum([.boolean(value)]) }
    public static func string(_ value: String) -> Datum { Datum([.string(value)]) }
    public static func strings(_ values: [String]) -> Datum { Datum(values.map { .string($0) }) }
    public static func uuids(_ values: [String]) -> Datum { Datum(values.map { .uuid($0) }) }

    public var isEmpty: Bool { elements.isEmpty }

    /// The texts of a set of strings or UUIDs.
    public var texts: [String] { elements.map(\.key.bareText) }

    /// The text of a single string or UUID; empty if there is none.
    public var text: String { elements.first?.key.bareText ?? "" }

    /// The pairs of a map of strings.
    public var map: [String: String] {
        Dictionary(
            elements.map { ($0.key.bareText, $0.value?.bareText ?? "") },
            uniquingKeysWith: { first, _ in first }
        )
    }

    /// The value of a map's key.
    public subscript(key: Atom) -> Atom? {
        get { elements.first { $0.key == key }?.value }
        set {
            let others = elements.filter { $0.key != key }
            self = Datum(elements: others + (newValue.map { [Element(key, $0)] } ?? []))
        }
    }

    /// The elements of both; of a key that both have the pair that was there.
    public func adding(_ other: Datum) -> Datum { Datum(elements: elements + other.elements) }

    /// The elements that are not in the other. A pair of the other without a value takes away the key with any.
    public func removing(_ other: Datum) -> Datum {
        let pairs = Set(other.elements)
        return Datum(elements: elements.filter { !pairs.contains($0) && !pairs.contains(Element($0.key)) })
    }

    /// The value that a difference in OVSDB's log makes of this: of sets what only one of them has, of maps also the
    /// new values.
    public func applying(_ difference: Datum, _ type: ColumnType) -> Datum {
        guard type.isComposite else { return difference }
        let changes = Dictionary(difference.elements.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        let kept = elements.compactMap { element -> Element? in
            guard let change = changes[element.key] else { return element }
            return change.value == element.value ? nil : change
        }
        let own = Set(elements.map(\.key))
        return Datum(elements: kept + difference.elements.filter { !own.contains($0.key) })
    }
}

extension Datum {
    /// As OVN's programs write it: sets in brackets, maps in braces.
    public func text(_ type: ColumnType) -> String {
        let text = elements.map { $0.key.text + ($0.value.map { "=" + $0.text } ?? "") }.joined(separator: ", ")
        guard type.maximum > 1 || isEmpty else { return text }
        return type.isMap ? "{\(text)}" : "[\(text)]"
    }

    /// The elements with blanks between, without quotes and brackets.
    public var bareText: String {
        elements.map { $0.key.bareText + ($0.value.map { "=" + $0.bareText } ?? "") }.joined(separator: " ")
    }

    /// As RFC 7047 section 5.1 has it.
    public func json(_ type: ColumnType) -> JSONValue {
        if type.isMap { return ["map", .array(elements.map { .array([$0.key.json, $0.value?.json ?? .null]) })] }
        return elements.count == 1 ? elements[0].key.json : ["set", .array(elements.map(\.key.json))]
    }

    /// The value of a type; `nil` if the JSON is none.
    public init?(json: JSONValue, _ type: ColumnType) {
        let pair = json.arrayValue
        if let value = type.value {
            guard let pair, pair.count == 2, pair[0] == "map", let members = pair[1].arrayValue else { return nil }
            var elements: [Element] = []
            for member in members {
                guard let member = member.arrayValue, member.count == 2, let key = Atom(json: member[0], type.key),
                    let value = Atom(json: member[1], value)
                else { return nil }
                elements.append(Element(key, value))
            }
            self.init(elements: elements)
        } else if let pair, pair.count == 2, pair[0] == "set", let members = pair[1].arrayValue {
            let atoms = members.compactMap { Atom(json: $0, type.key) }
            guard atoms.count == members.count else { return nil }
            self.init(atoms)
        } else {
            guard let atom = Atom(json: json, type.key) else { return nil }
            self.init([atom])
        }
    }

    /// -1, 0 or 1: the one with fewer elements is less, then the first pair of different elements decides.
    public func order(to other: Datum) -> Int {
        func sign(_ isLess: Bool) -> Int { isLess ? -1 : 1 }
        guard elements.count == other.elements.count else { return sign(elements.count < other.elements.count) }
        for (own, theirs) in zip(elements, other.elements) where own.key != theirs.key {
            return sign(own.key < theirs.key)
        }
        for (own, theirs) in zip(elements, other.elements) where own.value != theirs.value {
            guard let first = own.value, let second = theirs.value else { return sign(own.value == nil) }
            return sign(first < second)
        }
        return 0
    }

    /// True if every element is in the other.
    public func isSubset(of other: Datum) -> Bool { Set(elements).isSubset(of: other.elements) }
}
