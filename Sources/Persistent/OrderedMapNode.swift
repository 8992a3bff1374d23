/// A node of an ``OrderedMap``: a leaf with entries, or a branch over nodes of equal height.
///
/// A value of arrays: what only one map holds is changed in place, what others hold too is copied on its way down.
@usableFromInline struct OrderedMapNode<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline typealias Entry = (key: Key, value: Value)

    /// A leaf's entries, in order.
    @usableFromInline var entries: [Entry] = []
    /// A branch's children, in order, none of them empty.
    @usableFromInline var children: [OrderedMapNode] = []
    /// For each child, a key that is not greater than any of its own, and greater than all of the child before it.
    @usableFromInline var bounds: [Key] = []

    /// The most entries of a leaf and children of a branch: a change copies one of each height, and a walk goes from
    /// one place in memory to the next once for so many entries.
    @inlinable static var countMaximum: Int { 32 }

    @inlinable init() {}

    @inlinable init(entries: [Entry]) { self.entries = entries }

    @inlinable init(children: [OrderedMapNode], bounds: [Key]) {
        self.children = children
        self.bounds = bounds
    }

    @inlinable var isLeaf: Bool { children.isEmpty }

    @inlinable var isEmpty: Bool { entries.isEmpty && children.isEmpty }

    @inlinable var size: Int { isLeaf ? entries.count : children.count }

    /// The index of the first entry of a leaf whose key is not less than `key`.
    @inlinable func entryIndex(notBelow key: Key) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The index of the child of a branch that a key belongs to.
    @inlinable func childIndex(of key: Key) -> Int {
        var low = 1
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if key < bounds[middle] { high = middle } else { low = middle + 1 }
        }
        return low - 1
    }

    /// Puts a value under a key.
    /// - Returns: whether the key is new, and what did not fit: a node that belongs behind this one, with its bound.
    @inlinable mutating func insert(_ key: Key, _ value: Value) -> (isNew: Bool, rest: (Key, OrderedMapNode)?) {
        if isLeaf {
            let index = entryIndex(notBelow: key)
            if index < entries.count, !(key < entries[index].key) {
                entries[index].value = value
                return (false, nil)
            }
            entries.insert((key, value), at: index)
            return (true, overflow(isAtEnd: index == entries.count - 1))
        }
        let index = childIndex(of: key)
        if key < bounds[index] { bounds[index] = key }
        let (isNew, rest) = children[index].insert(key, value)
        guard let rest else { return (isNew, nil) }
        bounds.insert(rest.0, at: index + 1)
        children.insert(rest.1, at: index + 1)
        return (isNew, overflow(isAtEnd: index + 2 == children.count))
    }

    /// Splits a node that is beyond the maximum: in halves, or where the last place was taken, before that: keys that
    /// come in order leave full nodes behind.
    @inlinable mutating func overflow(isAtEnd: Bool) -> (Key, OrderedMapNode)? {
        guard size > Self.countMaximum else { return nil }
        let start = isAtEnd ? size - 1 : size / 2
        if isLeaf {
            let rest = Array(entries[start...])
            entries.removeSubrange(start...)
            return (rest[0].key, OrderedMapNode(entries: rest))
        }
        let rest = OrderedMapNode(children: Array(children[start...]), bounds: Array(bounds[start...]))
        children.removeSubrange(start...)
        bounds.removeSubrange(start...)
        return (rest.bounds[0], rest)
    }

    /// Removes a key.
    /// - Returns: whether it was there.
    @inlinable mutating func remove(_ key: Key) -> Bool {
        if isLeaf {
            let index = entryIndex(notBelow: key)
            guard index < entries.count, !(key < entries[index].key) else { return false }
            entries.remove(at: index)
            return true
        }
        let index = childIndex(of: key)
        guard children[index].remove(key) else { return false }
        if children[index].isEmpty {
            children.remove(at: index)
            bounds.remove(at: index)
        } else if children[index].size < Self.countMaximum / 4 {
            join(index > 0 ? index - 1 : index)
        }
        return true
    }

    /// Makes one of two small neighbours.
    @inlinable mutating func join(_ index: Int) {
        guard index + 1 < children.count else { return }
        guard children[index].size + children[index + 1].size <= Self.countMaximum / 2 else { return }
        let next = children.remove(at: index + 1)
        bounds.remove(at: index + 1)
        children[index].entries += next.entries
        children[index].children += next.children
        children[index].bounds += next.bounds
    }
}
