import Datapath
import TestSupport
import Testing
import Wire

@Suite struct FragmentsTests {
    /// Returns the frames that leave for a frame that is too long for a path, or nothing if it is refused.
    private static func cut(_ frame: [UInt8], _ offload: OffloadHeader? = nil, pathMTU: Int) -> [[UInt8]]? {
        frame.withUnsafeBytes { bytes in
            let whole = Frame(bytes.start, byteCount: bytes.count)
            let superpacket = offload.flatMap { Superpacket(whole, $0) }
            switch Oversize(whole, superpacket, pathMTU: pathMTU, identification: 0x1234_5678) {
            case .refuse: return nil
            case .fragments(let fragments): return frames(of: fragments)
            case .recut(let shorter):
                return (0..<shorter.segmentCount).map { index in
                    let (offset, count) = shorter.payload(of: index)
                    return header(shorter, index) + bytes[(shorter.headerByteCount + offset)...].prefix(count)
                }
            case .fragmentedDatagrams:
                guard let superpacket else { return nil }
                return (0..<superpacket.segmentCount).flatMap { index in
                    let (offset, count) = superpacket.payload(of: index)
                    return header(superpacket, index).withUnsafeBytes { header in
                        Fragments(
                            header: header.start,
                            ofDatagramIn: whole,
                            payload: bytes.start + (superpacket.headerByteCount + offset),
                            byteCount: count,
                            pathMTU: pathMTU,
                            identification: UInt32(index)
                        ).map { frames(of: $0) } ?? []
                    }
                }
            }
        }
    }

