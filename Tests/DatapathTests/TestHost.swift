import Datapath
import Southbound
import Wire

/// One host of a small network, for tests that tell a story: `ls1` with ports here (`hv1`) and on `hv2`, `hv3`.
struct TestHost {
    static let switchID = ObjectID(high: 1, low: 0)
    var input = TableInput(localChassis: "hv1", localEncap: encap(1), innerMTU: 1442)
    var tables: ForwardingTables
    private var history: [TableInput] = []

    /// A host with these ports, each plugged in, if it is bound here, in the slot of its place in the list.
    init(_ ports: [PortBinding], vlanPassthru: Bool = false) {
        input.chassis = (1...3).map { number in
            Chassis(name: "hv\(number)", chassisID: "", hostname: "", encaps: [Encap(ip: Self.encap(number))])
        }
        input.datapaths = [
            DatapathBinding(id: Self.switchID, name: "ls1", tunnelKey: 5, vlanPassthru: vlanPassthru)
        ]
        input.ports = ports
        input.plugged = ports.enumerated().filter { $1.locations.contains { $0.chassis == "hv1" } }
            .map { Device(logicalPort: $1.logicalPort, slot: UInt16($0)) }
        tables = input.compile()
        history = [input]
    }

    /// Another set of records arrives.
    mutating func update(at now: Duration, _ change: (inout TableInput) -> Void) {
        let former = input
        change(&input)
        input.now = now
        let isSameHost = input.localEncap == former.localEncap
        guard isSameHost, let updated = TableInput.compile(history + [input]) else {
            history = [input]
            tables = input.compile()
            return
        }
        history.append(input)
        tables = updated
    }

    static func encap(_ number: Int) -> IPAddress { .v4(IPv4Address(0x0a7f_0000 + UInt32(number))) }
    static func mac(_ number: Int) -> MACAddress { MACAddress(truncating: 0x02ac_10ff_0000 + UInt64(number)) }
    static func ipv4(_ number: Int) -> IPv4Address { IPv4Address(0xac10_ff00 + UInt32(number)) }
    static func ipv6(_ number: Int) -> IPv6Address { IPv6Address(high: 0xfd00 << 48, low: UInt64(number)) }

    /// `vmN`: key N, MAC …:N, 172.16.255.N and fd00::N, bound to a chassis.
    static func vm(_ number: Int, at chassis: String?, fence: UInt64 = 1) -> PortBinding {
        PortBinding(
            id: ObjectID(high: 2, low: UInt64(number)),
            logicalPort: "vm\(number)",
            datapath: switchID,
            tunnelKey: UInt16(number),
            addresses: [PortAddress(mac: mac(number), ips: [.v4(ipv4(number)), .v6(ipv6(number))])],
            locations: chassis.map { [PortBinding.Location(chassis: $0, bindSeq: fence)] } ?? []
        )
    }

    /// `vmN` with entries of port security.
    static func vm(_ number: Int, at chassis: String?, security: [PortSecurityEntry]) -> PortBinding {
        var port = vm(number, at: chassis)
        port.portSecurity = security
        return port
    }

    /// A UDP packet from `vmA` to `vmB` over IPv4.
    static func udp(_ source: Int, _ destination: Int, count: Int = 0, doesNotFragment: Bool = false) -> [UInt8] {
        let packet = FrameBuilder.ipv4(
            ipv4(source),
            ipv4(destination),
            doesNotFragment: doesNotFragment,
            payload: FrameBuilder.udp(1000, 2000, count: count)
        )
        return FrameBuilder.ethernet(mac(source), mac(destination), EtherType.ipv4, payload: packet)
    }

    /// A UDP packet from `vmA` to `vmB` over IPv6.
    static func udp6(_ source: Int, _ destination: Int, count: Int = 0) -> [UInt8] {
        let packet = FrameBuilder.ipv6(
            ipv6(source),
            ipv6(destination),
            hopLimit: 64,
            payload: FrameBuilder.udp(1000, 2000, count: count)
        )
        return FrameBuilder.ethernet(mac(source), mac(destination), EtherType.ipv6, payload: packet)
    }

    /// An ARP request for `vmB` by `vmA`.
    static func arpRequest(_ source: Int, _ target: Int, to destination: MACAddress = .broadcast) -> [UInt8] {
        let packet = ARPPacket(
            operation: ARPPacket.request,
            senderMAC: mac(source),
            senderIP: ipv4(source),
            targetMAC: MACAddress(truncating: 0),
            targetIP: ipv4(target)
        )
        return FrameBuilder.ethernet(mac(source), destination, EtherType.arp, payload: FrameBuilder.arp(packet))
    }

    /// A neighbor message by `vmN`, to the group or host that `destination` says.
    static func neighbor(
        _ source: Int,
        _ message: NeighborMessage,
        from address: IPv6Address? = nil,
        to destination: IPv6Address,
        hopLimit: UInt8 = 255
    ) -> [UInt8] {
        let packet = FrameBuilder.ipv6(
            address ?? ipv6(source),
            destination,
            nextHeader: IPProtocol.icmpv6,
            hopLimit: hopLimit,
            payload: FrameBuilder.neighbor(message)
        )
        let group = MACAddress(truncating: 0x3333_0000_0000 | destination.low & 0xffff_ffff)
        let owner = MACAddress(truncating: mac(0).rawValue + (destination.low & 0xff))
        let target = destination.isMulticast ? group : owner
        return FrameBuilder.ethernet(mac(source), target, EtherType.ipv6, payload: packet)
    }
}

extension TestHost {
    static let serverMAC = MACAddress(truncating: 0x02ac_10ff_00fe)

    /// A host whose first port has DHCP servers, and whose switch has names and a gateway.
    static func withServices(_ ports: [PortBinding]) -> TestHost {
        let servers = [dhcpv4, dhcpv6]
        var ports = ports
        ports[0].dhcpv4Options = servers[0].id
        ports[0].dhcpv6Options = servers[1].id
        var host = TestHost(ports)
        host.update(at: .zero) { input in
            input.dhcpResponders = servers
            input.datapaths[0].dnsDomain = "example.org"
            var router = RouterAdvertisement(mac: serverMAC, linkLocal: serverMAC.linkLocalAddress)
            router.prefixes = [IPPrefix("fd00::/64")].compactMap(\.self)
            input.datapaths[0].routerAdvertisement = router
        }
        return host
    }

    private static var dhcpv4: DHCPResponder {
        DHCPResponder(
            id: ObjectID(high: 3, low: 1),
            cidr: IPPrefix(address: .v4(ipv4(0)), length: 24) ?? IPPrefix(host: .v4(.any)),
            serverID: ipv4(1),
            serverMAC: serverMAC,
            leaseTime: 3600,
            options: [1, 4, 255, 255, 255, 0, 3, 4, 172, 16, 255, 1, 6, 4, 8, 8, 8, 8]
        )
    }

    private static var dhcpv6: DHCPResponder {
        DHCPResponder(
            id: ObjectID(high: 3, low: 2),
            cidr: IPPrefix(address: .v6(ipv6(0)), length: 64) ?? IPPrefix(host: .v4(.any)),
            serverID: nil,
            serverMAC: serverMAC,
            options: [0, 23, 0, 2, 1, 2]
        )
    }
}
