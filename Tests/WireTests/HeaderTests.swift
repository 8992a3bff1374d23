import TestSupport
import Testing
import Wire

/// A header codec as the tests see it: bytes in, the same header's bytes out.
struct Codec: Sendable, CustomTestStringConvertible {
    var name: String
    /// Octets of a header with fields from the generator.
    var sample: @Sendable (inout SeededGenerator) -> [UInt8]
    /// Parses the octets and writes what was parsed; the number tells how many octets the header has.
    var rewrite: @Sendable ([UInt8]) throws(HeaderError) -> [UInt8]

    var testDescription: String { name }

    static let all: [Codec] = [
        Codec(name: "Ethernet", sample: ethernet, rewrite: rewriteEthernet),
        Codec(name: "ARP", sample: arp, rewrite: rewriteARP),
        Codec(name: "IPv4", sample: ipv4, rewrite: rewriteIPv4),
        Codec(name: "IPv6", sample: ipv6, rewrite: rewriteIPv6),
        Codec(name: "UDP", sample: udp, rewrite: rewriteUDP),
        Codec(name: "TCP", sample: tcp, rewrite: rewriteTCP),
        Codec(name: "ICMPv4", sample: icmpv4, rewrite: rewriteICMPv4),
        Codec(name: "ICMPv6", sample: icmpv6, rewrite: rewriteICMPv6),
        Codec(name: "ND", sample: neighbor, rewrite: rewriteNeighbor),
        Codec(name: "Geneve", sample: geneve, rewrite: rewriteGeneve),
        Codec(name: "Geneve option", sample: option, rewrite: rewriteOption),
        Codec(name: "OVN option", sample: tunnelKeys, rewrite: rewriteTunnelKeys),
    ]

    /// Those whose header says, or needs not say, if it ends.
    static let fixedLength = all.filter { $0.name != "ND" }
}

@Suite struct HeaderTests {
    @Test("parsing what was written gives it back, octet by octet", arguments: Codec.all)
    func roundTrip(codec: Codec) throws {
        var generator = SeededGenerator(seed: 1)
        for round in 0..<500 {
            let bytes = codec.sample(&generator)
            #expect(try codec.rewrite(bytes) == bytes, "round \(round)")
        }
    }

    @Test("a header cut anywhere is truncated, never a trap", arguments: Codec.all)
    func everyTruncation(codec: Codec) {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<50 {
            let bytes = codec.sample(&generator)
            for count in 0..<bytes.count {
                #expect(throws: HeaderError.self, "\(count) of \(bytes)") { try codec.rewrite(Array(bytes[..<count])) }
            }
        }
    }

    @Test("octets behind a header are no part of it", arguments: Codec.fixedLength)
    func trailingOctets(codec: Codec) throws {
        var generator = SeededGenerator(seed: 3)
        let bytes = codec.sample(&generator)
        #expect(try codec.rewrite(bytes + [0xde, 0xad, 0xbe, 0xef]) == bytes)
    }

