import Southbound
import Wire

@testable import Datapath

/// RFC 4861 sections 6.1.1 and 6.2.6, for a router that the switch names.
extension RouterReply: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        let frame = context.frame
        guard let router = context.datapath.routerAdvertisement, !context.arrived.isInVLAN,
            !context.port.isLocalnet,
            frame.isND(133), let header = frame.ipv6,
            header.destination == IPv6Address(high: 0xff02 << 48, low: 2), frame.destination.isMulticast,
            !frame.isIPv6Fragment, !header.source.isMulticast, let message = frame.icmpv6, message.count >= 8
        else { return .next }
        var rest = Array(message[8...])
        var hasMAC = false
        while !rest.isEmpty {
            guard rest.count >= 8, rest[1] > 0, rest.count >= Int(rest[1]) * 8 else { return .next }
            if rest[0] == 1 {
                if rest[1] != 1 || hasMAC { return .next }
                hasMAC = true
            }
            rest.removeFirst(Int(rest[1]) * 8)
        }
        let isToAll = header.source == .any
        if isToAll, hasMAC { return .next }
        let destination = isToAll ? IPv6Address(high: 0xff02 << 48, low: 1) : header.source
        var answer = advertisement(router, mtu: router.mtu ?? UInt32(context.records.input.innerMTU))
        OracleChecksum.seal(&answer, from: router.linkLocal, to: destination)
        return .answer(
            FrameBuilder.ethernet(
                router.mac,
                isToAll ? MACAddress(truncating: 0x3333_0000_0001) : frame.source,
                0x86dd,
                payload: FrameBuilder.ipv6(router.linkLocal, destination, nextHeader: 58, payload: answer)
            )
        )
    }

    private static func advertisement(_ router: RouterAdvertisement, mtu: UInt32) -> [UInt8] {
        let modes: [RouterAdvertisement.AddressMode: UInt8] = [
            .slaac: 0, .dhcpv6Stateful: 0x80, .dhcpv6Stateless: 0x40,
        ]
        let preferences: [RouterAdvertisement.Preference: UInt8] = [.low: 0x18, .medium: 0, .high: 0x08]
        var octets: [UInt8] = [134, 0, 0, 0, 255]
        let preference = router.routerLifetime == 0 ? 0 : preferences[router.preference] ?? 0
        octets += [(modes[router.addressMode] ?? 0) | preference]
        octets += OracleDatagram.octets(router.routerLifetime) + [UInt8](repeating: 0, count: 8)
        octets += [1, 1] + router.mac.octets + [5, 1, 0, 0] + OracleDatagram.octets(mtu)
        for prefix in router.prefixes {
            guard case .v6(let address) = prefix.address else { continue }
            octets += [3, 4, UInt8(prefix.length), router.addressMode == .dhcpv6Stateful ? 0x80 : 0xc0]
            octets += OracleDatagram.octets(router.validLifetime)
            octets += OracleDatagram.octets(min(router.validLifetime, router.preferredLifetime)) + [0, 0, 0, 0]
            octets += OracleChecksum.octets(of: address)
        }
        if !router.dnsServers.isEmpty {
            octets += [25, UInt8(1 + 2 * router.dnsServers.count), 0, 0]
            octets += [255, 255, 255, 255]
            octets += router.dnsServers.flatMap(OracleChecksum.octets)
        }
        if !router.dnsSearchList.isEmpty {
            var names = router.dnsSearchList.flatMap { OracleNames.octets(of: $0) }
            while names.count % 8 != 0 { names.append(0) }
            octets += [31, UInt8(1 + names.count / 8), 0, 0, 255, 255, 255, 255]
            octets += names
        }
        return octets
    }
}
