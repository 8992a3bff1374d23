/// An IPv6 address, held as two integers in host order.
public struct IPv6Address: Hashable, Comparable, Sendable, Spelled {
    /// The first eight octets on the wire.
    public let high: UInt64
    /// The last eight octets on the wire.
    public let low: UInt64

    /// `::`.
    public static let any = IPv6Address(high: 0, low: 0)

    /// The address with these halves, host order.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The text forms of RFC 4291 section 2.2, also with a dotted IPv4 tail; no zone, no prefix length.
    ///
    /// Anything else is `nil`.
    public init?(_ text: some StringProtocol) {
        guard let groups = parseGroups(String(text)) else { return nil }
        self.init(groups: groups)
    }

    private init(groups: [UInt16]) {
        high = groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) }
        low = groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) }
    }

    /// The eight 16-bit groups in wire order.
    public var groups: [UInt16] {
        (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> (48 - 16 * UInt64($0 % 4))) }
    }

    /// True if the address lies in ff00::/8.
    public var isMulticast: Bool { high >> 56 == 0xff }

    /// True if the address lies in fe80::/10.
    public var isLinkLocal: Bool { high >> 54 == 0x3fa }

    public var isLoopback: Bool { high == 0 && low == 1 }

    /// The solicited-node multicast address ff02::1:ffXX:XXXX (RFC 4291 section 2.7.1).
    public var solicitedNodeAddress: IPv6Address {
        IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0000 | low & 0xff_ffff)
    }

    /// The canonical text of RFC 5952: lower case, the first longest run of zero groups shortened.
    public func spell(to text: inout [UInt8]) {
        let groups = groups
        var best = 0..<0
        var start: Int?
        for index in 0...8 {
            if index < 8, groups[index] == 0 {
                start = start ?? index
            } else if let first = start {
                if index - first > best.count { best = first..<index }
                start = nil
            }
        }
        let texts = groups.map { String($0, radix: 16) }
        guard best.count > 1 else { return text += texts.joined(separator: ":").utf8 }
        text += texts[..<best.lowerBound].joined(separator: ":").utf8
        text += "::".utf8
        text += texts[best.upperBound...].joined(separator: ":").utf8
    }

    /// Orders by value.
    public static func < (left: IPv6Address, right: IPv6Address) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

/// The eight groups that a text stands for, or `nil`.
private func parseGroups(_ text: String) -> [UInt16]? {
    guard text.utf8.count <= 45 else { return nil }
    let halves = splitAtShortening(text)
    guard let head = parseSide(halves.head, mayEndInIPv4: halves.tail == nil) else { return nil }
    guard let tailText = halves.tail else { return head.count == 8 ? head : nil }
    guard let tail = parseSide(tailText, mayEndInIPv4: true), head.count + tail.count < 8 else { return nil }
    return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
}

/// The parts before and after the first `::`; `tail` is `nil` if there is none.
private func splitAtShortening(_ text: String) -> (head: Substring, tail: Substring?) {
    var previous = text.startIndex
    for index in text.indices.dropFirst() {
        if text[index] == ":", text[previous] == ":" {
            return (text[..<previous], text[text.index(after: index)...])
        }
        previous = index
    }
    return (text[...], nil)
}

/// The groups on one side of the `::`; an empty side has none.
private func parseSide(_ side: Substring, mayEndInIPv4: Bool) -> [UInt16]? {
    guard !side.isEmpty else { return [] }
    let parts = side.split(separator: ":", omittingEmptySubsequences: false)
    var groups: [UInt16] = []
    for (index, part) in parts.enumerated() {
        if mayEndInIPv4, index == parts.count - 1, part.contains(".") {
            guard let address = IPv4Address(part) else { return nil }
            groups += [UInt16(address.rawValue >> 16), UInt16(address.rawValue & 0xffff)]
        } else {
            guard (1...4).contains(part.utf8.count) else { return nil }
            var value: UInt16 = 0
            for digit in part.utf8 {
                guard let nibble = hexadecimalValue(of: digit) else { return nil }
                value = value << 4 | UInt16(nibble)
            }
            groups.append(value)
        }
    }
    return groups.count <= 8 ? groups : nil
}
