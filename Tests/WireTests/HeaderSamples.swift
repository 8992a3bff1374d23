import TestSupport
import Wire

// For each codec: a header with random fields, and parse-then-write.

extension SeededGenerator {
    mutating func mac() -> MACAddress { MACAddress(truncating: next()) }
    mutating func ipv4() -> IPv4Address { IPv4Address(UInt32(truncatingIfNeeded: next())) }
    mutating func ipv6() -> IPv6Address { IPv6Address(high: next(), low: next()) }
    mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
    mutating func word() -> UInt16 { UInt16(truncatingIfNeeded: next()) }
    mutating func long() -> UInt32 { UInt32(truncatingIfNeeded: next()) }
    mutating func flag() -> Bool { next() & 1 == 0 }
}

@Sendable func ethernet(_ generator: inout SeededGenerator) -> [UInt8] {
    let tagged = generator.flag()
    let header = EthernetHeader(
        destination: generator.mac(),
        source: generator.mac(),
        outerTag: tagged ? VLANTag(isService: generator.flag(), controlInformation: generator.word()) : nil,
        innerTag: tagged && generator.flag() ? VLANTag(controlInformation: generator.word()) : nil,
        etherType: EtherType.ipv6
    )
    return written(header.byteCount) { header.write(to: &$0) }
}

@Sendable func rewriteEthernet(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let header = try EthernetHeader(parsing: bytes.span)
    return written(header.byteCount) { header.write(to: &$0) }
}

@Sendable func arp(_ generator: inout SeededGenerator) -> [UInt8] {
    let packet = ARPPacket(
        operation: generator.word(),
        senderMAC: generator.mac(),
        senderIP: generator.ipv4(),
        targetMAC: generator.mac(),
        targetIP: generator.ipv4()
    )
    return written(ARPPacket.byteCount) { packet.write(to: &$0) }
}

@Sendable func rewriteARP(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let packet = try ARPPacket(parsing: bytes.span)
    return written(ARPPacket.byteCount) { packet.write(to: &$0) }
}

@Sendable func ipv4(_ generator: inout SeededGenerator) -> [UInt8] {
    var header = IPv4Header(
        typeOfService: generator.byte(),
        totalByteCount: generator.word() | 0x40,
        identification: generator.word(),
        doesNotFragment: generator.flag(),
        timeToLive: generator.byte(),
        protocolNumber: generator.byte(),
        source: generator.ipv4(),
        destination: generator.ipv4()
    )
    header.optionByteCount = 4 * Int.random(in: 0...10, using: &generator)
    header.hasMoreFragments = generator.flag()
    header.fragmentOffset = generator.word() & 0x1fff
    header.checksum = header.computedChecksum
    return written(header.byteCount) { header.write(to: &$0) }
}

@Sendable func rewriteIPv4(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let header = try IPv4Header(parsing: bytes.span)
    return written(header.byteCount) { header.write(to: &$0) }
}

@Sendable func ipv6(_ generator: inout SeededGenerator) -> [UInt8] {
    let header = IPv6Header(
        trafficClass: generator.byte(),
        flowLabel: generator.long() & 0xf_ffff,
        payloadByteCount: generator.word(),
        nextHeader: generator.byte(),
        hopLimit: generator.byte(),
        source: generator.ipv6(),
        destination: generator.ipv6()
    )
    return written(IPv6Header.byteCount) { header.write(to: &$0) }
}

@Sendable func rewriteIPv6(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let header = try IPv6Header(parsing: bytes.span)
    return written(IPv6Header.byteCount) { header.write(to: &$0) }
}

@Sendable func udp(_ generator: inout SeededGenerator) -> [UInt8] {
    let header = UDPHeader(
        sourcePort: generator.word(),
        destinationPort: generator.word(),
        totalByteCount: generator.word() | 8,
        checksum: generator.word()
    )
    return written(UDPHeader.byteCount) { header.write(to: &$0) }
}

@Sendable func rewriteUDP(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let header = try UDPHeader(parsing: bytes.span)
    return written(UDPHeader.byteCount) { header.write(to: &$0) }
}

