/// A persistent map in key order: a copy costs nothing and shares what later changes leave alone.
///
/// A tree of which all leaves are equally deep, with up to 16 entries in each (a B+ tree). A look-up costs O(log n); a
/// change copies the nodes on its way that another map holds too, and changes the others in place. All of it may be
/// compiled into the modules that use it: a map that does not know its keys while it is compiled is several times
/// slower.
public struct OrderedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline var root = OrderedMapNode<Key, Value>.leaf([])
    @inlinable public var count: Int { entryCount }
    @usableFromInline var entryCount = 0

    @inlinable public init() {}

    @inlinable public var isEmpty: Bool { entryCount == 0 }

    @inlinable public var keys: some Sequence<Key> { lazy.map(\.key) }

    /// The values, in order of their keys.
    @inlinable public var values: some Sequence<Value> { lazy.map(\.value) }

    @inlinable public var first: (key: Key, value: Value)? {
        var node = root
        while true {
            switch node {
            case .leaf(let entries): return entries.first
            case .branch(let children): node = children[0].node
            }
        }
    }

    @inlinable public var last: (key: Key, value: Value)? {
        var node = root
        while true {
            switch node {
            case .leaf(let entries): return entries.last
            case .branch(let children): node = children[children.count - 1].node
            }
        }
    }

    /// The value under a key; setting `nil` removes it.
    @inlinable public subscript(key: Key) -> Value? {
        get { root.value(of: key) }
        set {
            if let newValue { updateValue(newValue, forKey: key) } else { removeValue(forKey: key) }
        }
    }

    /// Puts a value under a key.
    /// - Returns: the value that was there.
    @discardableResult
    @inlinable public mutating func updateValue(_ value: Value, forKey key: Key) -> Value? {
        let (old, rest) = root.insert(key, value)
        if old == nil { entryCount += 1 }
        // The first bound is never looked at.
        if let rest { root = .branch([(rest.bound, root), rest]) }
        return old
    }

    /// Removes the value under a key.
    /// - Returns: the value that was there.
    @discardableResult
    @inlinable public mutating func removeValue(forKey key: Key) -> Value? {
        // Without a look nothing would be lost but the sharing of nodes.
        guard self[key] != nil, let old = root.remove(key) else { return nil }
        entryCount -= 1
        while case .branch(let children) = root, children.count <= 1 {
            root = children.first?.node ?? .leaf([])
        }
        return old
    }

    /// Changes the value under a key in place; if there is none, `new` is put there first.
    @inlinable public mutating func update(
        _ key: Key,
        default new: @autoclosure () -> Value,
        _ change: (inout Value) -> Void
    ) {
        if self[key] == nil { updateValue(new(), forKey: key) }
        root.update(key, change)
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
    @usableFromInline var path: [(children: [(bound: Key, node: OrderedMapNode<Key, Value>)], next: Int)] = []
    /// The leaf, and the entry of it that comes next.
    @usableFromInline var entries: [(key: Key, value: Value)] = []
    @usableFromInline var index = 0

    @inlinable init(_ root: OrderedMapNode<Key, Value>, after key: Key?) {
        descend(from: root, to: key)
        guard let key else { return }
        index = OrderedMapNode.index(in: entries, notBelow: key)
        if index < entries.count, !(key < entries[index].key) { index += 1 }
    }

    /// Goes down to the leaf that a key belongs to; to the first where `nil`.
    @inlinable mutating func descend(from root: OrderedMapNode<Key, Value>, to key: Key?) {
        var node = root
        while case .branch(let children) = node {
            let index = key.map { OrderedMapNode.index(in: children, of: $0) } ?? 0
            path.append((children, index + 1))
            node = children[index].node
        }
        if case .leaf(let entries) = node { self.entries = entries }
        index = 0
    }

    /// The next entry, `nil` after the last.
    @inlinable public mutating func next() -> (key: Key, value: Value)? {
        while index == entries.count {
            guard nextLeaf() else { return nil }
        }
        index += 1
        return entries[index - 1]
    }

    /// The rest of the walk's leaf, or the next leaf; `nil` after the last. For callers that have something to
    /// do for neighbours together.
    @inlinable public mutating func nextRun() -> ArraySlice<(key: Key, value: Value)>? {
        while index == entries.count {
            guard nextLeaf() else { return nil }
        }
        defer { index = entries.count }
        return entries[index...]
    }

    /// Goes to the next leaf, if there is one.
    @inlinable mutating func nextLeaf() -> Bool {
        while let (children, next) = path.popLast() {
            guard next < children.count else { continue }
            path.append((children, next + 1))
            descend(from: children[next].node, to: nil)
            return true
        }
        return false
    }
}
