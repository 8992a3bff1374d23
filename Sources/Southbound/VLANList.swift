import Wire

/// VLANs (IEEE 802.1Q), 0 ... 4094, in ascending ranges that do not touch: `10,20-29`. 0 stands for frames without a
/// tag.
public struct VLANList: Hashable, Spelled {
    public private(set) var ranges: [ClosedRange<UInt16>] = []

    /// The largest VLAN (IEEE 802.1Q table 9-2).
    public static let vlanMaximum: UInt16 = 4094
    /// The most ranges of a text, whatever they have in common: a bound of what is kept and sent for a port.
    public static let rangeCountMaximum = 256

    /// No VLANs.
    public init() {}

    /// Numbers and ranges in any order, between commas; `nil` if the text is anything else, or has too many.
    public init?(_ text: String) {
        guard !text.isEmpty else { return }
        let parts = text.split(separator: ",", maxSplits: Self.rangeCountMaximum, omittingEmptySubsequences: false)
        guard parts.count <= Self.rangeCountMaximum else { return nil }
        var read: [ClosedRange<UInt16>] = []
        for part in parts {
            let ends = part.split(separator: "-", maxSplits: 2, omittingEmptySubsequences: false)
            guard ends.count <= 2, let first = Self.vlan(ends[0]), let last = Self.vlan(ends[ends.count - 1]),
                first <= last
            else { return nil }
            read.append(first...last)
        }
        for range in read.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let end = ranges.last, range.lowerBound <= end.upperBound + 1 {
                ranges[ranges.count - 1] = end.lowerBound...max(end.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
    }

    private static func vlan(_ text: Substring) -> UInt16? {
        let isNumber = (1...4).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber else { return nil }
        return UInt16(text).flatMap { $0 <= vlanMaximum ? $0 : nil }
    }

    public func contains(_ vlan: UInt16) -> Bool { ranges.contains { $0.contains(vlan) } }

    public func spell(to text: inout [UInt8]) {
        for (index, range) in ranges.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += "\(range.lowerBound)".utf8
            guard range.count > 1 else { continue }
            text.append(UInt8(ascii: "-"))
            text += "\(range.upperBound)".utf8
        }
    }
}
