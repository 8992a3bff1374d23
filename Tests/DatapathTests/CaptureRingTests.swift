import CLinux
import Testing

@testable import Datapath

@Suite struct CaptureRingTests {
    private static func tap(_ ring: CaptureRing, snap: Int = 1 << 16) throws -> CaptureTap {
        try #require(CaptureTap(ring.descriptor, snapByteCount: snap))
    }

    private static func write(_ tap: CaptureTap, _ lane: Int, count: Int, mark: UInt8, time: UInt64) -> Bool {
        guard let record = tap.begin(lane, frameByteCount: count, time: time) else { return false }
        let captured = Int(record.pointee.capturedByteCount)
        UnsafeMutableRawPointer(record + 1).initializeMemory(as: UInt8.self, repeating: mark, count: captured)
        tap.publish(lane)
        return true
    }

    @Test func `Frames come out as they went in, in the order of their times`() throws {
        let ring = try #require(CaptureRing())
        let tap = try Self.tap(ring, snap: 100)
        defer { tap.deallocate() }
        #expect(Self.write(tap, 1, count: 61, mark: 1, time: 20))
        #expect(Self.write(tap, 0, count: 101, mark: 2, time: 10))
        let taken = ring.take(byteCountMaximum: 1 << 20)
        #expect(taken.map(\.record.time) == [10, 20])
        #expect(taken.map(\.bytes) == [[UInt8](repeating: 2, count: 100), [UInt8](repeating: 1, count: 61)])
        #expect(taken.map(\.record.frameByteCount) == [101, 61])
        #expect(ring.take(byteCountMaximum: 1 << 20).isEmpty)
    }

    @Test func `What is not published is not seen`() throws {
        let ring = try #require(CaptureRing())
        let tap = try Self.tap(ring)
        defer { tap.deallocate() }
        _ = try #require(tap.begin(3, frameByteCount: 60, time: 1))
        #expect(ring.take(byteCountMaximum: 1 << 20).isEmpty)
        tap.publish(3)
        #expect(ring.take(byteCountMaximum: 1 << 20).count == 1)
        #expect(tap.begin(-1, frameByteCount: 60, time: 1) == nil)
        #expect(tap.begin(CaptureTap.laneCount, frameByteCount: 60, time: 1) == nil)
    }

    @Test func `A full lane misses frames and counts them; afterwards it goes on, round and round`() throws {
        let ring = try #require(CaptureRing())
        let tap = try Self.tap(ring)
        defer { tap.deallocate() }
        var written: UInt64 = 0
        for round in 0..<40 {
            // Of a length that never fits the rest of a lane exactly.
            while Self.write(tap, 2, count: 9001 + round, mark: UInt8(round), time: written) { written += 1 }
            #expect(ring.takeMissed() == 1)
            var taken: [CaptureRing.Captured] = []
            while true {
                let some = ring.take(byteCountMaximum: 1 << 18)
                if some.isEmpty { break }
                taken += some
            }
            #expect(taken.last?.record.time == written - 1)
            #expect(taken.allSatisfy { $0.bytes == [UInt8](repeating: UInt8(round), count: 9001 + round) })
            #expect(taken.count > 100)
        }
        #expect(ring.takeMissed() == 0)
    }

    @Test func `A ring that its writers have filled with nonsense ends a read, and no read leaves it`() throws {
        let ring = try #require(CaptureRing())
        var memory: UnsafeMutableRawPointer?
        #expect(clinux_map_shared_file(ring.descriptor, CaptureLayout.byteCount, &memory) == 0)
        let base = try #require(memory)
        defer { _ = clinux_unmap(base, CaptureLayout.byteCount) }
        var generator = SystemRandomNumberGenerator()
        for round in 0..<2000 {
            let lane = round % CaptureLayout.laneCount
            let writer = (base + CaptureLayout.writerOffset(lane)).assumingMemoryBound(to: UInt64.self)
            let reader = (base + CaptureLayout.readerOffset(lane)).assumingMemoryBound(to: UInt64.self)
            let offset = Int(truncatingIfNeeded: reader.pointee) & (CaptureLayout.laneByteCount - 1)
            let words = (base + CaptureLayout.recordsOffset(lane)).assumingMemoryBound(to: UInt32.self)
            for index in 0..<24 where (offset / 4 + index) * 4 < CaptureLayout.laneByteCount {
                words[offset / 4 + index] =
                    [0, 8, 64, 1 << 20, .max, CaptureTap.fillerMark, generator.next()].randomElement() ?? 0
            }
            writer.pointee = reader.pointee &+ ([8, 64, 128, 4, 1 << 20, 1 << 21, .max].randomElement() ?? 0)
            for captured in ring.take(byteCountMaximum: 1 << 20) {
                #expect(captured.bytes.count <= CaptureLayout.laneByteCount)
            }
        }
    }

    @Test func `A descriptor that is no ring is refused`() throws {
        var memory: UnsafeMutableRawPointer?
        let other = Int32(clinux_shared_file("other", 4096, &memory))
        defer { _ = clinux_close(other) }
        #expect(CaptureTap(other, snapByteCount: 100) == nil)
        #expect(CaptureTap(-1, snapByteCount: 100) == nil)
    }
}
