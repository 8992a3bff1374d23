import Testing

@testable import Client

@Suite struct PcapngBlocksTests {
    /// A frame's block with 2 frames missed before it.
    private static let frame: [UInt8] = [
        6, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 1, 2, 3, 0,
        2, 0, 1, 0, 9, 0, 0, 0, 4, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0,
    ]
    private static let other: [UInt8] = [5, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0]

    @Test func `Blocks come out whole, however their octets come in`() {
        let all = Self.other + Self.frame + Self.frame
        for size in 1...all.count {
            var blocks = PcapngBlocks()
            var given: [UInt8] = []
            for start in stride(from: 0, to: all.count, by: size) {
                given += blocks.take(Array(all[start..<min(start + size, all.count)])) ?? []
                #expect([0, 16, 76, 136].contains(given.count))
            }
            #expect(given == all)
            #expect(blocks.frameCount == 2)
            #expect(blocks.missedCount == 4)
            #expect(blocks.isComplete)
        }
    }

    @Test func `What is no block is told`() {
        for length: [UInt8] in [[0, 0, 0, 0], [13, 0, 0, 0], [255, 255, 255, 255]] {
            var blocks = PcapngBlocks()
            #expect(blocks.take([6, 0, 0, 0] + length + [0, 0, 0, 0]) == nil)
        }
        // Options that lead nowhere.
        var frame = Self.frame
        frame[20] = 255
        frame[42] = 255
        var blocks = PcapngBlocks()
        #expect(blocks.take(frame) == frame)
        #expect(blocks.missedCount == 0)
    }
}
