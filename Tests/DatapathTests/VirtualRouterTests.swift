import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// Port security for virtual routers (VRRPv3).
@Suite struct VirtualRouterTests {
    private static let owner = TestHost.mac(1)
    private static let router = MACAddress(truncating: 0x5e00_0105)
    private static let router6 = MACAddress(truncating: 0x5e00_0205)
    private static let ip = IPv4Address(0xac10_ff64)
    private static let ip6 = TestHost.ipv6(100)

    private static func host(_ macs: [MACRange], _ prefixes: [IPPrefix]) -> TestHost {
        let entry = PortSecurityEntry(mac: owner, prefixes: prefixes, virtualMACs: macs)
        return TestHost([TestHost.vm(1, at: "hv1", security: [entry]), TestHost.vm(2, at: "hv1")])
    }

    private static func passes(_ frame: [UInt8], _ host: TestHost) -> Bool {
        host.tables.outcomes(of: frame, from: 0) != [.drop(.ingressPortSecurity)]
    }

    private static func ipv4(_ mac: MACAddress, _ source: IPv4Address) -> [UInt8] {
        let packet = FrameBuilder.ipv4(source, TestHost.ipv4(2), payload: FrameBuilder.udp(9, 9))
        return FrameBuilder.ethernet(mac, TestHost.mac(2), EtherType.ipv4, payload: packet)
    }

    private static func arp(_ mac: MACAddress, _ sender: MACAddress, _ ip: IPv4Address) -> [UInt8] {
        let packet = ARPPacket(operation: 2, senderMAC: sender, senderIP: ip, targetMAC: .zero, targetIP: ip)
        return FrameBuilder.ethernet(mac, .broadcast, EtherType.arp, payload: FrameBuilder.arp(packet))
    }

    private static func advertisement(_ mac: MACAddress, _ option: MACAddress, _ target: IPv6Address) -> [UInt8] {
        let message = NeighborMessage(kind: .advertisement, target: target, targetMAC: option)
        let packet = FrameBuilder.ipv6(
            target,
            IPv6Address(high: 0xff02 << 48, low: 1),
            nextHeader: 58,
            payload: FrameBuilder.neighbor(message)
        )
        return FrameBuilder.ethernet(mac, MACAddress(truncating: 0x3333_0000_0001), EtherType.ipv6, payload: packet)
    }

    @Test("a virtual router sends from its addresses, its owner says by ARP and ND where they are, and nothing else")
    func entry() throws {
        let macs = [Self.router, Self.router6].compactMap { MACRange(address: $0, length: 48) }
        let prefixes = [IPPrefix(host: .v4(Self.ip)), IPPrefix(host: .v6(Self.ip6))]
        let host = Self.host(macs, prefixes)
        #expect(Self.passes(Self.ipv4(Self.router, Self.ip), host))
        #expect(!Self.passes(Self.ipv4(Self.router, TestHost.ipv4(9)), host))
        #expect(!Self.passes(Self.ipv4(Self.router6, Self.ip), host))
        #expect(!Self.passes(Self.ipv4(Self.owner, Self.ip), host))
        #expect(!Self.passes(Self.ipv4(MACAddress(truncating: 0x5e00_0106), Self.ip), host))
        #expect(Self.passes(Self.arp(Self.owner, Self.router, Self.ip), host))
        #expect(!Self.passes(Self.arp(Self.owner, Self.router, TestHost.ipv4(9)), host))
        #expect(!Self.passes(Self.arp(Self.owner, Self.owner, Self.ip), host))
        #expect(!Self.passes(Self.arp(Self.router, Self.router, Self.ip), host))
        #expect(Self.passes(Self.advertisement(Self.owner, Self.router6, Self.ip6), host))
        #expect(!Self.passes(Self.advertisement(Self.owner, Self.owner, Self.ip6), host))
        #expect(!Self.passes(Self.advertisement(Self.owner, Self.router6, TestHost.ipv6(9)), host))
    }

    @Test("an entry without MACs of routers is for all of them, and without IPs for all of those")
    func ranges() {
        let host = Self.host([.virtualIPv4Routers, .virtualIPv6Routers], [])
        for mac in [Self.router, Self.router6] { #expect(Self.passes(Self.ipv4(mac, TestHost.ipv4(9)), host)) }
        #expect(!Self.passes(Self.ipv4(Self.owner, Self.ip), host))
        #expect(Self.passes(Self.arp(Self.owner, Self.router, TestHost.ipv4(9)), host))
    }

    @Test("frames to a virtual router's MAC and addresses reach the port, those to its owner's MAC do not")
    func towardsThePort() {
        var host = Self.host([.virtualIPv4Routers], [IPPrefix(host: .v4(Self.ip))])
        host.update(at: .seconds(1)) { $0.ports[0].addresses.append(PortAddress(mac: Self.router)) }
        func frame(_ mac: MACAddress, _ ip: IPv4Address) -> [UInt8] {
            let packet = FrameBuilder.ipv4(TestHost.ipv4(2), ip, payload: FrameBuilder.udp(9, 9))
            return FrameBuilder.ethernet(TestHost.mac(2), mac, EtherType.ipv4, payload: packet)
        }
        let dropped = [Outcome.copyDropped(.egressPortSecurity, slot: 0)]
        #expect(host.tables.outcomes(of: frame(Self.router, Self.ip), from: 1) == [.local(slot: 0)])
        #expect(host.tables.outcomes(of: frame(Self.router, TestHost.ipv4(9)), from: 1) == dropped)
        #expect(host.tables.outcomes(of: frame(Self.owner, Self.ip), from: 1) == dropped)
    }

    @Test("MACs of virtual routers have prefixes of 40 to 48 bits, and 0 is the number of none")
    func prefixes() {
        for text in ["00:00:5e:00:01:00/40", "00:00:5e:00:02:80/41", "00:00:5e:00:01:05"] {
            #expect(MACRange(text)?.isOfVirtualRouters == true && MACRange(text)?.description == text)
        }
        for text in ["00:00:5e:00:00:00/39", "00:00:5e:00:01:00", "00:00:5e:00:03:01", "02:00:00:00:00:01"] {
            #expect(MACRange(text)?.isOfVirtualRouters == false)
        }
        for text in ["00:00:5e:00:01:05/40", "00:00:5e:00:01:00/49", "00:00:5e:00:01:00/", "x/40", "/"] {
            #expect(MACRange(text) == nil)
        }
    }
}
