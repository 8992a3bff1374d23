/// A persistent map in key order: a copy costs nothing and shares what later changes leave alone.
///
/// A balanced (AVL) tree of immutable nodes. A look-up costs O(log n); a change copies the path to the root, O(log n)
/// nodes, and no more. All of it may be compiled into the modules that use it: a map that does not know its keys while it
/// is compiled is several times slower.
public struct OrderedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline var root: OrderedMapNode<Key, Value>?

    /// A map without entries.
    @inlinable public init() {}

    /// The number of entries.
    @inlinable public var count: Int { root?.count ?? 0 }

    /// Whether the map has no entries.
    @inlinable public var isEmpty: Bool { root == nil }

    /// The entry with the smallest key.
    @inlinable public var first: (key: Key, value: Value)? {
        var first = root
        while let left = first?.left { first = left }
        return first.map { ($0.key, $0.value) }
    }

    /// The entry with the greatest key.
    @inlinable public var last: (key: Key, value: Value)? {
        var last = root
        while let right = last?.right { last = right }
        return last.map { ($0.key, $0.value) }
    }

    /// The value under a key; setting `nil` removes it.
    @inlinable public subscript(key: Key) -> Value? {
        get {
            var node = root
            while let current = node {
                if key < current.key {
                    node = current.left
                } else if current.key < key {
                    node = current.right
                } else {
                    return current.value
                }
            }
            return nil
        }
        set {
            if let newValue {
                root = OrderedMapNode.inserting(key, newValue, into: root)
            } else if self[key] != nil {
                root = OrderedMapNode.removing(key, from: root)
            }
        }
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
}

/// A walk over an ``OrderedMap`` in key order.
public struct OrderedMapCursor<Key: Comparable & Sendable, Value: Sendable>: IteratorProtocol {
    /// Nodes whose own entry and right side are still to come, the next on top.
    @usableFromInline var path: [OrderedMapNode<Key, Value>] = []

    @inlinable init(_ root: OrderedMapNode<Key, Value>?, after key: Key?) {
        guard let key else {
            descend(root)
            return
        }
        var node = root
        while let current = node {
            if key < current.key {
                path.append(current)
                node = current.left
            } else {
                node = current.right
            }
        }
    }

    /// The next entry, `nil` after the last.
    @inlinable public mutating func next() -> (key: Key, value: Value)? {
        guard let node = path.popLast() else { return nil }
        descend(node.right)
        return (node.key, node.value)
    }

    @inlinable mutating func descend(_ root: OrderedMapNode<Key, Value>?) {
        var node = root
        while let current = node {
            path.append(current)
            node = current.left
        }
    }
}
