import Wire

/// Frames for tests, put together with `Wire`'s codecs.
enum FrameBuilder {
    static func ethernet(
        _ source: MACAddress,
        _ destination: MACAddress,
        _ etherType: UInt16,
        tags: [VLANTag] = [],
        payload: [UInt8]
    ) -> [UInt8] {
        let header = EthernetHeader(
            destination: destination,
            source: source,
            outerTag: tags.first,
            innerTag: tags.count > 1 ? tags[1] : nil,
            etherType: etherType
        )
        return written(header.byteCount) { header.write(to: &$0) } + payload
    }

    static func arp(_ packet: ARPPacket) -> [UInt8] {
        written(ARPPacket.byteCount) { packet.write(to: &$0) }
    }

    static func ipv4(
        _ source: IPv4Address,
        _ destination: IPv4Address,
        protocolNumber: UInt8 = IPProtocol.udp,
        doesNotFragment: Bool = false,
        payload: [UInt8]
    ) -> [UInt8] {
        let header = IPv4Header(
            totalByteCount: UInt16(20 + payload.count),
            doesNotFragment: doesNotFragment,
            protocolNumber: protocolNumber,
            source: source,
            destination: destination
        )
        return written(header.byteCount) { header.write(to: &$0) } + payload
    }

    static func ipv6(
        _ source: IPv6Address,
        _ destination: IPv6Address,
        nextHeader: UInt8 = IPProtocol.udp,
        hopLimit: UInt8 = 255,
        payload: [UInt8]
    ) -> [UInt8] {
        let header = IPv6Header(
            payloadByteCount: UInt16(payload.count),
            nextHeader: nextHeader,
            hopLimit: hopLimit,
            source: source,
            destination: destination
        )
        return written(IPv6Header.byteCount) { header.write(to: &$0) } + payload
    }

    static func udp(_ source: UInt16, _ destination: UInt16, count: Int = 0) -> [UInt8] {
        let header = UDPHeader(sourcePort: source, destinationPort: destination, totalByteCount: UInt16(8 + count))
        return written(UDPHeader.byteCount) { header.write(to: &$0) } + [UInt8](repeating: 0x5a, count: count)
    }

    static func udp(_ source: UInt16, _ destination: UInt16, payload: [UInt8]) -> [UInt8] {
        let count = UInt16(8 + payload.count)
        let header = UDPHeader(sourcePort: source, destinationPort: destination, totalByteCount: count)
        return written(UDPHeader.byteCount) { header.write(to: &$0) } + payload
    }

    static func neighbor(_ message: NeighborMessage) -> [UInt8] {
        written(message.byteCount) { message.write(to: &$0) }
    }

    /// Geneve with OVN's option in front of a frame.
    static func geneve(vni: UInt32, ingress: UInt16, egress: UInt16, frame: [UInt8]) -> [UInt8] {
        let header = GeneveHeader(optionByteCount: 8, hasCriticalOptions: true, vni: vni)
        let keys = TunnelKeys(ingress: ingress, egress: egress)
        return written(8) { header.write(to: &$0) } + written(8) { keys.write(to: &$0) } + frame
    }

    static func written(_ count: Int, _ write: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        write(&span)
        return bytes
    }
}
