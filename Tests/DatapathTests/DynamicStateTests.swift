import Dispatch
import TestSupport
import Testing

@testable import Datapath

@Suite struct DynamicStateTests {
    /// A table of its own memory, which lives as long as the process.
    private static func table(rowCount: Int, lifetime: UInt64 = 5000) -> (DynamicState, UnsafeMutableRawPointer) {
        let byteCount = DynamicState.byteCount(rowCount: rowCount)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        return (DynamicState(memory, rowCount: rowCount, lifetime: lifetime, seed: 7), memory)
    }

    private static func key(_ number: UInt64) -> DynamicState.Key { .init(scope: 5, high: number, low: ~number) }

    @Test func `What is put is found until it has not been used for its lifetime`() {
        let (state, memory) = Self.table(rowCount: 64)
        defer { memory.deallocate() }
        #expect(state.put(Self.key(1), .init(10, 11, 12), now: 1000))
        #expect(state.find(Self.key(1), now: 4000) == .init(10, 11, 12))
        // The use at 4000 counts.
        #expect(state.find(Self.key(1), now: 8999) == .init(10, 11, 12))
        #expect(state.find(Self.key(1), now: 20_000) == nil)
        #expect(state.find(Self.key(2), now: 1000) == nil)
        #expect(state.put(Self.key(1), .init(20), now: 20_000))
        #expect(state.find(Self.key(1), now: 20_001) == .init(20))
    }

    @Test func `A full table keeps what it has, and takes others when that has aged`() {
        let (state, memory) = Self.table(rowCount: 4)
        defer { memory.deallocate() }
        for number in 1...4 as ClosedRange<UInt64> { #expect(state.put(Self.key(number), .init(number), now: 1000)) }
        #expect(!state.put(Self.key(5), .init(5), now: 2000))
        #expect((1...4 as ClosedRange<UInt64>).allSatisfy { state.find(Self.key($0), now: 1500) == .init($0) })
        #expect(state.put(Self.key(5), .init(5), now: 9000))
        #expect(state.find(Self.key(5), now: 9000) == .init(5))
    }

    @Test func `A row whose writer has died is read by nobody and emptied by the next process`() {
        let (state, memory) = Self.table(rowCount: 4)
        defer { memory.deallocate() }
        for number in 1...4 as ClosedRange<UInt64> { #expect(state.put(Self.key(number), .init(number), now: 1000)) }
        let words = memory.assumingMemoryBound(to: UInt64.self)
        words[0] += 1
        let found = { (1...4 as ClosedRange<UInt64>).filter { state.find(Self.key($0), now: 1500) != nil } }
        #expect(found().count == 3)
        #expect(!state.put(Self.key(9), .init(9), now: 1500))
        state.adopt()
        #expect(found().count == 3)
        #expect(state.put(Self.key(9), .init(9), now: 1500) && state.find(Self.key(9), now: 1500) == .init(9))
    }

    @Test func `Writers and readers at once never see a value that nobody has put`() {
        let (state, memory) = Self.table(rowCount: 8)
        defer { memory.deallocate() }
        let torn = UnsafeMutablePointer<Int>.allocate(capacity: 4)
        torn.initialize(repeating: 0, count: 4)
        defer { torn.deallocate() }
        let results = Results(torn: torn)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            var generator = SeededGenerator(seed: UInt64(thread))
            for _ in 0..<50_000 {
                let key = Self.key(generator.next() % 6)
                if thread < 2 {
                    let mark = generator.next()
                    _ = state.put(key, .init(mark, mark ^ key.high, ~mark), now: 1000)
                } else if let value = state.find(key, now: 1000),
                    value.second != value.first ^ key.high || value.third != ~value.first
                {
                    results.torn[thread] += 1
                }
            }
        }
        #expect((0..<4).allSatisfy { torn[$0] == 0 })
    }

    /// Each thread has a word of its own.
    private struct Results: @unchecked Sendable {
        let torn: UnsafeMutablePointer<Int>
    }
}
