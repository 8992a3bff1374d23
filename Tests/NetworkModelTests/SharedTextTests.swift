import NetworkModel
import Testing

@Suite struct SharedTextTests {
    @Test func `a piece is made once, for the first who asks, and all others share it`() {
        let text = SharedText()
        var starts: [Int] = []
        func make(_ start: Int) -> SharedText.Piece {
            starts.append(start)
            return SharedText.Piece(bytes: [UInt8(start)], end: start + 10)
        }
        #expect(text.piece(0, make).bytes == [0] && text.piece(1, make).bytes == [10])
        #expect(text.piece(0, make).end == 10 && text.piece(1, make).end == 20)
        // One who comes late takes the first pieces as they are.
        #expect(text.piece(3, make).bytes == [30] && starts == [0, 10, 20, 30])
    }
}
