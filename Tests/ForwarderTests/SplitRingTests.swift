import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Reactor
import Testing

@testable import Forwarder

/// Rings in memory, with a driver of the tests on their other side.
@Suite(.timeLimit(.minutes(1))) struct SplitRingTests {
    private let table = RingTable()

    /// Reads as a poller does: the offload header and the frame, or the errno.
    private func read(_ device: RingDevice, _ capacity: Int = 70_000) -> (result: Int, bytes: [UInt8]) {
        var bytes = [UInt8](repeating: 0xee, count: capacity + 64)
        let result = bytes.withUnsafeMutableBytes {
            table.read(device.numbers[0], $0.baseAddress ?? UnsafeMutableRawPointer(table.pairs), capacity)
        }
        #expect(bytes[capacity...].allSatisfy { $0 == 0xee })
        return (result, result > 0 ? Array(bytes[..<result]) : [])
    }

    private func write(_ device: RingDevice, _ frame: [UInt8], header: [UInt8]? = nil, parts: [Int] = []) -> Int {
        var bytes = (header ?? [UInt8](repeating: 0, count: 10)) + frame
        return bytes.withUnsafeMutableBytes { bytes in
            var vectors: [iovec] = []
            var offset = 0
            for part in parts + [bytes.count] where offset < bytes.count {
                let count = min(part, bytes.count - offset)
                vectors.append(iovec(iov_base: bytes.baseAddress.map { $0 + offset }, iov_len: count))
                offset += count
            }
            return table.write(device.numbers[0], vectors, vectors.count)
        }
    }

    private static func frame(_ count: Int, seed: Int = 0) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ seed) }
    }

    @Test(arguments: [[], [12], [5, 20], [12, 1, 1], [30]], [false, true])
    func `A frame is read whole, however the driver cuts it`(pieces: [Int], isIndirect: Bool) throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        for (number, count) in [60, 1500, 66_000].enumerated() {
            let frame = Self.frame(count, seed: number)
            guest.send(frame, header: Array(1...10), pieces: pieces, isIndirect: isIndirect)
            #expect(read(device).bytes == Array(1...10) + frame)
            #expect(guest.usedOfSent == UInt16(number + 1))
        }
        #expect(read(device).result == -Int(EAGAIN))
    }

    @Test func `An old driver's header has no number of buffers`() throws {
        let guest = try RingGuest(features: 0)
        let device = try guest.device(in: table)
        guest.send(Self.frame(60), header: Array(1...10))
        #expect(read(device).bytes == Array(1...10) + Self.frame(60))
    }

    @Test func `A frame is written into as many buffers as it takes, and the header says how many`() throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        guest.post(60)
        for (count, buffers) in [(60, 1), (1500, 1), (2036, 1), (2037, 2), (60_000, 30)] {
            let frame = Self.frame(count, seed: count)
            #expect(write(device, frame, parts: [10 + 14, 700, 1]) == 10 + count)
            let taken = try #require(guest.take())
            #expect(taken.frame == frame)
            #expect(taken.header[10...] == [UInt8(buffers), 0])
        }
    }

    @Test func `A frame for which there is no room changes nothing, and goes when there is`() throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        #expect(write(device, Self.frame(60)) == -Int(EAGAIN))
        guest.post(2)
        #expect(write(device, Self.frame(6000)) == -Int(EAGAIN))
        #expect(guest.usedOfPosted == 0)
        #expect(write(device, Self.frame(3000)) == 3010)
        #expect(guest.take()?.frame == Self.frame(3000))
    }

    @Test func `Without mergeable buffers a frame that is longer than one is refused`() throws {
        let guest = try RingGuest(features: RingGuest.mask([VirtioFeature.version1]))
        let device = try guest.device(in: table)
        guest.post(4)
        #expect(write(device, Self.frame(2037)) == -Int(EMSGSIZE))
        #expect(write(device, Self.frame(2036)) == 2046)
        let taken = try #require(guest.take())
        #expect(taken.frame.count == 2036)
        #expect(taken.header[10...] == [1, 0])
    }

    @Test func `The one who goes on begins where the last one has stopped`() throws {
        let guest = try RingGuest()
        var device: RingDevice? = try guest.device(in: table)
        guest.post(8)
        for number in 0..<3 { guest.send(Self.frame(60, seed: number)) }
        #expect(try read(#require(device)).bytes.suffix(60) == Self.frame(60, seed: 0))
        #expect(try write(#require(device), Self.frame(80)) == 90)
        device = nil
        let next = try guest.device(in: table)
        #expect(read(next).bytes.suffix(60) == Self.frame(60, seed: 1))
        #expect(read(next).bytes.suffix(60) == Self.frame(60, seed: 2))
        #expect(write(next, Self.frame(90)) == 100)
        #expect(guest.take()?.frame == Self.frame(80))
        #expect(guest.take()?.frame == Self.frame(90))
    }

    @Test func `Indices run over their end`() throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        for number in 0..<70_000 {
            guest.post(1)
            guest.send(Self.frame(20, seed: number))
            guard read(device, 100).bytes.suffix(20) == Self.frame(20, seed: number), write(device, [1, 2, 3]) == 13,
                guest.take()?.frame == [1, 2, 3]
            else {
                Issue.record("frame \(number)")
                return
            }
        }
    }

    @Test func `The guest is called when it wants to be, and asked for kicks only when all is taken`() throws {
        let guest = try RingGuest(features: RingGuest.mask([VirtioFeature.version1]))
        let device = try guest.device(in: table)
        var count: UInt64 = 0
        guest.post(4)
        #expect(write(device, Self.frame(60)) == 70)
        #expect(clinux_read(guest.receivingCall.raw, &count, 8) == 8)
        // VIRTQ_AVAIL_F_NO_INTERRUPT
        guest.store(UInt16(1), at: RingGuest.receiving.available)
        #expect(write(device, Self.frame(60)) == 70)
        #expect(clinux_read(guest.receivingCall.raw, &count, 8) == -Int(EAGAIN))
        for _ in 0..<2 { guest.send(Self.frame(60)) }
        _ = read(device)
        #expect(guest.load(UInt16.self, at: RingGuest.sending.used) == 1)
        _ = read(device)
        #expect(read(device).result == -Int(EAGAIN))
        #expect(guest.load(UInt16.self, at: RingGuest.sending.used) == 0)
        #expect(clinux_read(guest.kick.raw, &count, 8) == -Int(EAGAIN))
    }

    @Test(arguments: [[], [VirtioFeature.eventIndex]])
    func `A turn that ends before the ring is empty is followed by another`(features: [Int]) throws {
        let guest = try RingGuest(features: RingGuest.mask(features + [VirtioFeature.version1]))
        let device = try guest.device(in: table)
        let total = 50_000
        nonisolated(unsafe) let driver = guest
        let thread = startThread(named: "driver") {
            let frame = Self.frame(60)
            let end = Clock.monotonic() + .seconds(50)
            for number in 0..<total / 4 {
                // Four frames for an empty ring, at any instant of the turn that has found it so.
                while driver.unusedCount > 0, Clock.monotonic() < end { sched_yield() }
                for _ in 0..<number % 256 { clinux_ring_fence() }
                for _ in 0..<4 { driver.send(frame, isHeedful: true) }
            }
        }
        var taken = 0
        while taken < total {
            try awaitReadiness(guest.kick, POLLIN)
            // The shortest turn: one frame, or the sight of an empty ring.
            if read(device, 128).result > 0 { taken += 1 }
        }
        thread.join()
        #expect(read(device).result == -Int(EAGAIN))
    }

    @Test func `Pages that are written are in the log`() throws {
        let guest = try RingGuest()
        let log = try RingGuest.makeFile(byteCount: 64 << 10)
        guest.log = log
        let device = try guest.device(in: table)
        guest.post(2)
        guest.send(Self.frame(60))
        _ = read(device)
        #expect(write(device, Self.frame(3000)) == 3010)
        var bits = [UInt8](repeating: 0, count: 64 << 10)
        #expect(pread(log.raw, &bits, bits.count, 0) == bits.count)
        let first = RingGuest.base / 4096
        let pages = (0..<UInt64(RingGuest.byteCount / 4096)).filter { page in
            bits[Int((first + page) / 8)] >> UInt8((first + page) % 8) & 1 != 0
        }
        // The buffers, and the used rings.
        #expect(pages == [0x2, 0x6, 0x10])
    }
}
