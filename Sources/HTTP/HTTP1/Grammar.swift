/// The byte classes of HTTP's grammar.
extension UInt8 {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0a
    static let carriageReturn: UInt8 = 0x0d
    static let space: UInt8 = 0x20

    /// tchar: a byte of methods and field names (RFC 9110 section 5.6.2).
    var isTokenByte: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        // ! # $ % & ' * + - . ^ _ ` | ~
        case 0x21, 0x23...0x27, 0x2a, 0x2b, 0x2d, 0x2e, 0x5e...0x60, 0x7c, 0x7e: true
        default: false
        }
    }

    /// A byte of a field's value: visible, blank, or beyond ASCII (RFC 9110 section 5.5).
    var isFieldValueByte: Bool { self >= 0x20 ? self != 0x7f : self == .tab }

    /// unreserved or sub-delims of RFC 3986, which every component of a URI may have.
    var isURIByte: Bool {
        switch self {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        // - . _ ~ and ! $ & ' ( ) * + , ; =
        case 0x2d, 0x2e, 0x5f, 0x7e, 0x21, 0x24, 0x26...0x2c, 0x3b, 0x3d: true
        default: false
        }
    }

    var isDigit: Bool { 0x30...0x39 ~= self }

    var hexDigitValue: Int? {
        switch self {
        case 0x30...0x39: Int(self) - 0x30
        case 0x41...0x46: Int(self) - 0x41 + 10
        case 0x61...0x66: Int(self) - 0x61 + 10
        default: nil
        }
    }

    /// The byte with an ASCII capital made small.
    package var lowercased: UInt8 { 0x41...0x5a ~= self ? self | 0x20 : self }
}

extension [UInt8] {
    /// True if the bytes of `range` are those of `word`, which is in small letters, in any case.
    func matches(_ word: String, at range: Range<Int>) -> Bool {
        guard range.count == word.utf8.count else { return false }
        var index = range.lowerBound
        for byte in word.utf8 {
            guard self[index].lowercased == byte else { return false }
            index += 1
        }
        return true
    }

    /// The range without blanks (OWS) at its ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, self[lower] == .space || self[lower] == .tab { lower += 1 }
        while upper > lower, self[upper - 1] == .space || self[upper - 1] == .tab { upper -= 1 }
        return lower..<upper
    }

    /// Calls `body` for each element of a comma-separated list, without blanks around it; empty ones are skipped
    /// (RFC 9110 section 5.6.1).
    func forEachListElement(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        for index in range where self[index] == UInt8(ascii: ",") {
            let element = trimmed(start..<index)
            if !element.isEmpty { body(element) }
            start = index + 1
        }
        let element = trimmed(start..<range.upperBound)
        if !element.isEmpty { body(element) }
    }

    func text(_ range: Range<Int>) -> String { String(decoding: self[range], as: UTF8.self) }
}
