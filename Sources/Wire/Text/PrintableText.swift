/// Text from users, hosts and servers, as it may be on a terminal or in a log.
extension StringProtocol {
    /// The text with what a terminal would obey written as an escape: `\n`, `\x1b`, `\u{202e}`.
    ///
    /// Line breaks, too, so that a text cannot forge a line.
    public var printable: String { escaping(keepsLayout: false) { $0.escape } }

    /// The same, but for line breaks and tabs: for output that has lines of its own.
    public var printableLines: String { escaping(keepsLayout: true) { $0.escape } }

    /// The text of a JSON or YAML document with what a terminal would obey written as these do: `\u202e`. Within a
    /// document such characters are only in strings, and in YAML those are in double quotes.
    public var printableDocument: String {
        escaping(keepsLayout: true) { scalar in
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }
    }

    /// True if the text has characters that a terminal would obey: C0, DEL, C1, the separators of lines, or what turns
    /// the direction of writing.
    public var hasControlCharacters: Bool {
        // Nearly all text is plain: bytes decide it without a look at characters.
        utf8.contains(where: { $0 < 0x20 || $0 >= 0x7f }) && unicodeScalars.contains(where: \.isControl)
    }

    private func escaping(keepsLayout: Bool, _ escape: (Unicode.Scalar) -> String) -> String {
        let layout = keepsLayout ? "\n\t" : ""
        guard utf8.contains(where: { ($0 < 0x20 && !layout.utf8.contains($0)) || $0 >= 0x7f }) else {
            return String(self)
        }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar.isControl, !layout.unicodeScalars.contains(scalar) {
                text.append(contentsOf: escape(scalar).unicodeScalars)
            } else {
                text.append(scalar)
            }
        }
        return String(text)
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch value {
        case 0..<0x20, 0x7f..<0xa0: true
        // LINE SEPARATOR and PARAGRAPH SEPARATOR; embeddings, overrides and isolates of Unicode's UAX #9.
        case 0x2028...0x202e, 0x2066...0x2069: true
        default: false
        }
    }

    fileprivate var escape: String {
        switch self {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default: break
        }
        let digits = String(value, radix: 16)
        guard value < 0x100 else { return "\\u{\(digits)}" }
        return "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
    }
}
