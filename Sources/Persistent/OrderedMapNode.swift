/// A node of an ``OrderedMap``: a leaf with entries, or a branch over nodes of equal height.
///
/// A value with one array: what only one map holds is changed in place, what others hold too is copied on its way down.
@usableFromInline enum OrderedMapNode<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline typealias Entry = (key: Key, value: Value)
    /// A node of a branch, and a key that is not greater than any of its own, and greater than all of the child before
    /// it; that of the first child means nothing.
    @usableFromInline typealias Child = (bound: Key, node: OrderedMapNode)

    /// Entries, in order.
    case leaf([Entry])
    /// Children, in order, none of them empty.
    case branch([Child])

    /// The most entries of a leaf and children of a branch. A change copies one node of each height, and a walk goes
    /// from one place in memory to the next once for so many entries.
    @inlinable static var countMaximum: Int { 16 }

    @inlinable var isEmpty: Bool { size == 0 }

    @inlinable var size: Int {
        switch self {
        case .leaf(let entries): entries.count
        case .branch(let children): children.count
        }
    }

    /// The index of the first of a leaf's entries whose key is not less than `key`.
    @inlinable static func index(in entries: [Entry], notBelow key: Key) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The index of a key among a leaf's entries.
    @inlinable static func index(in entries: [Entry], of key: Key) -> Int? {
        let index = index(in: entries, notBelow: key)
        return index < entries.count && !(key < entries[index].key) ? index : nil
    }

    /// The index of the child of a branch that a key belongs to.
    @inlinable static func index(in children: [Child], of key: Key) -> Int {
        var low = 1
        var high = children.count
        while low < high {
            let middle = (low + high) / 2
            if key < children[middle].bound { high = middle } else { low = middle + 1 }
        }
        return low - 1
    }

    /// The value under a key. It goes down by itself, since a node that is kept on the way is a reference counted.
    @inlinable func value(of key: Key) -> Value? {
        switch self {
        case .leaf(let entries): Self.index(in: entries, of: key).map { entries[$0].value }
        case .branch(let children): children[Self.index(in: children, of: key)].node.value(of: key)
        }
    }

    /// Puts a value under a key.
    /// - Returns: the value that was there, and what did not fit: a node that belongs after this one, with its bound.
    @inlinable mutating func insert(_ key: Key, _ value: Value) -> (old: Value?, rest: Child?) {
        switch self {
        case .leaf(var entries):
            // Held once, so that it is changed in place if no other map has it.
            self = .leaf([])
            let index = Self.index(in: entries, notBelow: key)
            if index < entries.count, !(key < entries[index].key) {
                let old = entries[index].value
                entries[index].value = value
                self = .leaf(entries)
                return (old, nil)
            }
            entries.insert((key, value), at: index)
            let rest = Self.overflow(of: &entries, isAtEnd: index == entries.count - 1)
            self = .leaf(entries)
            return (nil, rest.map { ($0[0].key, .leaf($0)) })
        case .branch(var children):
            self = .leaf([])
            let index = Self.index(in: children, of: key)
            let (old, rest) = children[index].node.insert(key, value)
            var second: [Child]?
            if let rest {
                children.insert(rest, at: index + 1)
                second = Self.overflow(of: &children, isAtEnd: index + 2 == children.count)
            }
            self = .branch(children)
            return (old, second.map { ($0[0].bound, .branch($0)) })
        }
    }

    /// Cuts off what is beyond the maximum: half, or if the last place was taken, only that: keys that come in order
    /// leave full nodes behind.
    @inlinable static func overflow<Item>(of items: inout [Item], isAtEnd: Bool) -> [Item]? {
        guard items.count > countMaximum else { return nil }
        let start = isAtEnd ? items.count - 1 : items.count / 2
        let rest = Array(items[start...])
        items.removeSubrange(start...)
        return rest
    }

    /// Changes the value under a key, which must be there, in place.
    @inlinable mutating func update(_ key: Key, _ change: (inout Value) -> Void) {
        switch self {
        case .leaf(var entries):
            self = .leaf([])
            if let index = Self.index(in: entries, of: key) { change(&entries[index].value) }
            self = .leaf(entries)
        case .branch(var children):
            self = .leaf([])
            children[Self.index(in: children, of: key)].node.update(key, change)
            self = .branch(children)
        }
    }

    /// Removes a key.
    /// - Returns: the value that was there.
    @inlinable mutating func remove(_ key: Key) -> Value? {
        switch self {
        case .leaf(var entries):
            guard let index = Self.index(in: entries, of: key) else { return nil }
            self = .leaf([])
            let old = entries.remove(at: index).value
            self = .leaf(entries)
            return old
        case .branch(var children):
            self = .leaf([])
            defer { self = .branch(children) }
            let index = Self.index(in: children, of: key)
            guard let old = children[index].node.remove(key) else { return nil }
            if children[index].node.isEmpty {
                children.remove(at: index)
            } else if children[index].node.size < Self.countMaximum / 4 {
                Self.join(&children, at: index > 0 ? index - 1 : index)
            }
            return old
        }
    }

    /// Makes one of two small neighbours.
    @inlinable static func join(_ children: inout [Child], at index: Int) {
        guard index + 1 < children.count,
            children[index].node.size + children[index + 1].node.size <= countMaximum / 2
        else { return }
        switch (children[index].node, children.remove(at: index + 1).node) {
        case (.leaf(let first), .leaf(let second)): children[index].node = .leaf(first + second)
        case (.branch(let first), .branch(let second)): children[index].node = .branch(first + second)
        case (.leaf, .branch), (.branch, .leaf): preconditionFailure("children are of equal height")
        }
    }
}
