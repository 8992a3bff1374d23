import JSON
import Wire

/// The IPv4 addresses of a subnet that central does not give to ports (OVN's `exclude_ips`).
public struct ExcludedAddresses: Hashable, Sendable {
    /// Single addresses and ranges, in the user's order.
    public let ranges: [IPv4Range]
    /// The same in order, of which no two meet.
    private let merged: [IPv4Range]

    /// The exclusion of these ranges, which may overlap.
    public init(_ ranges: [IPv4Range]) {
        self.ranges = ranges
        var merged: [IPv4Range] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let last = merged.last, range.first <= last.last {
                merged[merged.count - 1] = IPv4Range(first: last.first, last: max(last.last, range.last))
            } else {
                merged.append(range)
            }
        }
        self.merged = merged
    }

    /// The last address of the range that an address lies in; `nil` if it is not excluded. By bisection.
    func end(ofRangeWith address: IPv4Address) -> IPv4Address? {
        var (low, high) = (0, merged.count)
        while low < high {
            let middle = (low + high) / 2
            if merged[middle].last < address { low = middle + 1 } else { high = middle }
        }
        return low < merged.count && merged[low].first <= address ? merged[low].last : nil
    }

    private static let texts = JSONCodec<[IPv4Range]>.list(.spelled { IPv4Range($0) })

    static let codec = JSONCodec<ExcludedAddresses>(
        json: { texts.json($0.ranges) },
        write: { texts.write($0.ranges, &$1) },
        read: { texts.read($0).map { ExcludedAddresses($0) } }
    )
}

/// IPv4 addresses that follow each other: `10.0.0.4`, or `10.0.0.20..10.0.0.50` with both ends.
public struct IPv4Range: Hashable, Sendable, CustomStringConvertible {
    /// The lowest address.
    public let first: IPv4Address
    /// The highest address.
    public let last: IPv4Address

    /// The range between two addresses; `last` is not below `first`.
    init(first: IPv4Address, last: IPv4Address) {
        self.first = first
        self.last = last
    }

    /// `ADDRESS` or `ADDRESS..ADDRESS`; anything else, and a range that ends before it begins, is `nil`.
    public init?(_ text: String) {
        let ends = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = ends.first.flatMap({ IPv4Address($0) }), let last = ends.last.flatMap({ IPv4Address($0) }),
            first <= last
        else { return nil }
        self.init(first: first, last: last)
    }

    public var description: String { first == last ? first.description : "\(first)..\(last)" }
}
