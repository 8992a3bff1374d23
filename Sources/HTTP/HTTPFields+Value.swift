import HTTPTypes

extension HTTPFields {
    /// The value of a field, as the subscript gives it, for the usual case of one such field at most without the
    /// sequences that the subscript goes through.
    package func value(of name: HTTPField.Name) -> String? {
        guard !isEmpty else { return nil }
        var found: String?
        for field in self where field.name == name {
            guard found == nil else { return self[name] }
            found = field.value
        }
        return found
    }
}
