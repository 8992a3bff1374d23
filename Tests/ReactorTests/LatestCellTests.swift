import Testing

@testable import Reactor

@Suite struct LatestCellTests {
    @Test func `What is stored last is what is loaded`() {
        let cell = LatestCell([1])
        let before = cell.load()
        cell.store([2])
        #expect(before == [1] && cell.load() == [2])
    }

    @Test func `The old value is freed outside the lock`() {
        final class Probe: Sendable {
            let cell: LatestCell<Probe?>
            init(_ cell: LatestCell<Probe?>) { self.cell = cell }
            // Would wait for ever, were the lock still held.
            deinit { _ = cell.load() }
        }
        let cell = LatestCell<Probe?>(nil)
        cell.store(Probe(cell))
        cell.store(nil)
        #expect(cell.load() == nil)
    }
}