    private static func header(_ superpacket: Superpacket, _ index: Int) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: superpacket.headerByteCount)
        header.withUnsafeMutableBytes { memory in
            if let start = memory.baseAddress { superpacket.writeHeader(of: index, to: start) }
        }
        return header
    }

    private static func frames(of fragments: Fragments) -> [[UInt8]] {
        (0..<fragments.count).map { index in
            var header = [UInt8](repeating: 0, count: fragments.headerByteCount(of: index))
            header.withUnsafeMutableBytes { memory in
                if let start = memory.baseAddress { fragments.writeHeader(of: index, to: start) }
            }
            let (offset, count) = fragments.payload(of: index)
            return header + UnsafeRawBufferPointer(start: fragments.payload + offset, count: count)
        }
    }

    /// The packets that fragments are of, put together as a host does; frames that are no fragments stay.
    private static func reassemble(_ frames: [[UInt8]]) -> [[UInt8]] {
        var whole: [[UInt8]] = []
        var parts: [String: (header: [UInt8], data: [Int: [UInt8]], end: Int?)] = [:]
        for frame in frames {
            let isIPv6 = frame[12] == 0x86
            let headerCount = isIPv6 ? 40 : Int(frame[14] & 15) * 4
            let end = 14 + (isIPv6 ? 40 : 0) + Int(frame[isIPv6 ? 18 : 16]) << 8 + Int(frame[isIPv6 ? 19 : 17])
            #expect(end == frame.count)
            var header = Array(frame[..<(14 + headerCount)])
            let offset: Int
            let isLast: Bool
            let key: String
            var data = Array(frame[(14 + headerCount)...])
            if isIPv6 {
                guard frame[20] == 44 else {
                    whole.append(frame)
                    continue
                }
                offset = (Int(data[2]) << 8 | Int(data[3])) & 0xfff8
                isLast = data[3] & 1 == 0
                key = "\(Array(data[4..<8]))"
                header[20] = data[0]
                data = Array(data[8...])
            } else {
                #expect(Flow.sum(Array(header[14...])) == 0xffff)
                let word = Int(frame[20]) << 8 | Int(frame[21])
                guard word & 0x3fff != 0 else {
                    whole.append(frame)
                    continue
                }
                offset = (word & 0x1fff) * 8
                isLast = word & 0x2000 == 0
                key = "\(Array(frame[18..<20]))"
            }
            #expect(isLast || data.count % 8 == 0)
            var entry = parts[key] ?? (header, [:], nil)
            if offset == 0 { entry.header = header }
            entry.data[offset] = data
            if isLast { entry.end = offset + data.count }
            parts[key] = entry
            guard let length = entry.end, entry.data.values.reduce(0, { $0 + $1.count }) == length else { continue }
            var packet = entry.header
            for (at, data) in entry.data.sorted(by: { $0.key < $1.key }) {
                #expect(packet.count == entry.header.count + at)
                packet += data
            }
            finish(&packet, isIPv6: isIPv6, headerCount: entry.header.count - 14)
            whole.append(packet)
            parts[key] = nil
        }
        #expect(parts.isEmpty)
        return whole
    }

    private static func finish(_ packet: inout [UInt8], isIPv6: Bool, headerCount: Int) {
        let count = packet.count - 14 - (isIPv6 ? 40 : 0)
        packet[isIPv6 ? 18 : 16] = UInt8(count >> 8)
        packet[isIPv6 ? 19 : 17] = UInt8(count & 255)
        guard !isIPv6 else { return }
        packet[20] = 0
        packet[21] = 0
        packet[24] = 0
        packet[25] = 0
        let sum = ~Flow.sum(Array(packet[14..<14 + headerCount]))
        packet[24] = UInt8(sum >> 8)
        packet[25] = UInt8(sum & 255)
    }

    @Test func `IPv4 without DF: fragments put together are the packet, and none is longer than the path carries`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<500 {
            let flow = Flow(isUDP: Bool.random(using: &generator), doesNotFragment: false)
            let frame = flow.frame(Flow.payload(.random(in: 1...9000, using: &generator)))
            let pathMTU = Int.random(in: 68...1500, using: &generator)
            guard frame.count - 14 > pathMTU else { continue }
            let cut = Self.cut(frame, pathMTU: pathMTU) ?? []
            #expect(cut.allSatisfy { $0.count - 14 <= pathMTU })
            #expect(Self.reassemble(cut) == [frame])
            // Some routers on, each piece is cut again.
            let again = cut.flatMap { $0.count - 14 > 68 ? Self.cut($0, pathMTU: 68) ?? [] : [$0] }
            #expect(Self.reassemble(again) == [frame])
        }
    }

    @Test func `IPv6 of 1280 octets and less goes over a path that carries less than that; more is refused`() {
        for isUDP in [false, true] {
            for count in 1100...1220 {
                let flow = Flow(isIPv6: true, isUDP: isUDP)
                let frame = flow.frame(Flow.payload(count))
                let cut = Self.cut(frame, pathMTU: 1202)
                guard frame.count - 14 <= 1280 else {
                    #expect(cut == nil)
                    continue
                }
                guard frame.count - 14 > 1202 else { continue }
                #expect(cut?.allSatisfy { $0.count - 14 <= 1202 } ?? false)
                #expect(Self.reassemble(cut ?? []) == [frame])
                // A fragment that is too long itself.
                let again = (cut ?? []).flatMap { $0.count - 14 > 600 ? Self.cut($0, pathMTU: 600) ?? [] : [$0] }
                #expect(Self.reassemble(again) == [frame])
                #expect(Self.cut(frame, pathMTU: 1280) == nil, "others have to make it shorter")
            }
        }
    }

    @Test func `Options that are not to be copied are in the first fragment only`() throws {
        var frame = Flow(isUDP: true, doesNotFragment: false).frame(Flow.payload(1500))
        // Record route (not copied), loose source route of nobody (copied), padding.
        let options: [UInt8] = [7, 7, 4, 0, 0, 0, 0, 0x83, 3, 4, 1, 0]
        frame.insert(contentsOf: options, at: 34)
        frame[14] = 0x48
        let count = frame.count - 14
        (frame[16], frame[17], frame[24], frame[25]) = (UInt8(count >> 8), UInt8(count & 255), 0, 0)
        let sum = ~Flow.sum(Array(frame[14..<46]))
        (frame[24], frame[25]) = (UInt8(sum >> 8), UInt8(sum & 255))
        let cut = try #require(Self.cut(frame, pathMTU: 600))
        #expect(Array(cut[0][34..<46]) == options)
        #expect(Array(cut[1][34..<46]) == [1, 1, 1, 1, 1, 1, 1, 0x83, 3, 4, 1, 0])
        #expect(Self.reassemble(cut) == [frame])
    }

    @Test func `DF, other protocols and empty packets are refused; padding is left out`() {
        var frame = Flow(isUDP: true).frame(Flow.payload(1500))
        frame[20] = 0x40
        #expect(Self.cut(frame, pathMTU: 1400) == nil)
        frame[12] = 0x99
        #expect(Self.cut(frame, pathMTU: 1400) == nil)
        let short = Flow(isUDP: true, doesNotFragment: false).frame(Flow.payload(100))
        #expect(Self.cut(short + [UInt8](repeating: 0, count: 1400), pathMTU: 1400) == [short])
        var empty = Array(short[..<34])
        (empty[16], empty[17]) = (0, 20)
        #expect(Self.cut(empty + [UInt8](repeating: 0, count: 1400), pathMTU: 1400) == nil)
    }

    @Test func `TCP superpackets are cut shorter: the stream is the same, whatever the path carries`() {
        for isIPv6 in [false, true] {
            let flow = Flow(isIPv6: isIPv6, options: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2])
            let payload = Flow.payload(40_000)
            let (frame, offload) = flow.whole(payload, segmentByteCount: 1390)
            for pathMTU in [1202, 1222, 1300, 1441] {
                let size = pathMTU - (flow.headerByteCount - 14)
                #expect(Self.cut(frame, offload, pathMTU: pathMTU) == flow.segments(payload, segmentByteCount: size))
            }
        }
    }

    @Test func `UDP superpackets keep their boundaries: datagrams are fragmented, or refused with DF`() {
        let flow = Flow(isUDP: true, doesNotFragment: false)
        let payload = Flow.payload(7000)
        var (frame, offload) = flow.whole(payload, segmentByteCount: 1400)
        let cut = Self.cut(frame, offload, pathMTU: 1300)
        #expect(cut?.count == 10)
        #expect(Self.reassemble(cut ?? []) == flow.segments(payload, segmentByteCount: 1400))
        frame[20] = 0x40
        #expect(Self.cut(frame, offload, pathMTU: 1300) == nil)
        let six = Flow(isIPv6: true, isUDP: true)
        let (whole, header) = six.whole(payload, segmentByteCount: 1220)
        #expect(
            Self.reassemble(Self.cut(whole, header, pathMTU: 1202) ?? [])
                == six.segments(payload, segmentByteCount: 1220)
        )
    }
}
