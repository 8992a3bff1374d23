/// A node of an ``OrderedMap``: an AVL tree whose sides differ in height by at most 1. It never changes.
@usableFromInline final class OrderedMapNode<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline let key: Key
    @usableFromInline let value: Value
    @usableFromInline let left: OrderedMapNode?
    @usableFromInline let right: OrderedMapNode?
    @usableFromInline let count: Int
    @usableFromInline let height: Int8

    @inlinable init(_ key: Key, _ value: Value, _ left: OrderedMapNode?, _ right: OrderedMapNode?) {
        self.key = key
        self.value = value
        self.left = left
        self.right = right
        count = 1 + (left?.count ?? 0) + (right?.count ?? 0)
        height = 1 + max(left?.height ?? 0, right?.height ?? 0)
    }

    /// The tree with the value under the key, in place of an older one.
    @inlinable static func inserting(_ key: Key, _ value: Value, into node: OrderedMapNode?) -> OrderedMapNode {
        guard let node else { return OrderedMapNode(key, value, nil, nil) }
        if key < node.key {
            return balanced(node, inserting(key, value, into: node.left), node.right)
        }
        if node.key < key {
            return balanced(node, node.left, inserting(key, value, into: node.right))
        }
        return OrderedMapNode(key, value, node.left, node.right)
    }

    /// The tree without the key, which it must hold.
    @inlinable static func removing(_ key: Key, from node: OrderedMapNode?) -> OrderedMapNode? {
        guard let node else { return nil }
        if key < node.key { return balanced(node, removing(key, from: node.left), node.right) }
        if node.key < key { return balanced(node, node.left, removing(key, from: node.right)) }
        guard let left = node.left else { return node.right }
        guard let right = node.right else { return left }
        let successor = right.first
        return balanced(successor, left, removing(successor.key, from: right))
    }

    @inlinable var first: OrderedMapNode {
        var first = self
        while let left = first.left { first = left }
        return first
    }

    @inlinable var lean: Int8 { (left?.height ?? 0) - (right?.height ?? 0) }

    /// The entry of `node` above two sides whose heights differ by at most 2, rotated where they do.
    @inlinable static func balanced(
        _ node: OrderedMapNode,
        _ left: OrderedMapNode?,
        _ right: OrderedMapNode?
    ) -> OrderedMapNode {
        let lean = (left?.height ?? 0) - (right?.height ?? 0)
        if lean > 1, let left {
            guard left.lean < 0, let middle = left.right else {
                return copy(left, left.left, copy(node, left.right, right))
            }
            return copy(middle, copy(left, left.left, middle.left), copy(node, middle.right, right))
        }
        if lean < -1, let right {
            guard right.lean > 0, let middle = right.left else {
                return copy(right, copy(node, left, right.left), right.right)
            }
            return copy(middle, copy(node, left, middle.left), copy(right, middle.right, right.right))
        }
        return copy(node, left, right)
    }

    @inlinable static func copy(
        _ node: OrderedMapNode,
        _ left: OrderedMapNode?,
        _ right: OrderedMapNode?
    ) -> OrderedMapNode {
        OrderedMapNode(node.key, node.value, left, right)
    }
}
