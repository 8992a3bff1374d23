/// The content codings that a client accepts (RFC 9110 section 12.5.3), as far as `gzip` and
/// `identity` are concerned.
public struct AcceptEncoding: Equatable, Sendable {
    /// True if gzip is acceptable, and no less wanted than identity.
    public let prefersGzip: Bool
    public let allowsGzip: Bool
    /// True if the answer may come without any coding.
    public let allowsIdentity: Bool

    /// The meaning of a field's value. Elements that cannot be understood say nothing.
    public init(_ value: String) {
        var gzip: Int?
        var identity: Int?
        var others: Int?
        for element in value.split(separator: ",") {
            let parts = element.split(separator: ";", omittingEmptySubsequences: false).map(Weight.trimmed)
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

    /// The weight in thousandths; 1000 without parameters.
    private static func weight(_ parameters: ArraySlice<Substring>) -> Int? {
        guard let parameter = parameters.first else { return Weight.maximum }
        return parameters.count == 1 ? Weight.value(parameter) : nil
    }
}
