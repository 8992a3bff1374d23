import JSON

extension JSONValue {
    /// The string member of this name; empty where it is missing, null or something else.
    func text(_ name: String) -> String { self[name]?.stringValue ?? "" }

    /// The strings of the array member of this name.
    func texts(_ name: String) -> [String] { (self[name]?.arrayValue ?? []).compactMap(\.stringValue) }
}

extension String {
    /// Orders by bytes, as central's lists are: no locale, no Unicode collation.
    func utf8Precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
