import Datapath
import TestSupport
import Testing
import Wire

/// The requests of a guest's virtio-net header, beside those of its frame.
@Suite struct OffloadHeaderTests {
    /// True if a checksum from `start` on, at `offset`, may be completed in the frame; the header that goes on says it.
    private static func isAccepted(_ frame: [UInt8], start: Int, offset: Int) -> Bool {
        var asked = OffloadHeader()
        asked.needsChecksum = true
        asked.headerByteCount = 77
        asked.segmentByteCount = 88
        asked.checksumStart = UInt16(start)
        asked.checksumOffset = UInt16(offset)
        let accepted = frame.withUnsafeBytes { asked.accepted(for: Frame($0.start, byteCount: $0.count)) }
        guard let accepted else { return false }
        (asked.headerByteCount, asked.segmentByteCount) = (0, 0)
        return accepted == asked
    }

    /// Returns the places at which a checksum is completed.
    private static func places(_ frame: [UInt8]) -> [[Int]] {
        (0...frame.count).flatMap { start in
            (0...frame.count).filter { isAccepted(frame, start: start, offset: $0) }.map { [start, $0] }
        }
    }

    private static func ethernet(_ type: UInt16, _ payload: [UInt8], tags: [VLANTag] = []) -> [UInt8] {
        FrameBuilder.ethernet(TestHost.mac(1), TestHost.mac(2), type, tags: tags, payload: payload)
    }

    private static func ipv6(_ next: UInt8, _ payload: [UInt8]) -> [UInt8] {
        ethernet(
            EtherType.ipv6,
            FrameBuilder.ipv6(TestHost.ipv6(1), TestHost.ipv6(2), nextHeader: next, payload: payload)
        )
    }

    @Test func `Of TCP and UDP it is their own checksum and no other`() {
        for isIPv6 in [false, true] {
            let start = isIPv6 ? 54 : 34
            let content = Flow.payload(4)
            #expect(Self.places(Flow(isIPv6: isIPv6).frame(content)) == [[start, 16]])
            // Behind UDP's header a tunnel of the guest's may have one.
            let datagram = Self.places(Flow(isIPv6: isIPv6, isUDP: true).frame(Flow.payload(18)))
            let inside = (9...18).map { [start + $0, 6] }
            #expect(datagram == [[start, 6], [start + 8, 6], [start + 8, 16]] + inside)
        }
    }

    @Test func `Behind tags and IPv6's extension headers it is there, too`() {
        let inner = Array(Flow(isIPv6: true).frame([])[54...])
        let options: [UInt8] = [IPProtocol.tcp, 0, 1, 4, 0, 0, 0, 0]
        #expect(Self.places(Self.ipv6(IPProtocol.destinationOptions, options + inner)) == [[62, 16]])
        let packet = Array(Flow().frame([])[14...])
        let tagged = Self.ethernet(EtherType.ipv4, packet, tags: [VLANTag(controlInformation: 5)])
        #expect(Self.places(tagged) == [[38, 16]])
    }

    @Test func `Fragments, ICMP, ARP and what is cut short have none`() {
        var fragment = Flow().frame(Flow.payload(20))
        for word: [UInt8] in [[0x20, 0], [0, 1], [0x20, 1]] {
            fragment.replaceSubrange(20..<22, with: word)
            #expect(Self.places(fragment) == [])
        }
        let tcp = Array(Flow(isIPv6: true).frame(Flow.payload(20))[54...])
        #expect(Self.places(Self.ipv6(IPProtocol.fragment, [IPProtocol.tcp, 0, 0, 0, 0, 0, 0, 1] + tcp)) == [])
        #expect(Self.places(Self.ipv6(IPProtocol.icmpv6, [135] + Flow.payload(80))) == [])
        #expect(Self.places(TestHost.arpRequest(1, 2) + Flow.payload(40)) == [])
        let whole = Flow().frame([])
        for count in 0..<whole.count { #expect(Self.places(Array(whole[..<count])) == []) }
    }

    @Test func `A guest's own tunnel has one inside, which is completed`() {
        let inner = Flow(isIPv6: true)
        let payload = Flow.payload(50)
        let vxlan = FrameBuilder.udp(50_000, 4789, count: 0) + [8, 0, 0, 0, 0, 0, 7, 0]
        func frame(_ inner: [UInt8]) -> [UInt8] {
            Self.ethernet(
                EtherType.ipv4,
                FrameBuilder.ipv4(TestHost.ipv4(1), TestHost.ipv4(2), payload: vxlan + inner)
            )
        }
        var sent = frame(inner.superpacket(payload, segmentByteCount: 50).frame)
        let start = 34 + vxlan.count + 54
        #expect(Self.isAccepted(sent, start: start, offset: 16))
        var header = OffloadHeader()
        (header.checksumStart, header.checksumOffset) = (UInt16(start), 16)
        let isDone = sent.withUnsafeMutableBytes { bytes in
            header.completeChecksum(of: bytes.baseAddress!, byteCount: bytes.count)
        }
        #expect(isDone && sent == frame(inner.frame(payload)))
        // IP in IP, and what decisions read nothing of.
        let packet = FrameBuilder.ipv4(
            TestHost.ipv4(1),
            TestHost.ipv4(2),
            protocolNumber: 4,
            payload: Array(Flow().frame([])[14...])
        )
        #expect(Self.isAccepted(Self.ethernet(EtherType.ipv4, packet), start: 54, offset: 16))
        #expect(Self.isAccepted(Self.ethernet(0x8847, Flow.payload(60)), start: 38, offset: 6))
    }

    @Test func `A superpacket is no other than its headers say`() {
        for flow in [Flow(), Flow(isIPv6: true), Flow(isUDP: true)] {
            let (frame, offload) = flow.whole(Flow.payload(300), segmentByteCount: 100)
            func cut(_ frame: [UInt8], _ change: (inout OffloadHeader) -> Void) -> OffloadHeader? {
                var changed = offload
                change(&changed)
                return frame.withUnsafeBytes {
                    Superpacket(Frame($0.start, byteCount: $0.count), changed)?.offload
                }
            }
            #expect(cut(frame) { $0.headerByteCount = 3 } == offload)
            #expect(cut(frame) { $0.reducesWindow = true } == offload)
            #expect(cut(frame) { $0.checksumStart += 2 } == nil)
            #expect(cut(frame) { $0.checksumOffset += 2 } == nil)
            #expect(cut(frame) { $0.needsChecksum = false } == nil)
            #expect(cut(frame) { $0.kind = flow.isUDP ? .tcpv4 : .udp } == nil)
            #expect(cut(frame) { $0.kind = .unknown } == nil)
            #expect(cut(frame + [0]) { _ in } == nil)
        }
        let (frame, offload) = Flow(flags: 0x90).whole(Flow.payload(300), segmentByteCount: 100)
        let accepted = frame.withUnsafeBytes { Superpacket(Frame($0.start, byteCount: $0.count), offload)?.offload }
        #expect(accepted?.reducesWindow == true)
    }
}
