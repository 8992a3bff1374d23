import Datapath
import TestSupport
import Testing
import Wire

/// Making and sealing runs; `ReceiveOffloadTests` has the cases of the kernel's selftests.
@Suite struct SegmentRunTests {
    /// Returns the results of frames that come one after the other: each run as its superpacket, or a frame alone.
    static func collect(_ frames: [[UInt8]]) -> [(frame: [UInt8], offload: OffloadHeader, count: Int)] {
        let memory = frames.map { frame in
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(frame.count, 1), alignment: 2)
            copy.copyBytes(from: frame)
            return (bytes: copy, byteCount: frame.count)
        }
        defer { memory.forEach { $0.bytes.deallocate() } }
        var results: [(frame: [UInt8], offload: OffloadHeader, count: Int)] = []
        var run: SegmentRun?
        var payloads: [[UInt8]] = []
        func flush() {
            guard let done = run else { return }
            let offload = done.seal()
            let head = UnsafeRawBufferPointer(start: done.first.bytes, count: done.first.headerByteCount)
            results.append((Array(head) + payloads.flatMap { $0 }, offload, done.count))
            run = nil
        }
        for (bytes, byteCount) in memory {
            guard let base = bytes.baseAddress else { continue }
            if run?.append(base, byteCount: byteCount) == true, let first = run?.first {
                payloads.append(Array(bytes[first.headerByteCount..<byteCount]))
                continue
            }
            flush()
            if let segment = Segment(Frame(base, byteCount: byteCount), base) {
                run = SegmentRun(segment)
                payloads = [Array(bytes[segment.headerByteCount..<byteCount])]
            } else {
                results.append((Array(bytes[..<byteCount]), OffloadHeader(), 1))
            }
        }
        flush()
        return results
    }

    /// Returns the number of frames that come out of two segments of which the second was changed.
    private static func count(_ flow: Flow = Flow(flags: 0x10), _ change: (inout Flow) -> Void) -> Int {
        var second = flow
        second.sequence &+= 100
        second.identification &+= 1
        change(&second)
        return collect([flow.frame(Flow.payload(100)), second.frame(Flow.payload(100))]).count
    }

    @Test(arguments: [false, true], [false, true])
    func `Segments become the superpacket that they were cut from`(isIPv6: Bool, isUDP: Bool) {
        for options in isUDP ? [[]] : [[], [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] as [UInt8]] {
            for (count, size) in [(2800, 1400), (3000, 1400), (63 * 1000, 1000), (64 * 18, 18), (1500, 1499)] {
                let flow = Flow(isIPv6: isIPv6, isUDP: isUDP, options: options)
                let payload = Flow.payload(count)
                let results = Self.collect(flow.segments(payload, segmentByteCount: size))
                let (frame, offload) = flow.whole(payload, segmentByteCount: size)
                #expect(results.count == 1)
                #expect(results.first?.frame == frame)
                #expect(results.first?.offload == offload)
            }
        }
    }

    @Test func `What follows is merged, and what differs in anything is not`() {
        #expect(Self.count { _ in } == 1)
        #expect(Self.count { $0.sequence &+= 1 } == 2)
        #expect(Self.count { $0.sequence &-= 100 } == 2)
        #expect(Self.count { $0.acknowledgment += 1 } == 2)
        #expect(Self.count { $0.trafficClass ^= 4 } == 2)
        #expect(Self.count { $0.trafficClass ^= 3 } == 2)
        #expect(Self.count { $0.identification &+= 1 } == 2)
        #expect(Self.count { $0.options = [1, 1, 1, 0] } == 2)
        #expect(Self.count { $0.isIPv6 = true } == 2)
        #expect(Self.count { $0.isUDP = true } == 2)
        let stamped = Flow(options: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], flags: 0x10)
        #expect(Self.count(stamped) { _ in } == 1)
        #expect(Self.count(stamped) { $0.options[7] = 2 } == 2)
    }

    @Test func `An unchanging identification is taken where fragments are forbidden`() {
        #expect(Self.count { $0.identification &-= 1 } == 1)
    }

    @Test(arguments: [UInt8(0x12), 0x14, 0x11, 0x30, 0x90, 0x00, 0x50])
    func `Segments with other flags stay alone, and an echo that changes ends the run`(flags: UInt8) {
        #expect(Self.count { $0.flags = flags } == 2)
        if flags != 0x50 { #expect(Self.count(Flow(flags: flags)) { $0.flags = 0x10 } == 2) }
    }

    @Test func `A pushed segment is the last one, and so is a short one; a longer one does not follow`() {
        let flow = Flow(flags: 0x10)
        func frames(_ counts: [Int], pushed: Int? = nil) -> [Int] {
            var next = flow
            let frames = counts.enumerated().map { index, count in
                next.flags = index == pushed ? 0x18 : 0x10
                defer {
                    next.sequence &+= UInt32(count)
                    next.identification &+= 1
                }
                return next.frame(Flow.payload(count))
            }
            return Self.collect(frames).map(\.count)
        }
        #expect(frames([100, 100, 100]) == [3])
        #expect(frames([100, 100, 100], pushed: 1) == [2, 1])
        #expect(frames([100, 100, 100], pushed: 0) == [1, 2])
        #expect(frames([100, 99, 100]) == [2, 1])
        #expect(frames([100, 101, 101]) == [1, 2])
        #expect(frames([100, 0, 100]) == [1, 1, 1])
        #expect(frames(Array(repeating: 10, count: 65)) == [64, 1])
        #expect(frames(Array(repeating: 1400, count: 47)) == [46, 1], "65,535 octets")
    }

    @Test func `A wrong checksum is delivered as it is, alone`() {
        let flow = Flow(flags: 0x10)
        let frames = flow.segments(Flow.payload(300), segmentByteCount: 100)
        for (bad, counts) in [(0, [1, 2]), (1, [1, 1, 1]), (2, [2, 1])] {
            for offset in [24, 60, 153] {
                var changed = frames
                changed[bad][offset] ^= 1
                let results = Self.collect(changed)
                #expect(results.map(\.count) == counts, "octet \(offset) of segment \(bad)")
                #expect(results.contains { $0.frame == changed[bad] && $0.offload == OffloadHeader() })
            }
        }
    }

    @Test func `Datagrams without checksum, tunnels' datagrams, fragments and padded frames stay alone`() {
        let flow = Flow(isUDP: true)
        let frames = flow.segments(Flow.payload(200), segmentByteCount: 100)
        #expect(Self.collect(frames).count == 1)
        func changed(_ change: (inout [UInt8]) -> Void) -> Int {
            var copies = frames
            for index in copies.indices { change(&copies[index]) }
            return Self.collect(copies).count
        }
        #expect(changed { ($0[40], $0[41]) = (0, 0) } == 2)
        #expect(changed { ($0[36], $0[37]) = (0x12, 0xb5) } == 2)
        #expect(changed { $0[20] = 0x20 } == 2)
        #expect(changed { $0.append(0) } == 2)
        for count in 0..<frames[1].count { #expect(Self.collect([frames[0], Array(frames[1][..<count])]).count == 2) }
    }

    @Test func `Random changes to random segments neither trap nor change what arrives`() {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<3000 {
            let flow = Flow(isIPv6: .random(using: &generator), isUDP: .random(using: &generator), flags: 0x10)
            var frames = flow.segments(Flow.payload(500), segmentByteCount: 100)
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let index = Int.random(in: 0..<frames.count, using: &generator)
                frames[index][.random(in: 0..<frames[index].count, using: &generator)] ^= 1
            }
            if Bool.random(using: &generator) { frames.shuffle(using: &generator) }
            let results = Self.collect(frames)
            #expect(results.reduce(0) { $0 + $1.count } == frames.count)
            for result in results where result.count == 1 { #expect(frames.contains(result.frame)) }
        }
    }
}
