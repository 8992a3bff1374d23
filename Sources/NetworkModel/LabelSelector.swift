/// A choice of objects by their labels, in the syntax of Kubernetes' label selectors: `key=value`, `key==value`,
/// `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key` and `!key`, joined by commas that mean "and".
///
/// A backslash takes the meaning from the character after it, so that any label can be chosen.
public struct LabelSelector: Equatable, Sendable {
    /// The most conditions of a selector, each of which is tried on each object.
    public static let requirementCountMaximum = 32
    /// The most values in all lists of a selector.
    public static let valueCountMaximum = 256
    /// A list of the forms, for messages.
    public static let forms = "key=value, key!=value, key in (a,b), key notin (a,b), key or !key, joined by commas"

    /// A condition for one label.
    enum Requirement: Equatable, Sendable {
        /// The label is there.
        case isThere
        /// The label is not there.
        case isMissing
        case isAmong(Set<String>)
        /// The label has another value, or is not there.
        case isNotAmong(Set<String>)

        func holds(for value: String?) -> Bool {
            switch self {
            case .isThere: value != nil
            case .isMissing: value == nil
            case .isAmong(let values): value.map(values.contains) ?? false
            case .isNotAmong(let values): value.map { !values.contains($0) } ?? true
            }
        }

        /// The condition that holds where either does, if both want a label to be there.
        func either(_ other: Requirement) -> Requirement? {
            switch (self, other) {
            case (.isAmong(let one), .isAmong(let more)): .isAmong(one.union(more))
            case (.isThere, .isThere), (.isThere, .isAmong), (.isAmong, .isThere): .isThere
            case (.isMissing, _), (.isNotAmong, _), (_, .isMissing), (_, .isNotAmong): nil
            }
        }
    }

    /// A text that is no selector, with the reason in one clause.
    public struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String
    }

    private(set) var requirements: [(key: String, requirement: Requirement)] = []
    /// The places of those that were asked for alone.
    private var alternatives: [String: Int] = [:]
    private var valueCount = 0

    /// A selector that takes any object.
    public init() {}

    public static func == (left: LabelSelector, right: LabelSelector) -> Bool {
        left.requirements.elementsEqual(right.requirements) { $0 == $1 }
    }

    /// True if every object fits.
    public var isEmpty: Bool { requirements.isEmpty }
    /// The number of conditions, each of which is tried on each object.
    public var count: Int { requirements.count }

    /// Adds the conditions of a text, all of which have to hold. Of texts that each have one condition, and want one
    /// label to be there, any has to hold: so are alternatives given one after the other.
    public mutating func add(_ text: String) throws(Fault) {
        let found = try LabelScanner(text).requirements()
        for case .isAmong(let values) in found.map(\.requirement) { valueCount += values.count }
        for case .isNotAmong(let values) in found.map(\.requirement) { valueCount += values.count }
        guard requirements.count + found.count <= Self.requirementCountMaximum else {
            throw Fault(description: "there are at most \(Self.requirementCountMaximum) conditions for labels")
        }
        guard valueCount <= Self.valueCountMaximum else {
            throw Fault(description: "there are at most \(Self.valueCountMaximum) values of labels")
        }
        guard found.count == 1, let (key, requirement) = found.first else {
            requirements += found
            return
        }
        if let place = alternatives[key], let either = requirements[place].requirement.either(requirement) {
            requirements[place].requirement = either
            return
        }
        if requirement.either(.isThere) != nil { alternatives[key] = requirements.count }
        requirements.append((key, requirement))
    }

    /// True if labels fit all conditions.
    /// - Parameter value: The value of a label, `nil` if it is not there.
    public func holds(_ value: (String) -> String?) -> Bool {
        requirements.allSatisfy { $0.requirement.holds(for: value($0.key)) }
    }
}

/// Reads the text of a label selector, character by character.
private struct LabelScanner {
    private typealias Fault = LabelSelector.Fault

    /// A character; one after a backslash stands for itself.
    struct Mark: Equatable {
        var character: Unicode.Scalar
        var isEscaped = false

        var isBlank: Bool { !isEscaped && (character == " " || character == "\t") }
        func `is`(_ other: Unicode.Scalar) -> Bool { !isEscaped && character == other }
        /// True for what keys and values have only after a backslash: it means something, or would to others.
        var isReserved: Bool { !isEscaped && "!=<>()*,'\"".unicodeScalars.contains(character) }
    }

    private let text: String

    init(_ text: String) { self.text = text }

