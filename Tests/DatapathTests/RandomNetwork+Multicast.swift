import Southbound
import TestSupport
import Wire

// Random members of multicast groups, frames for them, and messages of IGMP and MLD.

extension RandomNetwork {
    private static let groups: [IPAddress] = [
        .v4(IPv4Address(0xef01_0101)), .v4(IPv4Address(0xef01_0102)), .v4(IPv4Address(0xef01_0103)),
        .v6(IPv6Address(high: 0xff05 << 48, low: 2)), .v6(IPv6Address(high: 0xff05 << 48, low: 0x103)),
        .v6(IPv6Address(high: 0xff02 << 48, low: 0xfb)),
    ]

    mutating func snooping() -> MulticastSnooping? {
        guard chance(45) else { return nil }
        var snooping = MulticastSnooping()
        snooping.floodsUnregistered = chance(30)
        guard chance(40) else { return snooping }
        snooping.querier = MulticastSnooping.Querier(mac: mac(70), ipv4: chance(70) ? ipv4(70) : nil)
        return snooping
    }

    /// The members on the switches of an input.
    mutating func members(in input: TableInput) -> [MembershipChange] {
        var changes: [MembershipChange] = []
        for datapath in input.datapaths where datapath.snooping != nil && chance(80) {
            let ports = input.ports.map(\.id)
            var groups: [IPAddress: [ObjectID]] = [:]
            for group in Self.groups where chance(60) { groups[group] = ports.filter { _ in chance(30) } }
            changes.append(
                MembershipChange(
                    datapath: datapath.id,
                    groups: groups.filter { !$0.value.isEmpty },
                    routers: ports.filter { _ in chance(8) },
                    isListening: chance(20)
                )
            )
        }
        return changes
    }

    mutating func multicastFrame(from number: Int) -> [UInt8] {
        let isIPv6 = chance(50)
        let payload = isIPv6 ? ipv6Group(from: number) : ipv4Group(from: number)
        var bytes = FrameBuilder.ethernet(
            mac(number),
            MACAddress(truncating: isIPv6 ? 0x3333_0000_0103 : 0x0100_5e01_0101),
            isIPv6 ? EtherType.ipv6 : EtherType.ipv4,
            payload: payload
        )
        if chance(8) { bytes[Int.random(in: 12..<bytes.count, using: &generator)] &+= 1 }
        if chance(4) { bytes.removeLast(Int.random(in: 1...8, using: &generator)) }
        return bytes
    }

    private mutating func records(_ addressByteCount: Int) -> [UInt8] {
        let count = Int.random(in: 0...3, using: &generator)
        let records = (0..<count).flatMap { _ in
            let sources = Int.random(in: 0...2, using: &generator)
            let data = chance(80) ? 0 : 1
            return [UInt8.random(in: 1...6, using: &generator), UInt8(data), 0, UInt8(sources)]
                + [UInt8](repeating: 0xef, count: addressByteCount * (1 + sources) + 4 * data)
        }
        return [0, 0, 0, UInt8(chance(92) ? count : count + 1)] + records
    }

    private mutating func ipv4Group(from number: Int) -> [UInt8] {
        let groups: [UInt32] = [0xef01_0101, 0xef01_0102, 0xef01_0103, 0xe000_0005, 0xef01_0109, 0x0a00_0001]
        let group = IPv4Address(groups.randomElement(using: &generator) ?? 0)
        guard chance(45) else {
            return FrameBuilder.ipv4(ipv4(number), group, payload: FrameBuilder.udp(1000, 2000, count: 4))
        }
        let type: UInt8 = [0x11, 0x12, 0x16, 0x17, 0x22, 0x22, 0x14].randomElement(using: &generator) ?? 0x16
        var octets: [UInt8] = [type, 0, 0, 0] + (type == 0x22 ? records(4) : [239, 1, 1, 1])
        OracleChecksum.put(OracleChecksum.of(octets), into: &octets)
        return FrameBuilder.ipv4(ipv4(number), group, protocolNumber: IPProtocol.igmp, payload: octets)
    }

    private mutating func ipv6Group(from number: Int) -> [UInt8] {
        let groups: [IPv6Address] = [
            IPv6Address(high: 0xff05 << 48, low: 2), IPv6Address(high: 0xff05 << 48, low: 0x103),
            IPv6Address(high: 0xff02 << 48, low: 0xfb), IPv6Address(high: 0xff02 << 48, low: 1),
            IPv6Address(high: 0xff02 << 48, low: 0x16), IPv6Address(high: 0xff03 << 48, low: 0),
            IPv6Address(high: 0xff02 << 48, low: 0x1_ff00_0001), IPv6Address(high: 0xff02 << 48, low: 0x2_ff00_0001),
        ]
        let group = groups.randomElement(using: &generator) ?? .any
        let source = mac(number).linkLocalAddress
        guard chance(45) else {
            return FrameBuilder.ipv6(source, group, hopLimit: 1, payload: FrameBuilder.udp(1000, 2000, count: 4))
        }
        let type: UInt8 = [130, 131, 132, 143, 143].randomElement(using: &generator) ?? 143
        var octets: [UInt8] = [type, 0, 0, 0]
        octets += type == 143 ? records(16) : [0, 0, 0, 0] + [UInt8](repeating: 0xff, count: 16)
        OracleChecksum.seal(&octets, from: source, to: group)
        let alert: [UInt8] = [58, 0, 5, 2, 0, 0, 1, 0]
        return FrameBuilder.ipv6(
            source,
            group,
            nextHeader: chance(80) ? IPProtocol.hopByHop : IPProtocol.icmpv6,
            hopLimit: chance(90) ? 1 : 64,
            payload: alert + octets
        )
    }
}
