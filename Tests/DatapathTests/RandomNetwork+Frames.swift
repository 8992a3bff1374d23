import TestSupport
import Wire

extension RandomNetwork {
    /// A frame that looks as if the host with this number had sent it, more or less.
    mutating func frame(from number: Int) -> [UInt8] {
        if chance(15) { return multicastFrame(from: number) }
        if chance(30) { return disguised(serviceFrame(from: number)) }
        let peer = chance(90) ? Int.random(in: 1...8, using: &generator) : 28
        let source =
            chance(8)
            ? virtualMAC(number, chance(50) ? 1 : 2)
            : chance(92) ? mac(number) : [mac(peer), .broadcast, mac(number + 20)].randomElement(using: &generator)
        let destination = self.destination(peer)
        let (type, payload) = packet(from: number, to: peer)
        var bytes = FrameBuilder.ethernet(
            source ?? mac(number),
            destination,
            type,
            tags: chance(94) ? [] : tags(),
            payload: payload
        )
        if chance(12), !bytes.isEmpty {
            bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8(truncatingIfNeeded: generator.next())
        }
        if chance(6) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator)) }
        if chance(5) { bytes += [0, 0, 0, 0, 0, 0] }
        return bytes
    }

    private mutating func destination(_ peer: Int) -> MACAddress {
        switch Int.random(in: 0..<10, using: &generator) {
        case 0...4: chance(10) ? virtualMAC(peer, chance(50) ? 1 : 2) : mac(peer)
        case 5, 6: .broadcast
        case 7: MACAddress(truncating: 0x3333_ff00_0000 + UInt64(peer))
        case 8: MACAddress(truncating: 0x0100_5e00_0001)
        default: mac(99)
        }
    }

    private mutating func tags() -> [VLANTag] {
        (0..<Int.random(in: 1...2, using: &generator)).map { _ in
            VLANTag(
                isService: chance(30),
                controlInformation: UInt16(truncatingIfNeeded: generator.next()) & (chance(40) ? 0xf000 : 0xffff)
            )
        }
    }

    /// The frame, now and then with tags or in LLC and SNAP.
    private mutating func disguised(_ frame: [UInt8]) -> [UInt8] {
        guard chance(12), frame.count >= 14 else { return frame }
        let tag: [UInt8] = [0x81, 0, 0, chance(50) ? 0 : 7]
        let snap: [UInt8] = [UInt8(frame.count >> 8), UInt8(truncatingIfNeeded: frame.count), 0xaa, 0xaa, 3, 0, 0]
        let middle =
            chance(30)
            ? snap + [[0, 0xf8, 1].randomElement(using: &generator) ?? 0]
            : (0..<Int.random(in: 1...3, using: &generator)).flatMap { _ in tag }
        return Array(frame[0..<12]) + middle + Array(frame[12...])
    }

    private mutating func packet(from number: Int, to peer: Int) -> (UInt16, [UInt8]) {
        switch Int.random(in: 0..<12, using: &generator) {
        case 0, 1: (EtherType.arp, arpPayload(from: number, to: peer))
        case 2, 3: (EtherType.ipv6, neighborPayload(from: number, to: peer))
        case 4: (EtherType.ipv6, icmpv6Payload(from: number))
        case 5, 6: (EtherType.ipv6, ipv6Payload(from: number, to: peer))
        case 7: (EtherType.rarp, rarpPayload(from: number))
        case 8: (EtherType.ipv4, dhcpPayload(from: number))
        case 9: (UInt16(truncatingIfNeeded: generator.next()), [1, 2, 3, 4])
        default: (EtherType.ipv4, ipv4Payload(from: number, to: peer))
        }
    }

    private mutating func arpPayload(from number: Int, to peer: Int) -> [UInt8] {
        FrameBuilder.arp(
            ARPPacket(
                operation: chance(75) ? 1 : 2,
                senderMAC: chance(12) ? virtualMAC(number, 1) : chance(90) ? mac(number) : mac(peer),
                senderIP: chance(85) ? ipv4(number) : chance(50) ? .any : ipv4(77),
                targetMAC: mac(0),
                targetIP: chance(85) ? ipv4(peer) : ipv4(number)
            )
        )
    }

    private mutating func rarpPayload(from number: Int) -> [UInt8] {
        FrameBuilder.arp(
            ARPPacket(
                operation: chance(80) ? 3 : 1,
                senderMAC: mac(number),
                senderIP: .any,
                targetMAC: chance(80) ? mac(number) : mac(0),
                targetIP: .any
            )
        )
    }

    private mutating func sourceIPv6(_ number: Int) -> IPv6Address {
        switch Int.random(in: 0..<11, using: &generator) {
        case 10: virtualMAC(number, 2).linkLocalAddress
        case 0, 1: .any
        case 2, 3: mac(number).linkLocalAddress
        case 4: ipv6(number + 300)
        default: ipv6(number)
        }
    }

    private mutating func neighborPayload(from number: Int, to peer: Int) -> [UInt8] {
        let isAsking = chance(65)
        let target = chance(85) ? ipv6(isAsking ? peer : number) : mac(chance(50) ? peer : number).linkLocalAddress
        var message = NeighborMessage(kind: isAsking ? .solicitation : .advertisement, target: target)
        let option = chance(12) ? virtualMAC(number, 2) : chance(85) ? mac(number) : mac(chance(50) ? peer : 0)
        if isAsking, chance(70) { message.sourceMAC = option }
        if !isAsking, chance(70) { message.targetMAC = option }
        if chance(5) { message.code = 1 }
        var octets = FrameBuilder.neighbor(message)
        if chance(8) { octets += octets.suffix(8) }
        if chance(8) { octets += [14, 1, 0, 0, 0, 0, 0, 0] }
        let destination =
            chance(70) ? target.solicitedNodeAddress : chance(50) ? IPv6Address(high: 0xff02 << 48, low: 1) : target
        let source = sourceIPv6(number)
        return FrameBuilder.ipv6(
            source,
            destination,
            nextHeader: 58,
            hopLimit: chance(94) ? 255 : 64,
            payload: octets
        )
    }

    private mutating func icmpv6Payload(from number: Int) -> [UInt8] {
        let type: UInt8 = [128, 130, 131, 133, 134, 137, 143, 1, 2].randomElement(using: &generator) ?? 128
        let octets: [UInt8] = [type, UInt8(chance(90) ? 0 : 1), 0, 0, 0, 0, 0, 0]
        let destination = IPv6Address(high: 0xff02 << 48, low: chance(50) ? 2 : 0x16)
        return FrameBuilder.ipv6(
            sourceIPv6(number),
            chance(80) ? destination : ipv6(3),
            nextHeader: 58,
            hopLimit: chance(85) ? 255 : 1,
            payload: octets + padding()
        )
    }

    private mutating func ipv6Payload(from number: Int, to peer: Int) -> [UInt8] {
        var next: UInt8 = chance(30) ? 58 : 17
        var octets: [UInt8] = next == 58 ? [128, 0, 0, 0, 0, 1, 0, 1] : FrameBuilder.udp(1000, 2000)
        octets += padding()
        for _ in 0..<(chance(70) ? 0 : Int.random(in: 1...10, using: &generator)) {
            let kind: UInt8 = [0, 43, 44, 51, 60].randomElement(using: &generator) ?? 0
            octets =
                [next, kind == 51 ? 4 : chance(90) ? 0 : 1, 0, chance(80) ? 0 : 9, 0, 0, 0, 0]
                + (kind == 51 ? [UInt8](repeating: 0, count: 16) : []) + octets
            next = kind
        }
        let destination = chance(85) ? ipv6(peer) : chance(50) ? IPv6Address(high: 0xff05 << 48, low: 2) : ipv6(90)
        return FrameBuilder.ipv6(
            sourceIPv6(number),
            destination,
            nextHeader: next,
            hopLimit: 64,
            payload: octets
        )
    }

    private mutating func dhcpPayload(from number: Int) -> [UInt8] {
        FrameBuilder.ipv4(
            chance(80) ? .any : ipv4(number),
            chance(85) ? .broadcast : ipv4(1),
            payload: FrameBuilder.udp(chance(90) ? 68 : 67, chance(90) ? 67 : 68)
        )
    }

    private mutating func ipv4Payload(from number: Int, to peer: Int) -> [UInt8] {
        let destination = [ipv4(peer), ipv4(peer), ipv4(255), ipv4(15), .broadcast, IPv4Address(0xe000_0001)]
            .randomElement(using: &generator)
        let isICMP = chance(30)
        let type: UInt8 = chance(60) ? 8 : 3
        let octets: [UInt8] = (isICMP ? [type, 0, 0, 0, 0, 1, 0, 1] : FrameBuilder.udp(1000, 2000)) + padding()
        return FrameBuilder.ipv4(
            chance(85) ? ipv4(number) : ipv4(number + 100),
            destination ?? ipv4(peer),
            protocolNumber: isICMP ? 1 : 17,
            doesNotFragment: chance(60),
            payload: octets
        )
    }

    /// Some packets are longer than the MTU.
    private mutating func padding() -> [UInt8] {
        let count =
            chance(75) ? Int.random(in: 0...20, using: &generator) : [560, 1414, 1500].randomElement(using: &generator)
        return [UInt8](repeating: 0x5a, count: count ?? 0)
    }
}
