import Wire

// Parsers of the headers that Heddle only writes: tests read by them what it has written.

extension EthernetHeader {
    /// The header that `bytes` start with.
    /// - Throws: `truncated`, also if a tag is cut.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.untaggedByteCount else { throw .truncated }
        let outer = try VLANTag(parsing: bytes, at: 12)
        let inner = outer == nil ? nil : try VLANTag(parsing: bytes, at: 12 + VLANTag.byteCount)
        let typeOffset = 12 + (outer == nil ? 0 : VLANTag.byteCount) + (inner == nil ? 0 : VLANTag.byteCount)
        self.init(
            destination: bytes.macAddress(at: 0),
            source: bytes.macAddress(at: 6),
            outerTag: outer,
            innerTag: inner,
            etherType: bytes.integer16(at: typeOffset)
        )
    }
}

extension VLANTag {
    /// The tag at `offset`, or `nil` if the EtherType there is none of a tag.
    fileprivate init?(parsing bytes: Span<UInt8>, at offset: Int) throws(HeaderError) {
        let type = bytes.integer16(at: offset)
        guard type == EtherType.customerTag || type == EtherType.serviceTag else { return nil }
        guard bytes.count >= offset + Self.byteCount + 2 else { throw .truncated }
        self.init(
            isService: type == EtherType.serviceTag,
            controlInformation: bytes.integer16(at: offset + 2)
        )
    }
}

extension ARPPacket {
    /// The packet that `bytes` start with.
    /// - Throws: `truncated`; `unsupportedType` for other hardware or protocols than Ethernet and IPv4.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.byteCount else { throw .truncated }
        guard bytes.integer32(at: 0) == 0x0001_0800, bytes.integer16(at: 4) == 0x0604 else { throw .unsupportedType }
        self.init(
            operation: bytes.integer16(at: 6),
            senderMAC: bytes.macAddress(at: 8),
            senderIP: IPv4Address(bytes.integer32(at: 14)),
            targetMAC: bytes.macAddress(at: 18),
            targetIP: IPv4Address(bytes.integer32(at: 24))
        )
    }
}

extension IPv4Header {
    /// The header that `bytes` start with. The checksum is taken as it is; `hasValidChecksum(in:)` judges it.
    /// - Throws: `truncated`; `unsupportedVersion`; `badLength` if the header's length or the total length is
    ///   below the header's size.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.minimumByteCount else { throw .truncated }
        guard bytes[0] >> 4 == 4 else { throw .unsupportedVersion }
        let headerByteCount = Int(bytes[0] & 15) * 4
        guard headerByteCount >= Self.minimumByteCount else { throw .badLength }
        guard bytes.count >= headerByteCount else { throw .truncated }
        let fragment = bytes.integer16(at: 6)
        self.init(
            typeOfService: bytes[1],
            totalByteCount: bytes.integer16(at: 2),
            identification: bytes.integer16(at: 4),
            doesNotFragment: fragment & 0x4000 != 0,
            timeToLive: bytes[8],
            protocolNumber: bytes[9],
            source: IPv4Address(bytes.integer32(at: 12)),
            destination: IPv4Address(bytes.integer32(at: 16))
        )
        guard Int(totalByteCount) >= headerByteCount else { throw .badLength }
        hasMoreFragments = fragment & 0x2000 != 0
        fragmentOffset = fragment & 0x1fff
        checksum = bytes.integer16(at: 10)
        optionByteCount = headerByteCount - Self.minimumByteCount
    }

    /// True if the checksum of the header that `bytes` start with, options included, is right.
    public func hasValidChecksum(in bytes: Span<UInt8>) -> Bool {
        guard bytes.count >= byteCount else { return false }
        var sum = InternetChecksum()
        sum.add(bytes.extracting(first: byteCount))
        return sum.value == 0
    }
}

extension IPv6Header {
    /// The header that `bytes` start with.
    /// - Throws: `truncated`; `unsupportedVersion`.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.byteCount else { throw .truncated }
        guard bytes[0] >> 4 == 6 else { throw .unsupportedVersion }
        let first = bytes.integer32(at: 0)
        self.init(
            trafficClass: UInt8(truncatingIfNeeded: first >> 20),
            flowLabel: first & 0xf_ffff,
            payloadByteCount: bytes.integer16(at: 4),
            nextHeader: bytes[6],
            hopLimit: bytes[7],
            source: bytes.ipv6Address(at: 8),
            destination: bytes.ipv6Address(at: 24)
        )
    }
}

extension TCPHeader {
    /// The header that `bytes` start with.
    /// - Throws: `truncated`; `badLength` if the data offset is below the header's own size.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.minimumByteCount else { throw .truncated }
        let headerByteCount = Int(bytes[12] >> 4) * 4
        guard headerByteCount >= Self.minimumByteCount else { throw .badLength }
        guard bytes.count >= headerByteCount else { throw .truncated }
        self.init(
            sourcePort: bytes.integer16(at: 0),
            destinationPort: bytes.integer16(at: 2),
            sequenceNumber: bytes.integer32(at: 4),
            acknowledgmentNumber: bytes.integer32(at: 8),
            flags: bytes[13],
            window: bytes.integer16(at: 14)
        )
        checksum = bytes.integer16(at: 16)
        urgentPointer = bytes.integer16(at: 18)
        optionByteCount = headerByteCount - Self.minimumByteCount
    }
}

extension UDPHeader {
    /// The header that `bytes` start with.
    /// - Throws: `truncated`; `badLength` if the length is below 8.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.byteCount else { throw .truncated }
        guard bytes.integer16(at: 4) >= Self.byteCount else { throw .badLength }
        self.init(
            sourcePort: bytes.integer16(at: 0),
            destinationPort: bytes.integer16(at: 2),
            totalByteCount: bytes.integer16(at: 4),
            checksum: bytes.integer16(at: 6)
        )
    }
}

extension ICMPv4Header {
    /// The header that `bytes` start with.
    /// - Throws: `truncated`.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.byteCount else { throw .truncated }
        self.init(type: bytes[0], code: bytes[1], checksum: bytes.integer16(at: 2), rest: bytes.integer32(at: 4))
    }
}

extension ICMPv6Header {
    /// The header that `bytes` start with.
    /// - Throws: `truncated`.
    public init(parsing bytes: Span<UInt8>) throws(HeaderError) {
        guard bytes.count >= Self.byteCount else { throw .truncated }
        self.init(type: bytes[0], code: bytes[1], checksum: bytes.integer16(at: 2), rest: bytes.integer32(at: 4))
    }
}
