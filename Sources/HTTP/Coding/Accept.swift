/// The media types that a client accepts (RFC 9110 section 12.5.1).
public struct Accept: Equatable, Sendable {
    private var ranges: [(range: String, weight: Int)] = []

    /// The most media ranges that are looked at; browsers send less than ten.
    public static let rangeMaximum = 32

    /// The meaning of a field's value. Elements that cannot be understood say nothing.
    public init(_ value: String) {
        for element in value.split(separator: ",").prefix(Self.rangeMaximum) {
            let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(Weight.trimmed)
            guard let range = parts.first?.lowercased(), !range.isEmpty else { continue }
            let parameters = parts.dropFirst()
            guard let weight = parameters.first(where: { $0.lowercased().hasPrefix("q=") }) else {
                ranges.append((range, Weight.maximum))
                continue
            }
            if let weight = Weight.value(weight) { ranges.append((range, weight)) }
        }
    }

    /// The weight of a media type, in thousandths; the most exact range that it is in counts. 0: not at all.
    public func weight(of type: String) -> Int {
        let group = type.prefix { $0 != "/" } + "/*"
        for wanted in [type, String(group), "*/*"] {
            if let weight = named(wanted) { return weight }
        }
        return 0
    }

    /// The weight of a media type that is named itself; `nil` if it is not.
    public func named(_ range: String) -> Int? {
        ranges.lazy.filter { $0.range == range }.map(\.weight).max()
    }

    /// True if both mean the same.
    public static func == (left: Accept, right: Accept) -> Bool {
        left.ranges.elementsEqual(right.ranges) { $0 == $1 }
    }
}

/// The weights of content negotiation (RFC 9110 section 12.4.2).
enum Weight {
    /// The largest weight, which is also the default, in thousandths.
    static let maximum = 1000

    /// The weight in thousandths of a parameter: `q=` and a number from 0 to 1 with up to three digits.
    static func value(_ parameter: Substring) -> Int? {
        guard parameter.lowercased().hasPrefix("q=") else { return nil }
        let digits = parameter.dropFirst(2).utf8
        guard let first = digits.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1") else { return nil }
        let rest = digits.dropFirst()
        guard rest.isEmpty || rest.first == UInt8(ascii: "."), rest.count <= 4 else { return nil }
        var weight = first == UInt8(ascii: "1") ? maximum : 0
        var unit = 100
        for digit in rest.dropFirst() {
            guard digit.isDigit else { return nil }
            weight += Int(digit - 0x30) * unit
            unit /= 10
        }
        return weight <= maximum ? weight : nil
    }

    /// The text without blanks around it.
    static func trimmed(_ text: Substring) -> Substring {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
