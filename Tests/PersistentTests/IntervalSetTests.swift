import Persistent
import TestSupport
import Testing

@Suite struct IntervalSetTests {
    @Test func `random edits leave the set that a set of numbers has, in the fewest intervals`() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            var set = IntervalSet<UInt8>()
            var oracle: Set<UInt8> = []
            // Few numbers, so that intervals meet, and both ends of the type.
            let numbers = Bool.random(using: &generator) ? UInt8(0)...20 : 235...255
            for _ in 0..<100 {
                let number = UInt8.random(in: numbers, using: &generator)
                let copy = set
                let before = oracle
                if Bool.random(using: &generator) {
                    set.insert(number)
                    oracle.insert(number)
                } else {
                    set.remove(number)
                    oracle.remove(number)
                }
                #expect(Set(set.intervals.joined()) == oracle)
                #expect(IntervalSet(ordered: oracle.sorted()).intervals == set.intervals)
                #expect(Set(copy.intervals.joined()) == before)
                #expect(zip(set.intervals, set.intervals.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
                let first = UInt8.random(in: numbers, using: &generator)
                let range = first...UInt8.random(in: first...numbers.upperBound, using: &generator)
                #expect(set.firstAbsent(in: range) == range.first { !oracle.contains($0) })
                #expect(set.contains(first) == oracle.contains(first))
            }
        }
    }

    @Test func `a million numbers in a row are one interval, and the next one is found at once`() {
        var set = IntervalSet<UInt32>()
        for number in UInt32(1)...1_000_000 { set.insert(number) }
        #expect(set.intervals == [1...1_000_000])
        #expect(set.firstAbsent(in: 1...2_000_000) == 1_000_001)
        set.remove(500_000)
        #expect(set.firstAbsent(in: 1...2_000_000) == 500_000)
        #expect(set.firstAbsent(in: 500_001...1_000_000) == nil)
    }
}
