/// Repeated faults as lines for a log: the first at once, then one each minute with the number that came
/// between.
public struct RepeatBudget<Key: Hashable & Sendable>: Sendable {
    /// The pause between two lines about the same fault.
    public static var interval: Duration { .seconds(60) }
    /// The most things that are told apart; of others it is only said how many there were.
    public static var keyCountMaximum: Int { 1024 }

    private struct Entry {
        var saidAt: Duration
        var text: String
        var omittedCount = 0
    }

    private var entries: [Key: Entry] = [:]
    private var otherCount = 0
    private var otherSince: Duration?

    public init() {}

    /// True if no further line is due later.
    public var isEmpty: Bool { entries.isEmpty && otherCount == 0 }

    /// Takes note of something.
    /// - Returns: the line to say now, if there is one.
    public mutating func note(_ key: Key, _ text: String, now: Duration) -> String? {
        let entry = entries[key]
        if let entry, now - entry.saidAt < Self.interval {
            entries[key]?.omittedCount = entry.omittedCount + 1
            return nil
        }
        if entry == nil, entries.count >= Self.keyCountMaximum {
            entries = entries.filter { now - $0.value.saidAt < Self.interval || $0.value.omittedCount > 0 }
            guard entries.count < Self.keyCountMaximum else {
                otherCount += 1
                otherSince = otherSince ?? now
                return nil
            }
        }
        entries[key] = Entry(saidAt: now, text: text)
        return entry.map { Self.line(text, $0.omittedCount) } ?? text
    }

    /// The lines about faults that were repeated and not logged for a minute; to be asked for now and then.
    public mutating func due(now: Duration) -> [String] {
        var lines: [String] = []
        for (key, entry) in entries where now - entry.saidAt >= Self.interval {
            guard entry.omittedCount > 0 else {
                entries[key] = nil
                continue
            }
            lines.append(Self.line(entry.text, entry.omittedCount))
            entries[key] = Entry(saidAt: now, text: entry.text)
        }
        if let since = otherSince, now - since >= Self.interval {
            lines.append("\(otherCount) more lines about others were left out")
            (otherCount, otherSince) = (0, nil)
        }
        return lines.sorted()
    }

    private static func line(_ text: String, _ omittedCount: Int) -> String {
        omittedCount == 0 ? text : "\(text) (and \(omittedCount) more like it)"
    }
}
