import JSON
import NetworkModel
import Wire

/// Which objects of a list the user wants to see. Its conditions mean what those of central's lists mean, which are
/// asked where they can be.
public struct ObjectSelection: Equatable, Sendable {
    /// The conditions for one field.
    struct FieldTerm: Equatable, Sendable {
        /// The way to the field: `["status", "up"]`.
        var path: [String]
        /// Each value with `!` before it if it is not wanted.
        var values: [String]
        var condition = TextCondition()

        var name: String { path.joined(separator: ".") }
    }

    private(set) var labels = LabelSelector()
    private var labelTexts: [String] = []
    private(set) var fields: [FieldTerm] = []

    public init() {}

    /// True if it takes all objects.
    public var isEmpty: Bool { labels.isEmpty && fields.isEmpty }

    /// Creates a selection of the objects that fit all conditions.
    /// - Parameters:
    ///   - labels: Selectors as Kubernetes has them: see ``LabelSelector``.
    ///   - fields: `field=value` and `field!=value`; a dot leads into an object: `status.up=false`; a star at the end
    ///     of the value stands for any rest. Of several values that are wanted of one field, any has to be there.
    /// - Throws: ``ClientError/usage(_:)`` for a condition of another form.
    public init(labels: [String], fields: [String]) throws(ClientError) {
        for text in labels {
            do throws(LabelSelector.Fault) {
                try self.labels.add(text)
            } catch {
                throw .usage(
                    "'\(cut(text, at: 64))' is not a condition for labels: \(error); write \(LabelSelector.forms)"
                )
            }
        }
        labelTexts = labels
        for text in fields { try addField(text) }
    }

    private mutating func addField(_ text: String) throws(ClientError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let isNot = parts[0].last == "!"
        let name = isNot ? parts[0].dropLast() : parts[0]
        let path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !path.contains(""), !name.contains("!") else {
            throw .usage(
                "'\(cut(text, at: 64))' is not a condition for a field: write field=value, such as status.up=false, or "
                    + "field!=value"
            )
        }
        let value = (isNot ? "!" : "") + parts[1]
        let place = fields.firstIndex { $0.path == path } ?? fields.count
        if place == fields.count { fields.append(FieldTerm(path: path, values: [])) }
        fields[place].values.append(value)
        fields[place].condition.add(value)
    }

    /// The query that asks central for the objects of a kind, as far as it can be asked.
    /// - Throws: ``ClientError/usage(_:)`` for labels of a kind that has none.
    func query(of kind: ShownKind) throws(ClientError) -> [(name: String, value: String)] {
        guard labels.isEmpty || kind.hasLabels else {
            throw .usage("\(kind.plural) have no labels; leave -l out")
        }
        let known = kind.listFilters
        return labelTexts.map { ("label", $0) }
            + fields.filter { known.contains($0.name) }.flatMap { term in term.values.map { (term.name, $0) } }
    }

    /// The same selection without what central has been asked.
    func rest(of kind: ShownKind) -> ObjectSelection {
        var rest = ObjectSelection()
        let known = kind.listFilters
        rest.fields = fields.filter { !known.contains($0.name) }
        return rest
    }

    /// - Throws: ``ClientError/usage(_:)`` where there are objects, and none has a field that is asked for.
    func checkFields(of objects: [JSONValue], _ kind: ShownKind) throws(ClientError) {
        guard !objects.isEmpty else { return }
        for term in fields where term.path.count > 1 || !kind.listFilters.contains(term.path[0]) {
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
        let own = object["labels"]
        return (labels.isEmpty || labels.holds { own?[$0]?.stringValue }) && fields.allSatisfy { $0.fits(object) }
    }
}

extension ObjectSelection.FieldTerm {
    /// True if the field is as it is wanted; a list has each of its elements, null is the empty text.
    fileprivate func fits(_ object: JSONValue) -> Bool {
        switch path {
        case ["mac"], ["ip"]: return fitsAddresses(of: object)
        case ["up"], ["live"]: return condition.holds(for: object["status"]?[path[0]]?.plainText)
        case ["chassis"]:
            guard let places = object["locations"]?.arrayValue else {
                return condition.holds(for: object["status"]?["chassis"]?.stringValue)
            }
            return condition.holds(forAny: places.compactMap { $0["chassis"]?.stringValue })
        default: break
        }
        var place: JSONValue? = object
        for name in path { place = place?[name] }
        switch place {
        case nil: return condition.holds(for: nil)
        case .null?: return condition.holds(for: condition.isAboutEmptyText ? "" : nil)
        case let place?: return condition.holds(forAny: (place.arrayValue ?? []).map(\.plainText) + [place.plainText])
        }
    }

    /// The addresses are compared as such, however they are written.
    private func fitsAddresses(of object: JSONValue) -> Bool {
        let texts = (object["addresses"]?.arrayValue ?? []) + [object["status"]?["dynamic_addresses"] ?? .null]
        let virtual = object["virtual_ip"]?.stringValue ?? ""
        let words = texts.compactMap(\.stringValue).flatMap { $0.split(separator: " ") } + [virtual[...]]
        func holds<Pattern: Equatable & Sendable>(_ read: (Substring) -> Pattern?, _ has: (Pattern) -> Bool) -> Bool {
            var condition = ValueCondition<Pattern>()
            for value in values {
                let isNot = value.first == "!"
                guard let pattern = read(isNot ? value.dropFirst() : value[...]) else { return false }
                condition.add(pattern, isNot: isNot)
            }
            return condition.holds(has)
        }
        if path == ["mac"] {
            let macs = words.compactMap { MACAddress($0) }
            return holds({ MACAddress($0) }, macs.contains)
        }
        let ips = words.compactMap { IPAddress($0) }
        return holds({ IPPrefix($0) }) { network in ips.contains(where: network.contains) }
    }
}
