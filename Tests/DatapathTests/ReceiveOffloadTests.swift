import Datapath
import TestSupport
import Testing
import Wire

/// The cases of the kernel's selftests net/gro.c (Linux 6.18), each over IPv4 and IPv6 if it has both, in our words:
/// packets in a row, and how many segments each frame that comes out stands for. Where ours is stricter the case says
/// what the kernel does.
@Suite struct ReceiveOffloadTests {
    private static let size = 100

    /// Segments of one flow with their numbers counted on; `change` makes the case of them.
    private static func segments(
        _ count: Int,
        isIPv6: Bool = false,
        sizes: [Int] = [],
        _ change: (inout Flow, Int) -> Void = { _, _ in }
    ) -> [[UInt8]] {
        var sequence: UInt32 = 0xffff_ff00
        return (0..<count).map { index in
            var flow = Flow(isIPv6: isIPv6, flags: 0x10)
            flow.sequence = sequence
            flow.identification &+= UInt16(index)
            let size = index < sizes.count ? sizes[index] : Self.size
            sequence &+= UInt32(size)
            change(&flow, index)
            return flow.frame(Flow.payload(size))
        }
    }

    private static func counts(_ frames: [[UInt8]]) -> [Int] { SegmentRunTests.collect(frames).map(\.count) }

