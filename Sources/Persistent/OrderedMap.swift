/// A persistent map in key order: a copy costs nothing and shares what later changes leave alone.
///
/// A tree of which all leaves are equally deep, with up to 32 entries in each (a B+ tree). A look-up costs O(log n); a
/// change copies the nodes on its way that another map holds too, and changes the others in place. All of it may be
/// compiled into the modules that use it: a map that does not know its keys while it is compiled is several times
/// slower.
public struct OrderedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline var root = OrderedMapNode<Key, Value>()
    /// The number of entries.
    @inlinable public var count: Int { entryCount }
    @usableFromInline var entryCount = 0

    /// A map without entries.
    @inlinable public init() {}

    /// Whether the map has no entries.
    @inlinable public var isEmpty: Bool { root.isEmpty }

    /// The entry with the smallest key.
    @inlinable public var first: (key: Key, value: Value)? {
        var node = root
        while let child = node.children.first { node = child }
        return node.entries.first
    }

    /// The entry with the greatest key.
    @inlinable public var last: (key: Key, value: Value)? {
        var node = root
        while let child = node.children.last { node = child }
        return node.entries.last
    }

    /// The value under a key; setting `nil` removes it.
    @inlinable public subscript(key: Key) -> Value? {
        get {
            var node = root
            while !node.isLeaf { node = node.children[node.childIndex(of: key)] }
            let index = node.entryIndex(notBelow: key)
            guard index < node.entries.count, !(key < node.entries[index].key) else { return nil }
            return node.entries[index].value
        }
        set {
            if let newValue { insert(key, newValue) } else { remove(key) }
        }
    }

    @inlinable mutating func insert(_ key: Key, _ value: Value) {
        let (isNew, rest) = root.insert(key, value)
        if isNew { entryCount += 1 }
        guard let rest else { return }
        // The first bound is never looked at but to be lowered.
        let bounds = [root.isLeaf ? root.entries[0].key : root.bounds[0], rest.0]
        root = OrderedMapNode(children: [root, rest.1], bounds: bounds)
    }

    @inlinable mutating func remove(_ key: Key) {
        guard self[key] != nil, root.remove(key) else { return }
        entryCount -= 1
        while root.children.count == 1 { root = root.children[0] }
    }

    /// A walk in order, from the first entry whose key is greater than `key`.
    @inlinable public func cursor(after key: Key) -> OrderedMapCursor<Key, Value> { OrderedMapCursor(root, after: key) }

    /// Up to `limit` entries in order, from the first whose key is greater than `key` (from the first where `nil`).
    @inlinable public func entries(after key: Key?, limit: Int) -> [(key: Key, value: Value)] {
        var cursor = OrderedMapCursor(root, after: key)
        var entries: [(key: Key, value: Value)] = []
        while entries.count < limit, let entry = cursor.next() { entries.append(entry) }
        return entries
    }
}

extension OrderedMap: Sequence {
    /// Walks all entries in key order.
    @inlinable public func makeIterator() -> OrderedMapCursor<Key, Value> { OrderedMapCursor(root, after: nil) }

    /// A lower bound of ``count``: all of it.
    @inlinable public var underestimatedCount: Int { count }
}

/// A walk over an ``OrderedMap`` in key order.
public struct OrderedMapCursor<Key: Comparable & Sendable, Value: Sendable>: IteratorProtocol {
    /// The branches above the leaf, with the child that comes next.
    @usableFromInline var path: [(children: [OrderedMapNode<Key, Value>], next: Int)] = []
    /// The leaf, and the entry of it that comes next.
    @usableFromInline var entries: [(key: Key, value: Value)] = []
    @usableFromInline var index = 0

    @inlinable init(_ root: OrderedMapNode<Key, Value>, after key: Key?) {
        var node = root
        while !node.isLeaf {
            let index = key.map { node.childIndex(of: $0) } ?? 0
            path.append((node.children, index + 1))
            node = node.children[index]
        }
        entries = node.entries
        guard let key else { return }
        index = node.entryIndex(notBelow: key)
        if index < entries.count, !(key < entries[index].key) { index += 1 }
    }

    /// The next entry, `nil` after the last.
    @inlinable public mutating func next() -> (key: Key, value: Value)? {
        while index == entries.count {
            guard nextLeaf() else { return nil }
        }
        index += 1
        return entries[index - 1]
    }

    /// What is left of the leaf that the walk is in, or the next leaf; `nil` after the last. For who has something to
    /// do for neighbours together.
    @inlinable public mutating func nextRun() -> ArraySlice<(key: Key, value: Value)>? {
        while index == entries.count {
            guard nextLeaf() else { return nil }
        }
        defer { index = entries.count }
        return entries[index...]
    }

    /// Goes to the next leaf, where there is one.
    @inlinable mutating func nextLeaf() -> Bool {
        while let (children, next) = path.popLast() {
            guard next < children.count else { continue }
            path.append((children, next + 1))
            var node = children[next]
            while !node.isLeaf {
                path.append((node.children, 1))
                node = node.children[0]
            }
            entries = node.entries
            index = 0
            return true
        }
        return false
    }
}