    typealias Term = (key: String, requirement: LabelSelector.Requirement)

    func requirements() throws(LabelSelector.Fault) -> [Term] {
        var found: [Term] = []
        for term in try split(try marks(), isOutside: true) { found.append(try requirement(term)) }
        return found
    }

    private func marks() throws(LabelSelector.Fault) -> [Mark] {
        var marks: [Mark] = []
        var isEscaped = false
        for character in text.unicodeScalars {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                marks.append(Mark(character: character, isEscaped: isEscaped))
                isEscaped = false
            }
        }
        guard !isEscaped else { throw Fault(description: "a backslash stands before a character") }
        return marks
    }

    /// The parts between commas.
    /// - Parameter isOutside: True if commas in parentheses count as part of a list.
    private func split(_ marks: [Mark], isOutside: Bool) throws(LabelSelector.Fault) -> [[Mark]] {
        var parts: [[Mark]] = [[]]
        var isInside = false
        for mark in marks {
            if mark.is("("), isOutside, !isInside {
                isInside = true
            } else if mark.is(")"), isInside {
                isInside = false
            } else if mark.is(","), !isInside {
                parts.append([])
                continue
            }
            parts[parts.count - 1].append(mark)
        }
        guard !isInside else { throw Fault(description: "\")\" is missing") }
        return parts
    }

    private func requirement(_ term: [Mark]) throws(LabelSelector.Fault) -> Term {
        let term = Self.trimmed(term[...])
        if let open = term.firstIndex(where: { $0.is("(") }) { return try list(term, open) }
        guard let equals = term.firstIndex(where: { $0.is("=") }) else {
            let isNot = term.first?.is("!") ?? false
            return (try key(isNot ? term.dropFirst() : term), isNot ? .isMissing : .isThere)
        }
        var front = term[..<equals]
        var back = term[term.index(after: equals)...]
        let isNot = front.last?.is("!") ?? false
        if isNot {
            front = front.dropLast()
        } else if back.first?.is("=") ?? false {
            back = back.dropFirst()
        }
        let value = try value(back)
        return (try key(front), isNot ? .isNotAmong([value]) : .isAmong([value]))
    }

    /// `key in (a,b)` or `key notin (a,b)`.
    private func list(_ term: ArraySlice<Mark>, _ open: Int) throws(LabelSelector.Fault) -> Term {
        let front = Self.trimmed(term[..<open])
        let blank = front.lastIndex { $0.isBlank }
        let word = blank.map { String(front[($0 + 1)...]) } ?? ""
        guard let blank, word == "in" || word == "notin", term.last?.is(")") ?? false else {
            throw Fault(description: "a list is written as key in (a,b) or key notin (a,b)")
        }
        var values: Set<String> = []
        for part in try split(Array(term[(open + 1)...].dropLast()), isOutside: false) {
            values.insert(try value(part[...]))
        }
        return (try key(front[..<blank]), word == "in" ? .isAmong(values) : .isNotAmong(values))
    }

    private func key(_ marks: ArraySlice<Mark>) throws(LabelSelector.Fault) -> String {
        let marks = Self.trimmed(marks)
        guard !marks.isEmpty else { throw Fault(description: "a condition begins with the key of a label") }
        if marks.contains(where: \.isBlank) {
            throw Fault(description: "the key \(quoted(String(marks))) has blanks; put a backslash before each of them")
        }
        return try plain(marks, "key")
    }

    private func value(_ marks: ArraySlice<Mark>) throws(LabelSelector.Fault) -> String {
        try plain(Self.trimmed(marks), "value")
    }

    private func plain(_ marks: ArraySlice<Mark>, _ noun: String) throws(LabelSelector.Fault) -> String {
        if let mark = marks.first(where: \.isReserved) {
            throw Fault(
                description: "the \(noun) \(quoted(String(marks))) has \(mark.character); there are no patterns, and a "
                    + "character that the label has is written after a backslash"
            )
        }
        return String(marks)
    }

    private static func trimmed(_ marks: ArraySlice<Mark>) -> ArraySlice<Mark> {
        var marks = marks.drop(while: \.isBlank)
        while marks.last?.isBlank ?? false { marks.removeLast() }
        return marks
    }
}

extension String {
    fileprivate init(_ marks: ArraySlice<LabelScanner.Mark>) {
        var scalars = UnicodeScalarView()
        scalars.append(contentsOf: marks.lazy.map(\.character))
        self = String(scalars)
    }
}
