import Datapath
import Southbound
import Wire

extension OraclePipeline {
    /// Table `ls_in_arp_rsp`.
    func neighborReply(to frame: OracleFrame, from port: PortBinding, in datapath: DatapathBinding) -> [UInt8]? {
        if datapath.vlanPassthru { return nil }
        let owners = input.ports.filter { $0.datapath == datapath.id && $0.answersNeighbors && !$0.hasUnknown }
            .sorted { $0.tunnelKey < $1.tunnelKey }
        func owner(of ip: IPAddress) -> (port: PortBinding, mac: MACAddress)? {
            for owner in owners {
                for address in owner.addresses where address.ips.contains(ip) { return (owner, address.mac) }
            }
            return nil
        }
        if let arp = frame.arp, arp.operation == 1, frame.destination == .broadcast {
            guard let found = owner(of: .v4(arp.targetIP)), found.port.id != port.id else { return nil }
            let answer = ARPPacket(
                operation: 2,
                senderMAC: found.mac,
                senderIP: arp.targetIP,
                targetMAC: arp.senderMAC,
                targetIP: arp.senderIP
            )
            return FrameBuilder.ethernet(found.mac, frame.source, 0x0806, payload: FrameBuilder.arp(answer))
        }
        guard frame.isND(135), let icmp = frame.icmpv6, let header = frame.ipv6,
            frame.destination.octets.prefix(2) == [0x33, 0x33], header.destination.isMulticast,
            let asked = OracleNeighborOptions(icmp)?.address, header.destination == asked.solicitedNodeAddress,
            let found = owner(of: .v6(asked)), found.port.id != port.id
        else { return nil }
        return advertisement(of: asked, at: found.mac, to: frame, header)
    }

    private func advertisement(
        of address: IPv6Address,
        at mac: MACAddress,
        to frame: OracleFrame,
        _ header: IPv6Header
    ) -> [UInt8] {
        let isProbe = header.source == .any
        var message: [UInt8] =
            [136, 0, 0, 0, isProbe ? 0x20 : 0x60, 0, 0, 0] + octets(of: address) + [2, 1] + mac.octets
        let destination = isProbe ? IPv6Address(high: 0xff02 << 48, low: 1) : header.source
        seal(&message, from: address, to: destination)
        return FrameBuilder.ethernet(
            mac,
            isProbe ? MACAddress(truncating: 0x3333_0000_0001) : frame.source,
            0x86dd,
            payload: FrameBuilder.ipv6(address, destination, nextHeader: 58, payload: message)
        )
    }

    /// RFC 791 section 2.3 and RFC 8200 section 5.
    func mayBeFragmented(_ frame: OracleFrame) -> Bool {
        let mtu = input.innerMTU - (frame.start - 14)
        if let header = frame.ipv4 { return !header.doesNotFragment && header.totalByteCount > header.byteCount }
        guard let header = frame.ipv6, mtu < 1280, header.payloadByteCount + 40 <= 1280 else { return false }
        // Directly behind the header: a transport or a fragment header.
        let next = frame.bytes[frame.start + 6]
        let isFragment = next == 44
        guard isFragment || ![0, 43, 51, 60].contains(next) else { return false }
        return header.payloadByteCount > (isFragment ? 8 : 0)
    }

    /// RFC 1191 and RFC 8201, with the offending packet's addresses swapped.
    func tooBigReply(to frame: OracleFrame) -> [UInt8]? {
        let tags = Array(frame.bytes[12..<frame.start])
        let start = Array(frame.bytes[6..<12] + frame.bytes[0..<6]) + tags
        let mtu = input.innerMTU - (tags.count - 2)
        if let header = frame.ipv4 {
            guard header.doesNotFragment, !header.isFragment, mtu >= 576 else { return nil }
            // The reserved bit of the flags must be zero as well: "frag_off exactly DF".
            guard frame.bytes[frame.start + 6] & 0x80 == 0 else { return nil }
            for address in [header.source.rawValue >> 24, header.destination.rawValue >> 24] where address >= 224 {
                return nil
            }
            guard header.source != .any else { return nil }
            if header.protocolNumber == 1 {
                guard let type = frame.transport?.first, ![3, 4, 5, 11, 12].contains(type) else { return nil }
            }
            let packet = frame.bytes[frame.start..<frame.start + Int(header.totalByteCount)]
            var message: [UInt8] = [3, 4, 0, 0, 0, 0, UInt8(mtu >> 8), UInt8(mtu & 255)] + packet.prefix(548)
            put(checksum(of: message), into: &message)
            let ip = FrameBuilder.ipv4(header.destination, header.source, protocolNumber: 1, payload: message)
            return start + ip
        }
        let ipv6MTU = max(mtu, 1280)
        guard let header = frame.ipv6, let transport = frame.transport else { return nil }
        if header.source == .any || header.source.isMulticast || header.destination.isMulticast { return nil }
        if frame.protocolNumber == 58 {
            guard let type = transport.first, type >= 128 else { return nil }
        }
        let packet = frame.bytes[frame.start..<frame.start + 40 + Int(header.payloadByteCount)]
        var message: [UInt8] = [2, 0, 0, 0, 0, 0, UInt8(ipv6MTU >> 8), UInt8(ipv6MTU & 255)] + packet.prefix(1232)
        seal(&message, from: header.destination, to: header.source)
        return start
            + FrameBuilder.ipv6(header.destination, header.source, nextHeader: 58, hopLimit: 64, payload: message)
    }

    private func octets(of address: IPv6Address) -> [UInt8] {
        address.groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    }

    /// Puts the ICMPv6 checksum in, which covers the addresses, the length and the protocol.
    private func seal(_ message: inout [UInt8], from source: IPv6Address, to destination: IPv6Address) {
        let length: [UInt8] = [0, 0, UInt8(message.count >> 8), UInt8(message.count & 255)]
        put(
            checksum(of: octets(of: source) + octets(of: destination) + length + [0, 0, 0, 58] + message),
            into: &message
        )
    }

    private func put(_ checksum: UInt16, into message: inout [UInt8]) {
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 255)
    }

    private func checksum(of octets: [UInt8]) -> UInt16 {
        var sum = 0
        for (index, octet) in octets.enumerated() { sum += Int(octet) << (index % 2 == 0 ? 8 : 0) }
        while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
        return ~UInt16(sum)
    }
}
