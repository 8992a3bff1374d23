import Persistent
import TestSupport
import Testing

@Suite struct OrderedMapTests {
    /// The dumb twin: a sorted array.
    struct Oracle {
        var entries: [(key: Int, value: Int)] = []

        mutating func set(_ key: Int, _ value: Int?) {
            entries.removeAll { $0.key == key }
            if let value { entries.append((key, value)) }
            entries.sort { $0.key < $1.key }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `random edits give what a sorted array gives`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var map = OrderedMap<Int, Int>()
        var oracle = Oracle()
        for step in 0..<2000 {
            let key = Int.random(in: 0..<200, using: &generator)
            let value: Int? = Int.random(in: 0..<3, using: &generator) > 0 ? step : nil
            map[key] = value
            oracle.set(key, value)
            #expect(map.count == oracle.entries.count)
            #expect(map[key] == value)
        }
        #expect(map.map(\.key) == oracle.entries.map(\.key))
        #expect(map.map(\.value) == oracle.entries.map(\.value))
        #expect(map.last?.key == oracle.entries.last?.key)
        for after in -1...200 {
            let page = map.entries(after: after, limit: 7)
            #expect(page.map(\.key) == Array(oracle.entries.map(\.key).filter { $0 > after }.prefix(7)))
        }
    }

    @Test func `an older copy does not see newer changes`() {
        var map = OrderedMap<Int, Int>()
        var copies: [OrderedMap<Int, Int>] = []
        for key in 0..<300 {
            copies.append(map)
            map[key] = key
        }
        for key in 0..<300 { map[key] = nil }
        #expect(map.isEmpty)
        for (count, copy) in copies.enumerated() { #expect(copy.map(\.key) == Array(0..<count)) }
    }

    @Test func `removing what is not there changes nothing`() {
        var map = OrderedMap<Int, Int>()
        map[1] = nil
        #expect(map.isEmpty)
        map[1] = 1
        map[2] = nil
        #expect(map.map(\.key) == [1])
        #expect(map.entries(after: nil, limit: 0).isEmpty)
        #expect(map.entries(after: 1, limit: 5).isEmpty)
    }

    @Test(arguments: [false, true])
    func `maps of many leaves grow and shrink in every order`(isDescending: Bool) {
        var generator = SeededGenerator(seed: 5)
        let keys = Array(0..<5000)
        var map = OrderedMap<Int, Int>()
        for key in isDescending ? keys.reversed() : keys { map[key] = key }
        #expect(map.map(\.key) == keys && map.count == keys.count)
        #expect(map.first?.key == 0 && map.last?.key == 4999)
        let full = map
        var runs = full.cursor(after: 2499)
        _ = runs.next()
        var rest: [Int] = []
        while let run = runs.nextRun() { rest += run.map(\.key) }
        #expect(rest == Array(2501..<5000) && runs.next() == nil)
        let order = keys.shuffled(using: &generator)
        for (index, key) in order.enumerated() {
            map[key] = nil
            if index % 500 == 0 || index > 4990 {
                let left = order.dropFirst(index + 1).sorted()
                #expect(map.map(\.key) == left && map.count == left.count)
                let after = Int.random(in: keys.indices, using: &generator)
                #expect(map.entries(after: after, limit: 40).map(\.key) == Array(left.filter { $0 > after }.prefix(40)))
            }
        }
        #expect(map.isEmpty && full.map(\.value) == keys)
        map[7] = 7
        #expect(map.map(\.key) == [7])
    }

    @Test func `a comparison count shows that look-ups and changes walk one path`() {
        var map = OrderedMap<Counted, Int>()
        for key in 0..<4096 { map[Counted(key)] = key }
        Counted.comparisons = 0
        _ = map[Counted(4095)]
        #expect(Counted.comparisons <= 2 * 18)
        Counted.comparisons = 0
        map[Counted(2048)] = nil
        #expect(Counted.comparisons <= 6 * 18)
    }

    struct Counted: Comparable, Sendable {
        nonisolated(unsafe) static var comparisons = 0
        let key: Int
        init(_ key: Int) { self.key = key }

        static func < (left: Counted, right: Counted) -> Bool {
            comparisons += 1
            return left.key < right.key
        }
    }
}
