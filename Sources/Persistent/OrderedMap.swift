/// A persistent map in key order: a copy costs nothing and shares what later changes leave alone.
///
/// A balanced (AVL) tree of immutable nodes. A look-up costs O(log n); a change copies the path to the root, O(log n)
/// nodes, and no more.
public struct OrderedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    private var root: OrderedMapNode<Key, Value>?

    /// A map without entries.
    public init() {}

    /// The number of entries.
    public var count: Int { root?.count ?? 0 }

    /// Whether the map has no entries.
    public var isEmpty: Bool { root == nil }

    /// The entry with the smallest key.
    public var first: (key: Key, value: Value)? {
        var first = root
        while let left = first?.left { first = left }
        return first.map { ($0.key, $0.value) }
    }

    /// The entry with the greatest key.
    public var last: (key: Key, value: Value)? {
        var last = root
        while let right = last?.right { last = right }
        return last.map { ($0.key, $0.value) }
    }

    /// The value under a key; setting `nil` removes it.
    public subscript(key: Key) -> Value? {
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
    public func cursor(after key: Key) -> OrderedMapCursor<Key, Value> { OrderedMapCursor(root, after: key) }

    /// Up to `limit` entries in order, from the first whose key is greater than `key` (from the first where `nil`).
    public func entries(after key: Key?, limit: Int) -> [(key: Key, value: Value)] {
        var cursor = OrderedMapCursor(root, after: key)
        var entries: [(key: Key, value: Value)] = []
        while entries.count < limit, let entry = cursor.next() { entries.append(entry) }
        return entries
    }
}

extension OrderedMap: Sequence {
    /// Walks all entries in key order.
    public func makeIterator() -> OrderedMapCursor<Key, Value> { OrderedMapCursor(root, after: nil) }
}

/// A walk over an ``OrderedMap`` in key order.
public struct OrderedMapCursor<Key: Comparable & Sendable, Value: Sendable>: IteratorProtocol {
    /// Nodes whose own entry and right side are still to come, the next on top.
    private var path: [OrderedMapNode<Key, Value>] = []

    init(_ root: OrderedMapNode<Key, Value>?, after key: Key?) {
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
    public mutating func next() -> (key: Key, value: Value)? {
        guard let node = path.popLast() else { return nil }
        descend(node.right)
        return (node.key, node.value)
    }

    private mutating func descend(_ root: OrderedMapNode<Key, Value>?) {
        var node = root
        while let current = node {
            path.append(current)
            node = current.left
        }
    }
}
