import JSON
import Wire

extension JSONValue {
    /// The string member of this name as it may be printed; empty if it is missing, null or something else.
    func text(_ name: String) -> String { (self[name]?.stringValue ?? "").printable }

    /// The addresses of a port as the user says them, and behind a dynamic one those that central has made of it.
    var addressTexts: [String] {
        let given = self["status"]?.text("dynamic_addresses") ?? ""
        return texts("addresses").map { text in
            given.isEmpty || !text.split(separator: " ").contains("dynamic") ? text : "\(text) (\(given))"
        }
    }

    /// The strings of the array member of this name, as they may be printed.
    func texts(_ name: String) -> [String] {
        (self[name]?.arrayValue ?? []).compactMap(\.stringValue).map(\.printable)
    }
}

extension String {
    /// Orders by bytes, as central's lists are: no locale, no Unicode collation.
    func utf8Precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
