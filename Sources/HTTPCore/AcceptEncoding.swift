/// What a client says about the content codings of its answer (RFC 9110 section 12.5.3), as far as `gzip` and
/// `identity` are concerned.
public struct AcceptEncoding: Equatable, Sendable {
    /// Whether gzip is acceptable, and no less wanted than identity.
    public let prefersGzip: Bool
    /// Whether gzip is acceptable.
    public let allowsGzip: Bool
    /// Whether the answer may come without any coding.
    public let allowsIdentity: Bool

    /// The meaning of a field's value. Elements that cannot be understood say nothing.
    public init(_ value: String) {
        var gzip: Int?
        var identity: Int?
        var others: Int?
        for element in value.split(separator: ",") {
            let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
            guard let coding = parts.first?.lowercased(), let weight = Self.weight(parts.dropFirst()) else { continue }
            switch coding {
            case "gzip", "x-gzip": gzip = max(gzip ?? 0, weight)
            case "identity": identity = weight
            case "*": others = weight
            default: break
            }
        }
        let gzipWeight = gzip ?? others ?? 0
        allowsGzip = gzipWeight > 0
        allowsIdentity = identity ?? others ?? 1 > 0
        prefersGzip = allowsGzip && gzipWeight >= identity ?? others ?? 0
    }

    /// The weight in thousandths: `q=` and a number from 0 to 1 with up to three digits; 1000 without parameters.
    private static func weight(_ parameters: ArraySlice<Substring>) -> Int? {
        guard let parameter = parameters.first else { return 1000 }
        guard parameters.count == 1, parameter.lowercased().hasPrefix("q=") else { return nil }
        let digits = parameter.dropFirst(2).utf8
        guard let first = digits.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1") else { return nil }
        let rest = digits.dropFirst()
        guard rest.isEmpty || rest.first == UInt8(ascii: "."), rest.count <= 4 else { return nil }
        var weight = first == UInt8(ascii: "1") ? 1000 : 0
        var unit = 100
        for digit in rest.dropFirst() {
            guard digit.isDigit else { return nil }
            weight += Int(digit - 0x30) * unit
            unit /= 10
        }
        return weight <= 1000 ? weight : nil
    }

    private static func trimmed(_ text: Substring) -> Substring {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        var text = text.drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
