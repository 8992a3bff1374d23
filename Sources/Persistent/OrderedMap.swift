/// A persistent map in key order: a copy costs nothing and shares what later changes leave alone.
public struct OrderedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    private var entries: [(key: Key, value: Value)] = []

    /// A map without entries.
    public init() {}

    /// The number of entries.
    public var count: Int { entries.count }

    /// The value under a key; setting `nil` removes it.
    public subscript(key: Key) -> Value? {
        get {
            let index = lowerBound(of: key)
            return index < entries.count && entries[index].key == key ? entries[index].value : nil
        }
        set {
            let index = lowerBound(of: key)
            let isPresent = index < entries.count && entries[index].key == key
            switch (isPresent, newValue) {
            case (true, let value?): entries[index].value = value
            case (true, nil): entries.remove(at: index)
            case (false, let value?): entries.insert((key, value), at: index)
            case (false, nil): break
            }
        }
    }

    /// Up to `limit` entries in order, from the first whose key is greater than `key` (from the first where `nil`).
    public func entries(after key: Key?, limit: Int) -> [(key: Key, value: Value)] {
        var index = 0
        if let key {
            index = lowerBound(of: key)
            if index < entries.count, entries[index].key == key { index += 1 }
        }
        return Array(entries[index..<min(entries.count, index + max(0, limit))])
    }

    private func lowerBound(of key: Key) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
