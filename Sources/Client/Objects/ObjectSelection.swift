import JSON

/// Which objects of a list the user wants to see.
public struct ObjectSelection: Equatable, Sendable {
    /// A condition for one label.
    enum LabelTerm: Equatable, Sendable {
        /// `key=value`.
        case equals(String, String)
        /// `key!=value`; an object without the label fits, too.
        case differs(String, String)
        /// `key`.
        case isThere(String)
        /// `!key`.
        case isMissing(String)
    }

    /// A condition for one field.
    struct FieldTerm: Equatable, Sendable {
        /// The way to the field: `["status", "up"]`.
        var path: [String]
        var value: String
    }

    private(set) var labels: [LabelTerm] = []
    private(set) var fields: [FieldTerm] = []

    public init() {}

    /// Creates a selection of the objects that fit all conditions.
    /// - Parameters:
    ///   - labels: `key=value`, `key!=value`, `key` and `!key`, several joined by commas.
    ///   - fields: `field=value`; a dot leads into an object: `status.up=false`.
    /// - Throws: ``ClientError/usage(_:)`` for a condition of another form.
    public init(labels: [String], fields: [String]) throws(ClientError) {
        for text in labels {
            for term in text.split(separator: ",", omittingEmptySubsequences: false) {
                self.labels.append(try Self.labelTerm(term))
            }
        }
        for text in fields { self.fields.append(try Self.fieldTerm(text)) }
    }

    private static func labelTerm(_ term: Substring) throws(ClientError) -> LabelTerm {
        let wrong = ClientError.usage(
            "'\(term)' is not a condition for a label: write key=value, key!=value, key or !key, joined by commas"
        )
        guard let equals = term.firstIndex(of: "=") else {
            let key = term.first == "!" ? term.dropFirst() : term
            guard !key.isEmpty, !key.contains("!") else { throw wrong }
            return term.first == "!" ? .isMissing(String(key)) : .isThere(String(key))
        }
        var key = term[..<equals]
        var value = term[term.index(after: equals)...]
        let differs = key.last == "!"
        if differs { key = key.dropLast() }
        if !differs, value.first == "=" { value = value.dropFirst() }
        guard !key.isEmpty, !value.contains("=") else { throw wrong }
        return differs ? .differs(String(key), String(value)) : .equals(String(key), String(value))
    }

    private static func fieldTerm(_ text: String) throws(ClientError) -> FieldTerm {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !path.contains("") else {
            throw .usage("'\(text)' is not a condition for a field: write field=value, such as status.up=false")
        }
        return FieldTerm(path: path, value: String(parts[1]))
    }

    /// - Throws: ``ClientError/usage(_:)`` where there are objects, and none has a field that is asked for.
    func checkFields(of objects: [JSONValue], _ kind: ShownKind) throws(ClientError) {
        guard !objects.isEmpty else { return }
        for term in fields {
            // The keys of a map are the users' own.
            let path = Self.maps.contains(term.path[0]) ? term.path[..<1] : term.path[...]
            var places = objects
            for (depth, name) in path.enumerated() {
                let next = places.compactMap { $0[name] }
                guard next.isEmpty else {
                    places = next
                    continue
                }
                let known = places.lazy.compactMap(\.objectValue).first?.members.map(\.name) ?? []
                let others = depth == 0 ? "the fields" : "those of \(path[..<depth].joined(separator: "."))"
                let list = known.isEmpty ? "none" : known.joined(separator: ", ")
                throw .usage(
                    "no \(kind.singular) has a field '\(path[...depth].joined(separator: "."))'; "
                        + "\(suggestion(for: name, among: known))\(others) are \(list)"
                )
            }
        }
    }

    /// The fields that have members of any name.
    private static let maps: Set = ["labels", "options"]

    func fits(_ object: JSONValue) -> Bool {
        let labels = object["labels"]
        return self.labels.allSatisfy { term in
            switch term {
            case .equals(let key, let value): labels?[key]?.stringValue == value
            case .differs(let key, let value): labels?[key]?.stringValue != value
            case .isThere(let key): labels?[key] != nil
            case .isMissing(let key): labels?[key] == nil
            }
        } && fields.allSatisfy { $0.fits(object) }
    }
}

extension ObjectSelection.FieldTerm {
    /// True if the field has the value; a list has it if one of its elements is it, null is the empty text.
    fileprivate func fits(_ object: JSONValue) -> Bool {
        var place: JSONValue? = object
        for name in path { place = place?[name] }
        guard let place else { return false }
        return place.plainText == value || (place.arrayValue ?? []).contains { $0.plainText == value }
    }
}
