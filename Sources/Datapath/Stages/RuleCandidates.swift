/// The rules of which one may be true of a frame, ascending: those of each list of an index that it belongs to.
struct RuleCandidates {
    private var lists = InlineArray<5, UnsafeBufferPointer<UInt32>>(
        repeating: UnsafeBufferPointer(start: nil, count: 0)
    )
    private var positions = InlineArray<5, Int>(repeating: 0)
    private var count = 0

    /// One list for each field, and that of the rules under none.
    static let listCountMaximum = RuleIndex.fieldCountMaximum + 1

    /// Adds a list.
    /// - Returns: `false` if the file does not have what it claims.
    mutating func add(_ extent: Extent, _ tables: Tables) -> Bool {
        let list = tables.rows(UInt32.self, extent)
        guard list.count == extent.count, count < Self.listCountMaximum else { return false }
        if list.count > 0 {
            lists[count] = list
            count &+= 1
        }
        return true
    }

    /// The next rule; `nil` if there is none.
    mutating func next() -> UInt32? {
        var least = UInt32.max
        var chosen = -1
        for number in 0..<count where positions[number] < lists[number].count {
            let rule = lists[number][positions[number]]
            if rule < least { (least, chosen) = (rule, number) }
        }
        guard chosen >= 0 else { return nil }
        positions[chosen] &+= 1
        return least
    }
}