    /// Makes a change to the IPv4 header and puts its checksum right.
    private static func ipv4(_ frame: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var frame = frame
        change(&frame)
        (frame[24], frame[25]) = (0, 0)
        let sum = ~Flow.sum(Array(frame[14..<34]))
        (frame[24], frame[25]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
        return frame
    }

    @Test(arguments: [false, true])
    func `data: of one size; a smaller one last; a larger one behind`(isIPv6: Bool) {
        func sizes(_ first: Int, _ second: Int) -> [Int] {
            Self.counts(Self.segments(2, isIPv6: isIPv6, sizes: [first, second]))
        }
        #expect(sizes(100, 100) == [2])
        #expect(sizes(100, 50) == [2])
        #expect(sizes(50, 100) == [1, 1])
    }

    @Test(arguments: [false, true])
    func `ack: a pure acknowledgment, twice, and another stay alone`(isIPv6: Bool) {
        let frames = Self.segments(3, isIPv6: isIPv6, sizes: [0, 0, 0]) { flow, index in
            if index == 2 { flow.acknowledgment += 1 }
        }
        #expect(Self.counts(frames) == [1, 1, 1])
    }

    @Test(arguments: [false, true])
    func `flags: PSH ends a run; SYN, RST, URG stay alone between runs`(isIPv6: Bool) {
        let pushed = Self.segments(5, isIPv6: isIPv6) { flow, index in if index == 2 { flow.flags |= 0x08 } }
        #expect(Self.counts(pushed) == [3, 2])
        for flag: UInt8 in [0x02, 0x04, 0x20, 0x01] {
            let frames = Self.segments(5, isIPv6: isIPv6, sizes: [100, 100, 0]) { flow, index in
                if index == 2 { flow.flags |= flag }
            }
            #expect(Self.counts(frames) == [2, 1, 2], "flag \(flag)")
        }
    }

    @Test(arguments: [false, true])
    func `flags: CWR ends a run and stays alone, where the kernel lets it begin one`(isIPv6: Bool) {
        let frames = Self.segments(5, isIPv6: isIPv6) { flow, index in if index == 1 { flow.flags |= 0x80 } }
        #expect(Self.counts(frames) == [1, 1, 3])
    }

    @Test(arguments: [false, true])
    func `tcp: a wrong checksum, a wrong sequence number, other time stamps, other options`(isIPv6: Bool) {
        var frames = Self.segments(2, isIPv6: isIPv6)
        frames[1][frames[1].count - 1] ^= 1
        #expect(Self.counts(frames) == [1, 1])
        frames = Self.segments(2, isIPv6: isIPv6) { flow, index in if index == 1 { flow.sequence &+= 1 } }
        #expect(Self.counts(frames) == [1, 1])
        let stamps: [UInt8] = [1, 1, 1, 2, 3]
        frames = Self.segments(5, isIPv6: isIPv6) { flow, index in
            flow.options = [1, 1, 8, 10, 0, 0, 0, stamps[index], 0, 0, 0, 0]
        }
        #expect(Self.counts(frames) == [3, 1, 1])
        frames = Self.segments(3, isIPv6: isIPv6) { flow, index in
            flow.options = index < 2 ? [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0] : [4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0]
        }
        #expect(Self.counts(frames) == [2, 1])
    }

    @Test(arguments: [false, true])
    func `ip: another ECN, another class`(isIPv6: Bool) {
        for change: UInt8 in [2, 1, 4, 0xf0] {
            let frames = Self.segments(2, isIPv6: isIPv6) { flow, index in
                if index == 1 { flow.trafficClass ^= change }
            }
            #expect(Self.counts(frames) == [1, 1], "change \(change)")
        }
    }

    @Test func `ip: another TTL, options, fragments`() {
        var frames = Self.segments(2)
        frames[1] = Self.ipv4(frames[1]) { $0[22] = 63 }
        #expect(Self.counts(frames) == [1, 1])
        frames = Self.segments(3)
        // A header of six words: a no-operation in front of what was there.
        var options = Array(frames[1][..<34] + [1, 1, 1, 0] + frames[1][34...])
        options[14] = 0x46
        options[17] += 4
        (options[24], options[25]) = (0, 0)
        let sum = ~Flow.sum(Array(options[14..<38]))
        (options[24], options[25]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
        frames[1] = options
        #expect(Self.counts(frames) == [1, 1, 1])
        for fragment: UInt8 in [0x20, 0x01] {
            frames = Self.segments(2)
            frames[1] = Self.ipv4(frames[1]) { $0[20] = fragment }
            #expect(Self.counts(frames) == [1, 1])
            frames = Self.segments(2).map { frame in Self.ipv4(frame) { $0[20] = fragment } }
            #expect(Self.counts(frames) == [1, 1])
        }
    }

    @Test func `ip: identifications that count on or stand still, with and without don't-fragment`() {
        func ids(_ numbers: [UInt16], mayFragment: Bool) -> [Int] {
            let frames = Self.segments(numbers.count) { flow, index in flow.identification = numbers[index] }
            return Self.counts(mayFragment ? frames.map { frame in Self.ipv4(frame) { $0[20] = 0 } } : frames)
        }
        #expect(ids([8, 9], mayFragment: false) == [2])
        #expect(ids([9, 9], mayFragment: false) == [2])
        #expect(ids([8, 9], mayFragment: true) == [2])
        #expect(ids([9, 9], mayFragment: true) == [1, 1], "the kernel merges; what is cut again would count on")
        #expect(ids([8, 9, 9], mayFragment: false) == [2, 1])
        #expect(ids([8, 8, 9], mayFragment: false) == [2, 1])
        #expect(ids([0xffff, 0], mayFragment: false) == [2])
        #expect(ids([8, 10], mayFragment: false) == [1, 1])
    }

    @Test func `ip: IPv6 fragments and extension headers stay alone, where the kernel merges equal extensions`() {
        for (next, extensions) in [(UInt8(44), [6, 0, 0, 0, 0, 0, 0, 1]), (60, [6, 0, 1, 4, 0, 0, 0, 0])]
            as [(UInt8, [UInt8])]
        {
            var frames = Self.segments(4, isIPv6: true)
            for index in 2..<4 {
                var frame = Array(frames[index][..<54] + extensions + frames[index][54...])
                frame[19] += 8
                frame[20] = next
                frames[index] = frame
            }
            #expect(Self.counts(frames) == [2, 1, 1], "header \(next)")
        }
        var frames = Self.segments(2, isIPv6: true)
        frames[1][21] = 63
        #expect(Self.counts(frames) == [1, 1], "the kernel looks away from hop limits")
        frames = Self.segments(2, isIPv6: true)
        frames[1][17] ^= 1
        #expect(Self.counts(frames) == [1, 1], "another flow label")
    }

    @Test(arguments: [false, true])
    func `large: what makes the longest IP packet is merged, and one octet more is not`(isIPv6: Bool) {
        let size = 1400
        let room = isIPv6 ? 65_535 - 20 : 65_535 - 40
        let (whole, rest) = (room / size, room % size)
        func last(_ byteCount: Int) -> [Int] {
            Self.counts(
                Self.segments(whole + 1, isIPv6: isIPv6, sizes: Array(repeating: size, count: whole) + [byteCount])
            )
        }
        #expect(last(rest) == [whole + 1])
        #expect(last(rest + 1) == [whole, 1])
    }

    @Test func `What is merged of random superpackets is what was cut, and cutting it again gives the same segments`() {
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<400 {
            let isUDP = Bool.random(using: &generator)
            var flow = Flow(
                isIPv6: .random(using: &generator),
                isUDP: isUDP,
                options: isUDP
                    ? [] : Array(repeating: 1, count: 4 * Int.random(in: 0...10, using: &generator)),
                trafficClass: .random(in: 0...255, using: &generator),
                // ACK, and PSH or ECE or both, as far as runs take it.
                flags: 0x10 | (Bool.random(using: &generator) ? 0x08 : 0) | (Bool.random(using: &generator) ? 0x40 : 0)
            )
            flow.sequence = .random(in: 0 ... .max, using: &generator)
            flow.identification = .random(in: 0 ... .max, using: &generator)
            flow.acknowledgment = .random(in: 0...1 << 30, using: &generator)
            let size = Int.random(in: 1...1460, using: &generator)
            let count = Int.random(in: size + 1...min(64 * size, 65_000), using: &generator)
            let payload = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let (frame, offload) = flow.whole(payload, segmentByteCount: size)
            let segments = SuperpacketTests.cut(frame, offload)
            #expect(segments == flow.segments(payload, segmentByteCount: size))
            let merged = SegmentRunTests.collect(segments ?? [])
            #expect(merged.count == 1)
            #expect(merged.first?.frame == frame)
            #expect(merged.first?.offload == offload)
        }
    }
}
