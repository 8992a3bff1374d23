import Datapath
import TestSupport
import Testing
import Wire

@Suite struct SuperpacketTests {
    private static let flows: [Flow] = [false, true].flatMap { isIPv6 in
        [
            Flow(isIPv6: isIPv6), Flow(isIPv6: isIPv6, isUDP: true),
            Flow(isIPv6: isIPv6, options: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], flags: 0xd9),
        ]
    }

    /// The segments of a frame after its offload header.
    static func cut(_ bytes: [UInt8]) -> [[UInt8]]? {
        cut(Array(bytes[OffloadHeader.byteCount...]), OffloadHeader(octets: bytes))
    }

    /// Returns the segments of a frame.
    static func cut(_ frame: [UInt8], _ offload: OffloadHeader) -> [[UInt8]]? {
        frame.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            guard let superpacket = Superpacket(Frame(base, byteCount: bytes.count), offload) else { return nil }
            return (0..<superpacket.segmentCount).map { index in
                let (offset, count) = superpacket.payload(of: index)
                let header = [UInt8](unsafeUninitializedCapacity: superpacket.headerByteCount) { memory, written in
                    memory.baseAddress.map { superpacket.writeHeader(of: index, to: UnsafeMutableRawPointer($0)) }
                    written = superpacket.headerByteCount
                }
                return header + bytes[(superpacket.headerByteCount + offset)...].prefix(count)
            }
        }
    }

    @Test func `A sum is that of the naive loop for every length and alignment`() {
        let bytes = Flow.payload(2200)
        bytes.withUnsafeBytes { memory in
            for start in 0..<16 {
                for count in 0...2100 {
                    let sum = WordSum.fold(WordSum.add(memory.baseAddress! + start, count: count))
                    let naive = Flow.sum(Array(bytes[start..<start + count]))
                    guard UInt16(bigEndian: sum) != naive else { continue }
                    Issue.record("\(count) octets at \(start): \(sum), not \(naive)")
                }
            }
        }
        let ones = [UInt8](repeating: 0xff, count: 65_535)
        let sum = ones.withUnsafeBytes { WordSum.fold(WordSum.add($0.baseAddress!, count: $0.count)) }
        #expect(UInt16(bigEndian: sum) == Flow.sum(ones))
    }

    @Test(arguments: flows.indices)
    func `A superpacket is cut into the segments that the slow way makes`(index: Int) {
        let flow = Self.flows[index]
        for (count, size) in [(1, 1400), (1400, 1400), (1401, 1400), (60_000, 1388), (100, 7), (2801, 1400)] {
            let payload = Flow.payload(count)
            let (frame, offload) = flow.whole(payload, segmentByteCount: size)
            #expect(Self.cut(frame, offload) == flow.segments(payload, segmentByteCount: size), "\(count) by \(size)")
        }
    }

    @Test func `A checksum of 0 is sent as all ones by UDP`() {
        let flow = Flow(isUDP: true)
        // The sum of all words but the last, which makes it all ones.
        var payload: [UInt8] = [0, 0]
        let frame = flow.frame(payload)
        let sum = UInt16(frame[40]) << 8 | UInt16(frame[41])
        payload = [UInt8(sum >> 8), UInt8(sum & 0xff)]
        let (superpacket, offload) = flow.whole(payload, segmentByteCount: 100)
        #expect(Self.cut(superpacket, offload)?.first?[40...41] == [0xff, 0xff])
    }

    @Test func `What does not fit its offload header is no superpacket`() {
        let (frame, good) = Flow().whole(Flow.payload(3000), segmentByteCount: 1000)
        #expect(Self.cut(frame, good)?.count == 3)
        var offload = good
        offload.segmentByteCount = 0
        #expect(Self.cut(frame, offload) == nil)
        offload = good
        offload.needsChecksum = false
        #expect(Self.cut(frame, offload) == nil)
        offload = good
        offload.checksumStart = 30
        #expect(Self.cut(frame, offload) == nil)
        for kind in [OffloadHeader.Kind.none, .tcpv6, .udp, .unknown] {
            offload = good
            offload.kind = kind
            #expect(Self.cut(frame, offload) == nil)
        }
        offload = good
        offload.segmentByteCount = 1
        #expect(Self.cut(frame, offload) == nil, "more segments than any MSS makes")
        var fragment = frame
        fragment[20] = 0x20
        #expect(Self.cut(fragment, good) == nil)
        for count in 0..<54 { #expect(Self.cut(Array(frame[..<count]), good) == nil) }
    }

    @Test func `Random offload headers and frames break nothing`() {
        var generator = SeededGenerator(seed: 5)
        var cut = 0
        for _ in 0..<20_000 {
            var (frame, offload) = Self.flows.randomElement(using: &generator)!
                .whole(Flow.payload(.random(in: 1...300, using: &generator)), segmentByteCount: 50)
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                frame[.random(in: 12..<frame.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            frame.removeLast(.random(in: 0...20, using: &generator) / 10)
            if Bool.random(using: &generator) { offload.segmentByteCount = .random(in: 0...200, using: &generator) }
            if Self.cut(frame, offload) != nil { cut += 1 }
        }
        #expect(cut > 1000)
    }

    @Test(arguments: [
        (0, 0, 0, true), (0, 1, 0, true), (0, 2, 0, true), (0, 3, 0, false), (1, 3, 3, true), (2, 3, 3, true),
        (2, 1, 1, true), (1, 2, 1, true), (3, 0, 3, true), (3, 1, 3, true), (2, 0, 2, true),
    ])
    func `Congestion is told by the rules of RFC 6040`(inner: UInt8, outer: UInt8, after: UInt8, isKept: Bool) {
        for isIPv6 in [false, true] {
            var frame = Flow(isIPv6: isIPv6, trafficClass: 0x48 | inner).frame([1, 2, 3])
            let (kept, code) = frame.withUnsafeMutableBytes { bytes in
                let base = bytes.baseAddress!
                let kept = base.decapsulateCongestion(
                    CongestionCode(rawValue: outer),
                    of: Frame(base, byteCount: bytes.count)
                )
                return (kept, Frame(base, byteCount: bytes.count).congestionCode)
            }
            #expect(kept == isKept)
            guard isKept else { continue }
            #expect(code.rawValue == after)
            #expect(frame == Flow(isIPv6: isIPv6, trafficClass: 0x48 | after).frame([1, 2, 3]))
        }
        let sent = CongestionCode(rawValue: inner).outer.rawValue
        #expect(sent == (inner == 3 ? 2 : inner))
    }
}
