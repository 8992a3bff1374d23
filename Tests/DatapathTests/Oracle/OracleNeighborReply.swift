import Southbound
import Wire

@testable import Datapath

extension NeighborReply: OracleStage {
    static func decide(_ context: OracleContext) -> OracleStep {
        reply(to: context.frame, from: context.port, context).map { .answer($0) } ?? .next
    }

    private static func reply(to frame: OracleFrame, from port: PortBinding, _ context: OracleContext) -> [UInt8]? {
        let datapath = context.datapath
        if datapath.vlanPassthru { return nil }
        let owners = context.records.input.ports.filter {
            $0.datapath == datapath.id && $0.answersNeighbors && !$0.hasUnknown
        }
        .sorted { $0.tunnelKey < $1.tunnelKey }
        func owner(of ip: IPAddress) -> (port: PortBinding, mac: MACAddress)? {
            for owner in owners {
                guard let address = owner.addresses.first(where: { $0.ips.contains(ip) }) else { continue }
                let isMine = context.records.isHereAndPlugged(owner) && !context.records.isStandbyHere(owner)
                let isItself = context.records.slot(of: owner) == context.records.slot(of: port)
                return !port.isLocalnet || isMine && !isItself ? (owner, address.mac) : nil
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

    private static func advertisement(
        of address: IPv6Address,
        at mac: MACAddress,
        to frame: OracleFrame,
        _ header: IPv6Header
    ) -> [UInt8] {
        let isProbe = header.source == .any
        var message: [UInt8] =
            [136, 0, 0, 0, isProbe ? 0x20 : 0x60, 0, 0, 0] + OracleChecksum.octets(of: address) + [2, 1] + mac.octets
        let destination = isProbe ? IPv6Address(high: 0xff02 << 48, low: 1) : header.source
        OracleChecksum.seal(&message, from: address, to: destination)
        return FrameBuilder.ethernet(
            mac,
            isProbe ? MACAddress(truncating: 0x3333_0000_0001) : frame.source,
            0x86dd,
            payload: FrameBuilder.ipv6(address, destination, nextHeader: 58, payload: message)
        )
    }
}

/// The options of a neighbor message; `nil` if they contradict themselves, which OVN would not notice: what one
/// reader takes, another may not.
struct OracleNeighborOptions {
    var address: IPv6Address
    var source: MACAddress?
    var target: MACAddress?

    init?(_ message: [UInt8]) {
        guard message.count >= 24 else { return nil }
        let halves = [message[8..<16], message[16..<24]].map { $0.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }
        address = IPv6Address(high: halves[0], low: halves[1])
        var rest = message[24...]
        while !rest.isEmpty {
            let option = Array(rest)
            guard option.count >= 8, option[1] > 0, option.count >= Int(option[1]) * 8 else { return nil }
            if option[0] == 1 || option[0] == 2 {
                guard option[1] == 1, (option[0] == 1 ? source : target) == nil else { return nil }
                let mac = MACAddress(truncating: option[2..<8].reduce(0) { $0 << 8 | UInt64($1) })
                if option[0] == 1 { source = mac } else { target = mac }
            }
            rest = rest.dropFirst(Int(option[1]) * 8)
        }
    }
}
