/// Cuts a text into words, one at a time: blanks and comments (`/* */`, `//` to the end of the line) are skipped.
struct MatchLexer {
    private let text: [UInt8]
    private var offset = 0

    init(_ text: [UInt8]) { self.text = text }

    /// The next word; `end` again and again after the last one.
    mutating func next() throws(MatchError) -> MatchToken {
        try skipBlanks()
        let start = offset
        guard let first = byte(0) else { return MatchToken(kind: .end, place: start..<start) }
        let kind: MatchToken.Kind
        if beginsNumber {
            kind = .number(try number())
        } else if isLetter(first) {
            kind = .identifier(run { Self.isOfIdentifier($0) })
        } else {
            switch first {
            case UInt8(ascii: "\""): kind = .string(try string())
            case UInt8(ascii: "$"): kind = .addressSet(try name("an address set", "$"))
            case UInt8(ascii: "@"): kind = .portGroup(try name("a port group", "@"))
            default: kind = .mark(try mark())
            }
        }
        return MatchToken(kind: kind, place: start..<offset)
    }

    /// The fault of the words at `place`.
    func error(at place: Range<Int>, _ detail: String) -> MatchError {
        let shown = place.prefix(MatchError.foundByteCountMaximum)
        return MatchError(offset: place.lowerBound, found: String(decoding: text[shown], as: UTF8.self), detail: detail)
    }

    private func byte(_ ahead: Int) -> UInt8? {
        offset + ahead < text.count ? text[offset + ahead] : nil
    }

    private func at(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Bool {
        byte(0) == UInt8(ascii: first) && byte(1) == UInt8(ascii: second)
    }

    private mutating func skipBlanks() throws(MatchError) {
        while let next = byte(0) {
            if next == UInt8(ascii: " ") || (9...13).contains(next) {
                offset += 1
            } else if at("/", "/") {
                while let next = byte(0), next != UInt8(ascii: "\n") { offset += 1 }
            } else if at("/", "*") {
                let start = offset
                offset += 2
                while byte(0) != nil, !at("*", "/") { offset += 1 }
                guard byte(0) != nil else { throw error(at: start..<start + 2, "expected */ behind this comment") }
                offset += 2
            } else {
                return
            }
        }
    }

    /// A digit, or what only an IPv6 or MAC address can begin with: hexadecimal digits before a colon, or `::`.
    private var beginsNumber: Bool {
        var ahead = 0
        while let next = byte(ahead), isHexadecimal(next) { ahead += 1 }
        if let first = byte(0), isDigit(first) { return true }
        return ahead > 0 ? byte(ahead) == UInt8(ascii: ":") : at(":", ":")
    }

    private mutating func number() throws(MatchError) -> MatchNumber {
        let start = offset
        let value = run { isLetter($0) && $0 != UInt8(ascii: "_") || isDigit($0) || $0 == UInt8(ascii: ":") }
        var mask: String?
        if byte(0) == UInt8(ascii: "/"), let next = byte(1), next != UInt8(ascii: "/"), next != UInt8(ascii: "*") {
            offset += 1
            mask = run { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: ":") }
        }
        do {
            return try MatchNumber(value, mask: mask)
        } catch {
            throw self.error(at: start..<max(offset, start + 1), error.sentence)
        }
    }

    /// The longest run of such octets and single dots: two are the sign between the ends of a range.
    private mutating func run(_ belongs: (UInt8) -> Bool) -> String {
        let start = offset
        while let next = byte(0) {
            guard belongs(next) || next == UInt8(ascii: ".") && byte(1) != UInt8(ascii: ".") else { break }
            offset += 1
        }
        return String(decoding: text[start..<offset], as: UTF8.self)
    }

    private mutating func string() throws(MatchError) -> String {
        let start = offset
        offset += 1
        while let next = byte(0), next != UInt8(ascii: "\"") {
            guard next >= 0x20, next != UInt8(ascii: "\\") else {
                throw error(at: offset..<offset + 1, "no port's name has this character")
            }
            offset += 1
            guard offset - start - 1 <= MatchExpression.nameByteCountMaximum else {
                throw error(at: start..<offset, "a name has at most \(MatchExpression.nameByteCountMaximum) bytes")
            }
        }
        guard byte(0) != nil else { throw error(at: start..<offset, "expected \" behind this name") }
        offset += 1
        return String(decoding: text[start + 1..<offset - 1], as: UTF8.self)
    }

    private mutating func name(_ object: String, _ sign: String) throws(MatchError) -> String {
        let start = offset
        offset += 1
        while let next = byte(0), isLetter(next) || isDigit(next) || ".:@-".utf8.contains(next) { offset += 1 }
        guard offset > start + 1 else {
            throw error(at: start..<offset, "expected the name of \(object) behind \(sign)")
        }
        guard offset - start - 1 <= MatchExpression.nameByteCountMaximum else {
            throw error(at: start..<offset, "a name has at most \(MatchExpression.nameByteCountMaximum) bytes")
        }
        return String(decoding: text[start + 1..<offset], as: UTF8.self)
    }

    private mutating func mark() throws(MatchError) -> MatchToken.Mark {
        for mark in MatchToken.Mark.allCases where text[offset...].starts(with: mark.rawValue.utf8) {
            offset += mark.rawValue.utf8.count
            return mark
        }
        let place = offset..<offset + 1
        switch text[offset] {
        case UInt8(ascii: "="): throw error(at: place, "expected ==")
        case UInt8(ascii: "&"): throw error(at: place, "expected &&")
        case UInt8(ascii: "|"): throw error(at: place, "expected ||")
        case UInt8(ascii: "^"): throw error(at: place, "Heddle has no variables of chassis; write the value")
        default: throw error(at: place, "no word of a match begins like this")
        }
    }

    private static func isOfIdentifier(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
}

/// ASCII, the underscore included.
private func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5a).contains(byte & 0xdf) || byte == UInt8(ascii: "_")
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isHexadecimal(_ byte: UInt8) -> Bool { isDigit(byte) || (0x41...0x46).contains(byte & 0xdf) }
