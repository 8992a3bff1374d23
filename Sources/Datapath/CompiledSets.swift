import Southbound
import Wire

/// The address sets and port groups that the ACLs of a datapath test, before and while they lie in a file: each once,
/// however many tests name it, and in parts, so that a member more or less costs a part and not the whole.
struct CompiledSets {
    typealias Interval = RuleIndex.Interval

    /// An address set as fields of a width read it, or a port group.
    struct Name: Hashable {
        var isGroup: Bool
        var name: String
        var bitCount: Int
    }

    private struct Part: Equatable {
        var intervals: [Interval]
        /// The place of its rows in the file; empty if they do not lie there yet.
        var extent = Extent.empty

        static func == (left: Part, right: Part) -> Bool { left.intervals == right.intervals }
    }

    private struct Compiled {
        var parts: [Part]
        var extent = Extent.empty
        var isLaid = false
    }

    private var indices: [Name: Int] = [:]
    private var sets: [Compiled] = []
    private var areLaid = false
    private var extent = Extent.empty

    /// A part ends behind an interval whose first value has this many zeros in its hash, or is as long as this: so the
    /// others stay as they are wherever a member comes or goes.
    private static let endBitCount: UInt64 = 6
    private static let partCountMaximum = 256

    /// The number of a set, which is made if it is not there.
    mutating func index(of name: Name, in filter: PacketFilter) -> Int {
        if let present = indices[name] { return present }
        indices[name] = sets.count
        sets.append(Compiled(parts: Self.parts(of: Self.intervals(of: name, filter))))
        areLaid = false
        return sets.count - 1
    }

    /// Takes over other members.
    mutating func take(_ filter: PacketFilter, _ patch: FilterPatch) {
        for (name, index) in indices {
            let isChanged = name.isGroup ? patch.portGroups[name.name] != nil : patch.addressSets[name.name] != nil
            guard isChanged else { continue }
            let former = sets[index].parts
            var parts = Self.parts(of: Self.intervals(of: name, filter))
            // All before the change and behind it lies where it lay.
            let start = zip(former, parts).prefix { $0 == $1 }.count
            let end = zip(former[start...].reversed(), parts[start...].reversed()).prefix { $0 == $1 }.count
            parts.replaceSubrange(..<start, with: former[..<start])
            parts.replaceSubrange((parts.count - end)..., with: former[(former.count - end)...])
            sets[index] = Compiled(parts: parts)
            areLaid = false
        }
    }

    private static func parts(of intervals: [Interval]) -> [Part] {
        var parts: [Part] = []
        var start = 0
        for (index, interval) in intervals.enumerated() {
            let hash = UInt64(truncatingIfNeeded: interval.first ^ interval.first >> 64) &* 0x9e37_79b9_7f4a_7c15
            let isEnd = hash >> (64 - endBitCount) == 0 || index + 1 - start == partCountMaximum
            guard isEnd || index + 1 == intervals.count else { continue }
            parts.append(Part(intervals: Array(intervals[start...index])))
            start = index + 1
        }
        return parts
    }

    private static func intervals(of set: Name, _ filter: PacketFilter) -> [Interval] {
        guard !set.isGroup else {
            return joined((filter.portGroups[set.name] ?? []).map { Interval(first: UInt128($0), last: UInt128($0)) })
        }
        let intervals = (filter.addressSets[set.name] ?? []).compactMap { prefix in
            prefix.address.bitCount == set.bitCount ? Interval(prefix) : nil
        }
        return joined(intervals)
    }

    /// The same intervals in order, those that meet being one.
    static func joined(_ intervals: [Interval]) -> [Interval] {
        var isOrdered = true
        for index in intervals.indices.dropFirst() where intervals[index].first < intervals[index - 1].first {
            isOrdered = false
            break
        }
        var joined: [Interval] = []
        joined.reserveCapacity(intervals.count)
        for interval in isOrdered ? intervals : intervals.sorted(by: { $0.first < $1.first }) {
            if let last = joined.last, interval.first <= last.last || interval.first == last.last &+ 1 {
                joined[joined.count - 1].last = max(last.last, interval.last)
            } else {
                joined.append(interval)
            }
        }
        return joined
    }

    /// Forgets where sets lie, as there is another file.
    mutating func forgetPlaces() {
        areLaid = false
        for index in sets.indices {
            sets[index].isLaid = false
            for part in sets[index].parts.indices { sets[index].parts[part].extent = .empty }
        }
    }

    /// Lays what does not lie in a file yet.
    /// - Returns: the `SetRow`s.
    mutating func lay(into file: TableFile) -> Extent {
        guard !areLaid else { return extent }
        for index in sets.indices where !sets[index].isLaid {
            for part in sets[index].parts.indices where sets[index].parts[part].extent.count == 0 {
                let rows = sets[index].parts[part].intervals.map {
                    IntervalRow(first: WideValue($0.first), last: WideValue($0.last))
                }
                sets[index].parts[part].extent = file.append(rows)
            }
            let rows = sets[index].parts.compactMap { part in
                part.intervals.first.map { SetPartRow(first: WideValue($0.first), intervals: part.extent) }
            }
            sets[index].extent = file.append(rows)
            sets[index].isLaid = true
        }
        extent = file.append(sets.map { SetRow(parts: $0.extent) })
        areLaid = true
        return extent
    }
}

extension RuleIndex.Interval {
    /// The addresses of a prefix.
    init(_ prefix: IPPrefix) {
        let first: UInt128
        switch prefix.address {
        case .v4(let address): first = UInt128(address.rawValue)
        case .v6(let address): first = UInt128(address.high) << 64 | UInt128(address.low)
        }
        let free = prefix.address.bitCount - prefix.length
        let rest = free >= 128 ? UInt128.max : (1 << UInt128(free)) - 1
        self.init(first: first & ~rest, last: first | rest)
    }
}
