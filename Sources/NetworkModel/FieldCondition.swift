/// A demand on a text: one of those that are wanted, if any are, and none of those that are not.
///
/// A pattern is the whole text or, with a star behind it, the beginning of one; `!` before it excludes what it fits.
public struct TextCondition: Equatable, Sendable {
    /// Patterns of one kind. Whole texts are looked up, however many they are.
    struct Patterns: Equatable, Sendable {
        var texts: Set<String> = []
        var prefixes: [String] = []

        var isEmpty: Bool { texts.isEmpty && prefixes.isEmpty }
        var count: Int { texts.count + prefixes.count }

        func fit(_ text: String) -> Bool { texts.contains(text) || prefixes.contains { text.hasPrefix($0) } }

        mutating func add(_ pattern: Substring) {
            if pattern.last == "*" {
                prefixes.append(String(pattern.dropLast()))
            } else {
                texts.insert(String(pattern))
            }
        }
    }

    private(set) var wanted = Patterns()
    private(set) var unwanted = Patterns()

    public init() {}

    /// Adds a pattern.
    public mutating func add(_ pattern: String) {
        if pattern.first == "!" { unwanted.add(pattern.dropFirst()) } else { wanted.add(pattern[...]) }
    }

    /// The texts of which it wants one; `nil` if it may be content with others.
    public var texts: Set<String>? { wanted.isEmpty || !wanted.prefixes.isEmpty ? nil : wanted.texts }

    /// The number of patterns.
    public var count: Int { wanted.count + unwanted.count }
    /// True if the empty text is wanted, or is not.
    public var isAboutEmptyText: Bool { wanted.texts.contains("") || unwanted.texts.contains("") }

    /// The same with other spellings of whole texts, where there are any.
    func named(_ name: (String) -> String?) -> TextCondition {
        var named = self
        named.wanted.texts = Set(wanted.texts.map { name($0) ?? $0 })
        named.unwanted.texts = Set(unwanted.texts.map { name($0) ?? $0 })
        return named
    }

    /// True if a text is as it is wanted. Where there is none, none is excluded.
    public func holds(for text: String?) -> Bool {
        guard let text else { return wanted.isEmpty }
        return (wanted.isEmpty || wanted.fit(text)) && !unwanted.fit(text)
    }

    /// The same for one that may have several texts.
    public func holds(forAny texts: [String]) -> Bool {
        (wanted.isEmpty || texts.contains(where: wanted.fit)) && !texts.contains(where: unwanted.fit)
    }
}

/// A demand on the values of an object: that one of those that are wanted is among them, if any are, and none of those
/// that are not.
public struct ValueCondition<Pattern: Equatable & Sendable>: Equatable, Sendable {
    /// Values of which one has to be there, if there are any.
    public private(set) var wanted: [Pattern] = []
    /// Values of which none may be there.
    public private(set) var unwanted: [Pattern] = []

    public init() {}

    /// The number of patterns.
    public var count: Int { wanted.count + unwanted.count }

    /// Adds a pattern that is wanted, or is not.
    public mutating func add(_ pattern: Pattern, isNot: Bool) {
        if isNot { unwanted.append(pattern) } else { wanted.append(pattern) }
    }

    /// True if an object has values as they are wanted.
    /// - Parameter has: True for a pattern that one of its values fits.
    public func holds(_ has: (Pattern) -> Bool) -> Bool {
        (wanted.isEmpty || wanted.contains(where: has)) && !unwanted.contains(where: has)
    }
}
