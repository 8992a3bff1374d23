import CLinux
import Glibc
import Reactor
import Wire

/// The route to an address by the routing tables, apart from what the kernel has learnt by ICMP: anybody may
/// have sent that.
public struct Route: Equatable, Sendable {
    /// The index of the device that packets leave by.
    public let device: Int32
    /// The MTU that the administrator has given the route (`ip route … mtu`); `nil` for the device's.
    public let mtu: Int?

    /// The most bytes that packets have on the way to each of several addresses: the least of route's and device's MTU.
    /// An address to which there is no route is left out.
    /// - Parameters:
    ///   - addresses: All of the family of `source`.
    ///   - source: The source address of the packets.
    public static func mtus(
        to addresses: [IPAddress],
        from source: IPAddress,
        in namespace: NetworkNamespace? = nil
    ) throws(SystemError) -> [IPAddress: Int] {
        let devices = Dictionary(
            try Link.all(in: namespace).map { ($0.index, $0.mtu) },
            uniquingKeysWith: { first, _ in first }
        )
        return try Link.with(namespace) { () throws(SystemError) in
            var socket = try NetlinkSocket()
            var mtus: [IPAddress: Int] = [:]
            for address in addresses {
                guard let route = try find(to: address, from: source, &socket), let device = devices[route.device]
                else {
                    continue
                }
                mtus[address] = min(route.mtu ?? device, device)
            }
            return mtus
        }
    }

    /// The route to an address; `nil` if there is none.
    static func find(
        to address: IPAddress,
        from source: IPAddress,
        _ socket: inout NetlinkSocket
    ) throws(SystemError) -> Route? {
        // The route that a packet takes tells the device; the entry of the tables that it stems from tells what the
        // administrator has set, without what ICMP messages have made of it.
        guard let taken = try attributes(to: address, from: source, isEntry: false, &socket),
            let device = taken[Int(RTA_OIF.rawValue)]?.word(at: 0, as: Int32.self)
        else { return nil }
        let entry = try attributes(to: address, from: source, isEntry: true, &socket)
        return Route(device: device, mtu: entry.flatMap { mtu(in: $0) })
    }

    private static func attributes(
        to address: IPAddress,
        from source: IPAddress,
        isEntry: Bool,
        _ socket: inout NetlinkSocket
    ) throws(SystemError) -> [Int: ArraySlice<UInt8>]? {
        let call = "netlink RTM_GETROUTE \(address)"
        let (family, bitCount): (Int32, UInt8) = if case .v4 = address { (AF_INET, 32) } else { (AF_INET6, 128) }
        let message: NetlinkMessage?
        do throws(SystemError) {
            message = try socket.get(call, type: Int(RTM_GETROUTE)) { request in
                request.appendRouteHeader(
                    family: UInt8(family),
                    destinationLength: bitCount,
                    sourceLength: bitCount,
                    flags: isEntry ? UInt32(RTM_F_FIB_MATCH) : 0
                )
                request.appendAttribute(Int(RTA_DST.rawValue), address.octets)
                request.appendAttribute(Int(RTA_SRC.rawValue), source.octets)
            }
        } catch {
            // No route, or one that refuses.
            if [ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENOENT].contains(error.errno) { return nil }
            throw error
        }
        do throws(NetlinkMessage.Malformed) {
            return try message?.attributes(after: 12)
        } catch {
            throw SystemError(call: call, errno: EBADMSG)
        }
    }

    private static func mtu(in attributes: [Int: ArraySlice<UInt8>]) -> Int? {
        guard let metrics = attributes[Int(RTA_METRICS.rawValue)] else { return nil }
        let nested = NetlinkMessage(type: 0, flags: 0, sequence: 0, payload: metrics)
        return (try? nested.attributes(after: 0))?[Int(RTAX_MTU)]?.word(at: 0, as: UInt32.self).map { Int($0) }
    }
}

extension IPAddress {
    /// As they go over the wire.
    var octets: [UInt8] {
        switch self {
        case .v4(let address): (0..<4).map { UInt8(truncatingIfNeeded: address.rawValue >> (24 - 8 * $0)) }
        case .v6(let address):
            [address.high, address.low].flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
            }
        }
    }
}