@Sendable func tcp(_ generator: inout SeededGenerator) -> [UInt8] {
    var header = TCPHeader(
        sourcePort: generator.word(),
        destinationPort: generator.word(),
        sequenceNumber: generator.long(),
        acknowledgmentNumber: generator.long(),
        flags: generator.byte(),
        window: generator.word()
    )
    header.checksum = generator.word()
    header.urgentPointer = generator.word()
    header.optionByteCount = 4 * Int.random(in: 0...10, using: &generator)
    return written(header.byteCount) { header.write(to: &$0) }
}

@Sendable func rewriteTCP(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let header = try TCPHeader(parsing: bytes.span)
    return written(header.byteCount) { header.write(to: &$0) }
}

@Sendable func icmpv4(_ generator: inout SeededGenerator) -> [UInt8] {
    let header = ICMPv4Header(
        type: generator.byte(),
        code: generator.byte(),
        checksum: generator.word(),
        rest: generator.long()
    )
    return written(ICMPv4Header.byteCount) { header.write(to: &$0) }
}

@Sendable func rewriteICMPv4(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let header = try ICMPv4Header(parsing: bytes.span)
    return written(ICMPv4Header.byteCount) { header.write(to: &$0) }
}

@Sendable func icmpv6(_ generator: inout SeededGenerator) -> [UInt8] {
    let header = ICMPv6Header(
        type: generator.byte(),
        code: generator.byte(),
        checksum: generator.word(),
        rest: generator.long()
    )
    return written(ICMPv6Header.byteCount) { header.write(to: &$0) }
}

@Sendable func rewriteICMPv6(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let header = try ICMPv6Header(parsing: bytes.span)
    return written(ICMPv6Header.byteCount) { header.write(to: &$0) }
}

@Sendable func neighbor(_ generator: inout SeededGenerator) -> [UInt8] {
    var message = NeighborMessage(
        kind: generator.flag() ? .solicitation : .advertisement,
        isRouter: generator.flag(),
        isSolicited: generator.flag(),
        overrides: generator.flag(),
        target: generator.ipv6(),
        sourceMAC: generator.mac(),
        targetMAC: generator.mac()
    )
    message.code = generator.byte()
    message.checksum = generator.word()
    let bytes = written(message.byteCount) { message.write(to: &$0) }
    // Cut after the first option or the fixed part the message would be whole, only shorter: that is no truncation.
    return bytes
}

@Sendable func rewriteNeighbor(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let message = try NeighborMessage(parsing: bytes.span)
    guard message.sourceMAC != nil, message.targetMAC != nil else { throw .truncated }
    return written(message.byteCount) { message.write(to: &$0) }
}

@Sendable func geneve(_ generator: inout SeededGenerator) -> [UInt8] {
    var header = GeneveHeader(
        optionByteCount: 4 * Int.random(in: 0...63, using: &generator),
        hasCriticalOptions: generator.flag(),
        vni: generator.long() & GeneveHeader.vniMaximum
    )
    header.isControl = generator.flag()
    header.protocolType = generator.word()
    return written(header.byteCount) { header.write(to: &$0) }
}

@Sendable func rewriteGeneve(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let header = try GeneveHeader(parsing: bytes.span)
    return written(header.byteCount) { header.write(to: &$0) }
}

@Sendable func option(_ generator: inout SeededGenerator) -> [UInt8] {
    let option = GeneveOption(
        optionClass: generator.word(),
        type: generator.byte(),
        dataByteCount: 4 * Int.random(in: 0...31, using: &generator)
    )
    return written(option.byteCount) { option.write(to: &$0) }
}

@Sendable func rewriteOption(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let option = try GeneveOption(parsing: bytes.span)
    return written(option.byteCount) { option.write(to: &$0) }
}

@Sendable func tunnelKeys(_ generator: inout SeededGenerator) -> [UInt8] {
    let keys = TunnelKeys(ingress: generator.word() & 0x7fff, egress: generator.word())
    return written(TunnelKeys.byteCount) { keys.write(to: &$0) }
}

@Sendable func rewriteTunnelKeys(_ bytes: [UInt8]) throws(HeaderError) -> [UInt8] {
    let keys = try TunnelKeys(parsing: bytes.span)
    return written(TunnelKeys.byteCount) { keys.write(to: &$0) }
}
