import Southbound
import Wire

/// Router solicitations are answered on behalf of the gateway that the switch names (OVN's `lr_in_nd_ra_options`, which
/// it has on routers only), but for those from a physical network.
enum RouterReply: Stage {
    static var name: StaticString { "lr_in_nd_ra_options" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard context.isICMPv6, context.isMulticast, !context.isFromWire,
            let router = tables.row(RouterRow.self, at: context.datapath.pointee.router),
            context.ipv6Destination == RouterRow.allRouters, !context.isInVLAN
        else { return .next }
        let frame = context.contents
        guard frame.hasICMPv6, frame.hopLimit == 255, !frame.hasIPv6Fragment,
            let message = try? RouterMessage(parsingSolicitation: frame.transportOctets.span),
            // A host without an address has no place for an answer to its MAC address (RFC 4861 section 6.1.1).
            frame.ipv6Source != .any || message.sourceMAC == nil, !frame.ipv6Source.isMulticast,
            let reply = Reply(context.reply)
        else { return .next }
        let count = write(router.pointee, tables, reply)
        let (address, mac) = (router.pointee.address, MACAddress(truncating: router.pointee.mac))
        return .answer(.router, byteCount: reply.finishDiscovery(count: count, from: address, at: mac, to: frame))
    }

    /// Writes the message without its checksum.
    /// - Returns: its octets.
    static func write(_ router: RouterRow, _ tables: Tables, _ reply: Reply) -> Int {
        let message = tables.rows(UInt8.self, router.message)
        let count = min(message.count, RouterRow.messageByteCountMaximum)
        let room = reply.octets(at: Reply.discoveryOffset, count: count)
        for index in 0..<count { room[index] = message[index] }
        // An MTU of 0 is that of the path.
        let offset = RouterRow.mtuOffset
        if count >= offset + 4, room[offset] | room[offset + 1] | room[offset + 2] | room[offset + 3] == 0 {
            let mtu = UInt32(clamping: tables.innerMTU)
            for index in 0..<4 { room[offset + index] = UInt8(truncatingIfNeeded: mtu >> (24 - 8 * UInt32(index))) }
        }
        return count
    }
}

/// The gateway of a switch.
struct RouterRow {
    var mac: UInt64
    /// Its link-local address.
    var high: UInt64
    var low: UInt64
    /// The advertisement (`UInt8`) with a checksum of 0.
    var message: Extent
    /// The bounds of the time between two advertisements that nobody asked for, in seconds; 0 if there are none.
    var minInterval: UInt32
    var maxInterval: UInt32

    var address: IPv6Address { IPv6Address(high: high, low: low) }

    /// Octets of an advertisement, at most: IPv6's minimum MTU less its header.
    static let messageByteCountMaximum = 1280 - IPv6Header.byteCount
    static let mtuOffset = RouterMessage.advertisementByteCount + 12
    /// ff02::2.
    static let allRouters = IPv6Address(high: 0xff02 << 48, low: 2)
}

extension ForwardingTables {
    /// Lays a switch's gateway.
    /// - Returns: 0 if there is none.
    func layRouter(_ record: RouterAdvertisement?) -> Reference {
        guard let record else { return 0 }
        let message = record.message.octets
        guard message.count <= RouterRow.messageByteCountMaximum else { return 0 }
        return file.append(
            RouterRow(
                mac: record.mac.rawValue,
                high: record.linkLocal.high,
                low: record.linkLocal.low,
                message: file.append(message),
                minInterval: UInt32(record.minInterval ?? 0),
                maxInterval: UInt32(record.maxInterval ?? 0)
            )
        )
    }
}

extension TableFile {
    func copyRouter(_ place: Reference, from former: TableFile) -> Reference {
        guard place != 0 else { return 0 }
        var row = former.load(RouterRow.self, at: place)
        row.message = copy(UInt8.self, row.message, from: former)
        return append(row)
    }

    /// The gateway as text.
    func routerText(_ place: Reference) -> String {
        guard place != 0 else { return "none" }
        let row = load(RouterRow.self, at: place)
        let intervals = row.maxInterval == 0 ? "" : "each \(row.minInterval) to \(row.maxInterval) s "
        let message = hexadecimal(load(UInt8.self, row.message))
        return "\(MACAddress(truncating: row.mac)) \(row.address) " + intervals + message
    }
}

extension RouterAdvertisement {
    /// The message, in the order of OVN's; its MTU is 0 for that of the path.
    fileprivate var message: RouterMessage.Advertisement {
        var message = RouterMessage.Advertisement()
        message.isManaged = addressMode == .dhcpv6Stateful
        message.hasOther = addressMode == .dhcpv6Stateless
        message.hopLimit = 255
        switch preference {
        // No default router has one (RFC 4191 section 2.2).
        case _ where routerLifetime == 0: message.preference = 0
        case .high: message.preference = 1
        case .medium: message.preference = 0
        case .low: message.preference = 3
        }
        message.lifetime = routerLifetime
        message.add(sourceMAC: mac)
        message.add(mtu: mtu ?? 0)
        for prefix in prefixes {
            message.add(
                prefix: prefix,
                isAutonomous: addressMode != .dhcpv6Stateful,
                valid: validLifetime,
                preferred: min(preferredLifetime, validLifetime)
            )
        }
        message.add(dnsServers: dnsServers, lifetime: .max)
        message.add(searchList: dnsSearchList.compactMap { DomainName($0) }, lifetime: .max)
        return message
    }
}
