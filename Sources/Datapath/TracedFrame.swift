import Wire

/// A frame described by its fields, for `Tables.trace`.
public struct TracedFrame: Equatable, Sendable {
    /// The sender's MAC address.
    public var source: MACAddress
    /// The MAC address that the frame goes to.
    public var destination: MACAddress
    /// The VLAN of a tag (IEEE 802.1Q), 0 ... 4095; `nil` for a frame without one.
    public var vlan: UInt16?
    public var payload: Payload

    public enum Payload: Equatable, Sendable {
        /// Nothing, after this EtherType.
        case none(etherType: UInt16)
        /// An ARP request or neighbor solicitation for the address `target`; both addresses are of one family.
        case neighborRequest(target: IPAddress, from: IPAddress)
        /// An IP packet; both addresses are of one family.
        case ip(source: IPAddress, destination: IPAddress, Transport)
    }

    /// The payload of an IP packet.
    public enum Transport: Equatable, Sendable {
        /// Nothing, after this protocol number (IANA, protocol-numbers).
        case none(protocolNumber: UInt8)
        /// An ICMP message of the packet's family.
        case icmp(type: UInt8, code: UInt8)
        case tcp(source: UInt16, destination: UInt16)
        case udp(source: UInt16, destination: UInt16)
    }

    public init(source: MACAddress, destination: MACAddress, payload: Payload) {
        self.source = source
        self.destination = destination
        self.payload = payload
    }

    /// The frame, from the destination MAC on; `nil` if its addresses are not of one family. Checksums of transport
    /// protocols are left out, as no decision reads them.
    public var bytes: [UInt8]? {
        guard let (etherType, content) = packet else { return nil }
        let header = EthernetHeader(
            destination: destination,
            source: source,
            outerTag: vlan.map { VLANTag(controlInformation: $0 & 0x0fff) },
            etherType: etherType
        )
        return written(header.byteCount) { header.write(to: &$0) } + content
    }

    private var packet: (etherType: UInt16, content: [UInt8])? {
        switch payload {
        case .none(let etherType): return (etherType, [])
        case .neighborRequest(.v4(let target), .v4(let sender)):
            let packet = ARPPacket(
                operation: ARPPacket.request,
                senderMAC: source,
                senderIP: sender,
                targetMAC: MACAddress(truncating: 0),
                targetIP: target
            )
            return (EtherType.arp, written(ARPPacket.byteCount) { packet.write(to: &$0) })
        case .neighborRequest(.v6(let target), .v6(let sender)):
            // A host without an address says nothing of its MAC (RFC 4861 section 4.3).
            let message = NeighborMessage(
                kind: .solicitation,
                target: target,
                sourceMAC: sender == .any ? nil : source
            )
            let content = written(message.byteCount) { message.write(to: &$0) }
            return (
                EtherType.ipv6,
                ipv6(sender, target.solicitedNodeAddress, IPProtocol.icmpv6, hopLimit: 255, content)
            )
        case .ip(.v4(let sender), .v4(let receiver), let transport):
            let (number, content) = segment(transport, icmp: IPProtocol.icmpv4)
            let header = IPv4Header(
                totalByteCount: UInt16(IPv4Header.minimumByteCount + content.count),
                protocolNumber: number,
                source: sender,
                destination: receiver
            )
            return (EtherType.ipv4, written(header.byteCount) { header.write(to: &$0) } + content)
        case .ip(.v6(let sender), .v6(let receiver), let transport):
            let (number, content) = segment(transport, icmp: IPProtocol.icmpv6)
            // Neighbor discovery is only heard with 255 (RFC 4861 section 7.1).
            let hopLimit: UInt8 = number == IPProtocol.icmpv6 ? 255 : 64
            return (EtherType.ipv6, ipv6(sender, receiver, number, hopLimit: hopLimit, content))
        case .neighborRequest, .ip: return nil
        }
    }

    private func ipv6(
        _ sender: IPv6Address,
        _ receiver: IPv6Address,
        _ nextHeader: UInt8,
        hopLimit: UInt8,
        _ content: [UInt8]
    ) -> [UInt8] {
        let header = IPv6Header(
            payloadByteCount: UInt16(content.count),
            nextHeader: nextHeader,
            hopLimit: hopLimit,
            source: sender,
            destination: receiver
        )
        return written(IPv6Header.byteCount) { header.write(to: &$0) } + content
    }

    private func segment(_ transport: Transport, icmp: UInt8) -> (protocolNumber: UInt8, content: [UInt8]) {
        switch transport {
        case .none(let number): return (number, [])
        case .icmp(let type, let code):
            let header = ICMPv4Header(type: type, code: code, rest: 0)
            return (icmp, written(ICMPv4Header.byteCount) { header.write(to: &$0) })
        case .tcp(let from, let to):
            let header = TCPHeader(
                sourcePort: from,
                destinationPort: to,
                sequenceNumber: 0,
                acknowledgmentNumber: 0,
                flags: TCPFlags.synchronize,
                window: 0
            )
            return (IPProtocol.tcp, written(TCPHeader.minimumByteCount) { header.write(to: &$0) })
        case .udp(let from, let to):
            let message = icmp == IPProtocol.icmpv4 ? dhcpv4(from, to) : dhcpv6(from, to)
            let count = UInt16(UDPHeader.byteCount + message.count)
            let header = UDPHeader(sourcePort: from, destinationPort: to, totalByteCount: count)
            return (IPProtocol.udp, written(UDPHeader.byteCount) { header.write(to: &$0) } + message)
        }
    }

    /// The message by which a client looks for servers, if the ports are those of DHCPv4: without it none would answer.
    private func dhcpv4(_ from: UInt16, _ to: UInt16) -> [UInt8] {
        guard from == DHCPv4Message.clientPort, to == DHCPv4Message.serverPort else { return [] }
        let message = DHCPv4Message(type: .discover, transaction: 0, hardwareAddress: source)
        let type: [UInt8] = [DHCPv4Message.Code.type, 1, message.type.rawValue, DHCPv4Message.Code.end]
        return written(DHCPv4Message.headerByteCount) { message.write(to: &$0) } + type
    }

    /// The same of DHCPv6: with an identifier (DUID-LL) and an association for an address.
    private func dhcpv6(_ from: UInt16, _ to: UInt16) -> [UInt8] {
        guard from == DHCPv6Message.clientPort, to == DHCPv6Message.serverPort else { return [] }
        let message = DHCPv6Message(type: .solicit, transaction: 0)
        let clientID = [0, UInt8(DHCPv6Message.Code.clientID), 0, 10, 0, 3, 0, 1] + source.octets
        let association = [0, UInt8(DHCPv6Message.Code.addresses), 0, 12] + [UInt8](repeating: 0, count: 12)
        return written(DHCPv6Message.headerByteCount) { message.write(to: &$0) } + clientID + association
    }

    private func written(_ count: Int, _ write: (inout MutableSpan<UInt8>) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        write(&span)
        return bytes
    }
}