    @Test("random octets are parsed or refused", arguments: Codec.all)
    func randomOctets(codec: Codec) {
        var generator = SeededGenerator(seed: 4)
        var parsed = 0
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if let again = try? codec.rewrite(bytes) {
                #expect(again.count <= max(bytes.count, 22))
                parsed += 1
            }
        }
        #expect(parsed < 2000)
    }

    // MARK: what each header holds

    @Test("Ethernet: one and two tags, and a third left to the payload")
    func tags() throws {
        let outer = VLANTag(isService: true, controlInformation: 0x6064)
        let inner = VLANTag(controlInformation: 7)
        let plain = EthernetHeader(destination: .broadcast, source: mac, etherType: EtherType.ipv4)
        #expect(plain.byteCount == 14)
        let single = EthernetHeader(destination: .broadcast, source: mac, innerTag: inner, etherType: EtherType.ipv4)
        #expect(single.outerTag == inner && single.innerTag == nil && single.byteCount == 18)
        let double = EthernetHeader(
            destination: .broadcast,
            source: mac,
            outerTag: outer,
            innerTag: inner,
            etherType: EtherType.customerTag
        )
        let bytes = written(double.byteCount) { double.write(to: &$0) }
        #expect(bytes[12...] == [0x88, 0xa8, 0x60, 0x64, 0x81, 0, 0, 7, 0x81, 0])
        #expect(try EthernetHeader(octets: bytes + [0, 1, 8, 0]) == double)
        #expect(outer.identifier == 0x64)
    }

    @Test("ARP for other hardware or protocols is refused")
    func foreignARP() {
        var bytes = [UInt8](repeating: 0, count: 28)
        bytes.replaceSubrange(0..<8, with: [0, 1, 8, 0, 6, 4, 0, 1])
        #expect((try? ARPPacket(octets: bytes))?.operation == ARPPacket.request)
        for offset in 0..<6 {
            var other = bytes
            other[offset] ^= 1
            #expect(throws: HeaderError.unsupportedType) { try ARPPacket(octets: other) }
        }
    }

    @Test("IPv4: a header length below 20 or above the total length is refused; the checksum is judged apart")
    func ipv4Lengths() throws {
        let header = IPv4Header(
            totalByteCount: 60,
            protocolNumber: IPProtocol.udp,
            source: IPv4Address(0x0a00_0001),
            destination: IPv4Address(0x0a00_0002)
        )
        var bytes = written(20) { header.write(to: &$0) }
        #expect(try hasValidChecksum(bytes))
        bytes[8] ^= 1
        #expect(try !hasValidChecksum(bytes))
        bytes[0] = 0x44
        #expect(throws: HeaderError.badLength) { try IPv4Header(octets: bytes) }
        bytes[0] = 0x65
        #expect(throws: HeaderError.unsupportedVersion) { try IPv4Header(octets: bytes) }
        bytes[0] = 0x45
        bytes[3] = 19
        #expect(throws: HeaderError.badLength) { try IPv4Header(octets: bytes) }
    }

    @Test("ND: options of length 0, beyond the end, not of Ethernet's size or twice are refused; others are skipped")
    func neighborOptions() throws {
        let message = NeighborMessage(kind: .solicitation, target: target, sourceMAC: mac)
        let bytes = written(message.byteCount) { message.write(to: &$0) }
        let source = Array(bytes[24...])
        let nonce: [UInt8] = [14, 1, 1, 2, 3, 4, 5, 6]
        let parsed = try NeighborMessage(octets: bytes[..<24] + nonce + source)
        #expect(parsed.sourceMAC == mac && parsed.targetMAC == nil && parsed.target == target)
        let cases: [(options: [UInt8], error: HeaderError)] = [
            ([1, 0, 2, 2, 2, 2, 2, 2], .badLength),
            ([14, 2, 2, 2, 2, 2, 2, 2], .badLength),
            ([1, 2] + [UInt8](repeating: 0, count: 14), .badLength),
            (source + source, .duplicateOption),
            ([1, 1, 2], .badLength),
        ]
        for (options, error) in cases {
            #expect(throws: error, "\(options)") { try NeighborMessage(octets: bytes[..<24] + options) }
        }
        #expect(throws: HeaderError.unsupportedType) { try NeighborMessage(octets: [133] + bytes[1...]) }
    }

    @Test("Geneve: versions but 0 and options beyond the end are refused")
    func geneveVersions() throws {
        let header = GeneveHeader(optionByteCount: 8, hasCriticalOptions: true, vni: 0xabcdef)
        var bytes = written(8) { header.write(to: &$0) }
        #expect(bytes == [2, 0x40, 0x65, 0x58, 0xab, 0xcd, 0xef, 0])
        #expect(throws: HeaderError.truncated) { try GeneveHeader(octets: bytes + [1, 2, 0x80]) }
        bytes[0] = 0x40
        #expect(throws: HeaderError.unsupportedVersion) { try GeneveHeader(octets: bytes) }
    }

    @Test("the OVN option is class 0x0102, type 0x80, one word: ingress 15 bits, egress 16")
    func ovnOption() throws {
        let keys = TunnelKeys(ingress: 0x7ffe, egress: 0x8004)
        var bytes = written(8) { keys.write(to: &$0) }
        #expect(bytes == [0x01, 0x02, 0x80, 0x01, 0x7f, 0xfe, 0x80, 0x04])
        #expect(try TunnelKeys(octets: bytes) == keys)
        bytes[4] |= 0x80
        #expect(throws: HeaderError.badLength) { try TunnelKeys(octets: bytes) }
        bytes[3] = 2
        #expect(throws: HeaderError.badLength) { try TunnelKeys(octets: bytes + [0, 0, 0, 0]) }
        bytes[2] = 0
        #expect(throws: HeaderError.unsupportedType) { try TunnelKeys(octets: bytes + [0, 0, 0, 0]) }
    }

    @Test("ICMPv4 errors are those of RFC 1122 section 3.2.2")
    func icmpErrors() {
        #expect((0...255).filter { ICMPv4Header.isError(type: $0) } == [3, 4, 5, 11, 12])
    }
}

private let mac = MACAddress(truncating: 0x02ac_10ff_0011)
private let target = IPv6Address(high: 0xfd00 << 48, low: 0x11)

func written(_ count: Int, _ write: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var span = bytes.mutableSpan
    write(&span)
    return bytes
}

private func hasValidChecksum(_ bytes: [UInt8]) throws -> Bool {
    try IPv4Header(parsing: bytes.span).hasValidChecksum(in: bytes.span)
}

/// So that a test can parse what it has only just put together.
protocol Header {
    init(parsing bytes: Span<UInt8>) throws(HeaderError)
}

extension Header {
    init(octets: [UInt8]) throws(HeaderError) {
        try self.init(parsing: octets.span)
    }
}

extension EthernetHeader: Header {}
extension ARPPacket: Header {}
extension IPv4Header: Header {}
extension NeighborMessage: Header {}
extension GeneveHeader: Header {}
extension TunnelKeys: Header {}
