/// A domain name (RFC 1035 section 3.1): labels of 1 to 63 octets, together at most 255.
public struct DomainName: Hashable, Sendable, CustomStringConvertible {
    /// The labels in lower case, the topmost one last.
    public let labels: [String]

    /// Octets of a label, at most (RFC 1035 section 2.3.4).
    public static let labelByteCountMaximum = 63
    /// Octets of a name with the lengths of its labels and the root, at most (RFC 1035 section 2.3.4).
    public static let byteCountMaximum = 255

    /// A name of letters, digits, `-` and `_`, in any case, with or without a dot at the end; a label neither begins
    /// nor ends with `-`. Anything else is `nil`.
    public init?(_ text: some StringProtocol) {
        var text = text.lowercased()[...]
        if text == "." { text = "" } else if text.hasSuffix(".") { text = text.dropLast() }
        var labels: [String] = []
        var byteCount = 1
        if !text.isEmpty {
            for label in text.split(separator: ".", omittingEmptySubsequences: false) {
                guard Self.isLabel(label.utf8) else { return nil }
                labels.append(String(label))
                byteCount += 1 + label.utf8.count
            }
        }
        guard byteCount <= Self.byteCountMaximum else { return nil }
        self.labels = labels
    }

    private static func isLabel(_ label: some BidirectionalCollection<UInt8>) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return (1...labelByteCountMaximum).contains(label.count) && label.first != hyphen && label.last != hyphen
            && label.allSatisfy {
                (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == hyphen || $0 == UInt8(ascii: "_")
            }
    }

    /// True if it has no labels.
    public var isRoot: Bool { labels.isEmpty }

    /// The labels with dots between them.
    public var description: String { isRoot ? "." : labels.joined(separator: ".") }

    /// The name as messages have it: each label after its length, then a 0.
    public var octets: [UInt8] {
        labels.flatMap { [UInt8($0.utf8.count)] + $0.utf8 } + [0]
    }

    /// The name under which an address is looked up (RFC 1035 section 3.5, RFC 3596 section 2.5).
    public init(reverse address: IPAddress) {
        switch address {
        case .v4(let address):
            labels = (0..<4).map { String(address.rawValue >> (8 * UInt32($0)) & 255) } + ["in-addr", "arpa"]
        case .v6(let address):
            let nibbles = [address.low, address.high].flatMap { half in
                (0..<16).map { String(half >> (4 * UInt64($0)) & 15, radix: 16) }
            }
            labels = nibbles + ["ip6", "arpa"]
        }
    }

    /// Names one after the other; the end of a name that was there before is a pointer to it (RFC 1035 section 4.1.4,
    /// offsets from the first name as in RFC 3397).
    public static func compressed(_ names: [DomainName]) -> [UInt8] {
        var octets: [UInt8] = []
        var places: [[String]: Int] = [:]
        for name in names {
            var rest = name.labels[...]
            while let label = rest.first {
                if let place = places[Array(rest)] {
                    octets += [0xc0 | UInt8(truncatingIfNeeded: place >> 8), UInt8(truncatingIfNeeded: place)]
                    break
                }
                if octets.count < 0x4000 { places[Array(rest)] = octets.count }
                octets.append(UInt8(label.utf8.count))
                octets += label.utf8
                rest = rest.dropFirst()
            }
            if rest.isEmpty { octets.append(0) }
        }
        return octets
    }
}
