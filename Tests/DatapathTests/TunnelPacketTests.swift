import Datapath
import Testing
import Wire

@Suite struct TunnelPacketTests {
    private static let keys: [UInt8] = [0x01, 0x02, 0x80, 0x01, 0x00, 0x07, 0x80, 0x00]

    private func parse(_ bytes: [UInt8]) -> TunnelPacket {
        bytes.withUnsafeBytes { TunnelPacket($0.start, byteCount: $0.count) }
    }

    private func datagram(_ options: [UInt8], first: UInt8? = nil, flags: UInt8 = 0x40, type: UInt16 = 0x6558)
        -> [UInt8]
    {
        [first ?? UInt8(options.count / 4), flags, UInt8(type >> 8), UInt8(type & 255), 0, 0, 5, 0] + options
    }

    @Test("OVN's option is found wherever it stands, others that are not critical are skipped (RFC 8926 section 3.5)")
    func options() {
        let other: [UInt8] = [0xff, 0x01, 0x01, 0x02, 1, 2, 3, 4, 5, 6, 7, 8]
        for options in [Self.keys, other + Self.keys, Self.keys + other, other + Self.keys + other] {
            let packet = parse(datagram(options) + [1, 2, 3])
            #expect(packet.failure == nil && packet.vni == 5)
            #expect(packet.ingressKey == 7 && packet.egressKey == 32768)
            #expect(packet.headerByteCount == 8 + options.count)
        }
        #expect(parse(datagram(Self.keys, flags: 0)).failure == nil)
    }

    @Test("why a datagram is no frame of ours")
    func failures() {
        let critical: [UInt8] = [0xff, 0x01, 0x81, 0x00]
        let cases: [([UInt8], DropReason)] = [
            (datagram(Self.keys, first: 0x42), .malformedTunnel),
            (datagram(Self.keys, type: 0x0800), .malformedTunnel),
            (datagram(Self.keys, flags: 0xc0), .tunnelControlPacket),
            (datagram(critical + Self.keys), .unknownCriticalOption),
            (datagram([]), .missingOption),
            (datagram([0x01, 0x02, 0x00, 0x01, 0, 0, 0, 0]), .missingOption),
            (datagram(Self.keys + Self.keys), .malformedTunnel),
            (datagram([0x01, 0x02, 0x80, 0x01, 0x80, 0x07, 0x80, 0x00]), .malformedTunnel),
            (datagram([0x01, 0x02, 0x80, 0x02] + [UInt8](repeating: 0, count: 8)), .malformedTunnel),
            (datagram([0xff, 0x01, 0x01, 0x02, 1, 2, 3, 4]), .malformedTunnel),
            (datagram(Self.keys, first: 3), .malformedTunnel),
        ]
        for (bytes, reason) in cases {
            #expect(parse(bytes).failure == reason, "\(hexadecimal(bytes))")
        }
    }

    @Test("a header cut anywhere is malformed")
    func truncation() {
        let bytes = datagram([0xff, 0x01, 0x01, 0x01, 1, 2, 3, 4] + Self.keys)
        for count in 0..<bytes.count {
            #expect(parse(Array(bytes[..<count])).failure == .malformedTunnel, "\(count)")
        }
        for count in 0..<16 {
            #expect(parse(Array(datagram(Self.keys)[..<count])).failure == .malformedTunnel, "\(count)")
        }
    }

    @Test("what the verdict writes is what is read")
    func roundTrip() {
        let host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(32767, at: "hv2")])
        var frame = TestHost.udp(1, 2)
        frame.replaceSubrange(0..<6, with: TestHost.mac(32767).octets)
        #expect(
            host.tables.outcomes(of: frame, from: 0)
                == [.tunnel(to: TestHost.encap(2), vni: 5, ingress: 1, egress: 32767)]
        )
    }
}
