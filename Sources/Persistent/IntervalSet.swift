/// A persistent set of whole numbers, kept as intervals: a copy costs nothing, and neither time nor memory grow with
/// the length of an interval.
///
/// All costs are O(log n) in the number of intervals.
public struct IntervalSet<Element: FixedWidthInteger & Sendable>: Sendable {
    /// The first number of each interval under its last. Between two of them is at least one number that neither has.
    @usableFromInline var firsts = OrderedMap<Element, Element>()

    /// An empty set.
    @inlinable public init() {}

    /// The set of numbers that do not fall, in a time that grows with the intervals and little with the numbers.
    @inlinable public init(ordered numbers: some Sequence<Element>) {
        var last: ClosedRange<Element>?
        for number in numbers {
            if let interval = last, number == interval.upperBound || number == interval.upperBound &+ 1 {
                last = interval.lowerBound...number
            } else {
                if let last { firsts[last.upperBound] = last.lowerBound }
                last = number...number
            }
        }
        if let last { firsts[last.upperBound] = last.lowerBound }
    }

    /// The intervals, in order.
    public var intervals: [ClosedRange<Element>] { firsts.map { $0.value...$0.key } }

    /// The first interval that ends at a number or after it.
    @inlinable func interval(endingFrom element: Element) -> ClosedRange<Element>? {
        var cursor = element == .min ? firsts.makeIterator() : firsts.cursor(after: element - 1)
        return cursor.next().map { $0.value...$0.key }
    }

    @inlinable public func contains(_ element: Element) -> Bool {
        interval(endingFrom: element)?.contains(element) ?? false
    }

    /// Puts a number into the set, if it is not there.
    @inlinable public mutating func insert(_ element: Element) {
        let next = interval(endingFrom: element)
        if let next, next.contains(element) { return }
        var first = element
        if element > .min, let before = firsts.removeValue(forKey: element - 1) { first = before }
        if let next, element < .max, next.lowerBound == element + 1 {
            firsts[next.upperBound] = first
        } else {
            firsts[element] = first
        }
    }

    /// Takes a number out of the set, if it is there.
    @inlinable public mutating func remove(_ element: Element) {
        guard let interval = interval(endingFrom: element), interval.contains(element) else { return }
        firsts[interval.upperBound] = element < interval.upperBound ? element + 1 : nil
        if interval.lowerBound < element { firsts[element - 1] = interval.lowerBound }
    }

    /// The lowest number of a range that the set does not have; `nil` if it has them all.
    @inlinable public func firstAbsent(in range: ClosedRange<Element>) -> Element? {
        guard let interval = interval(endingFrom: range.lowerBound), interval.contains(range.lowerBound) else {
            return range.lowerBound
        }
        return interval.upperBound < range.upperBound ? interval.upperBound + 1 : nil
    }
}
