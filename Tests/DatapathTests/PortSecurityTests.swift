import Datapath
import Southbound
import Testing
import Wire

@Suite struct PortSecurityTests {
    /// A frame of a secured port, as a sentence with a verdict.
    struct Row: Sendable, CustomTestStringConvertible {
        var sentence: String
        var entry: [String]
        var frame: [UInt8]
        var passes: Bool
        var testDescription: String { sentence }
    }

    private static let own = TestHost.mac(1)
    private static let macOnly = ["02:ac:10:ff:00:01"]
    private static let withIPv4 = ["02:ac:10:ff:00:01", "172.16.255.1"]
    private static let withIPv6 = ["02:ac:10:ff:00:01", "fd00::1"]

    private static func entries(_ texts: [String]) -> [PortSecurityEntry] {
        guard let mac = MACAddress(texts[0]) else { return [] }
        return [PortSecurityEntry(mac: mac, prefixes: texts.dropFirst().compactMap { IPPrefix($0) })]
    }

    private static func ipv4(_ source: String, _ destination: String, _ ports: (UInt16, UInt16) = (9, 9)) -> [UInt8] {
        let packet = FrameBuilder.ipv4(
            IPv4Address(source) ?? .any,
            IPv4Address(destination) ?? .any,
            payload: FrameBuilder.udp(ports.0, ports.1)
        )
        return FrameBuilder.ethernet(own, .broadcast, EtherType.ipv4, payload: packet)
    }

    private static func ipv6(_ source: String, _ destination: String, _ icmp: [UInt8] = [128, 0, 0, 0]) -> [UInt8] {
        let packet = FrameBuilder.ipv6(
            IPv6Address(source) ?? .any,
            IPv6Address(destination) ?? .any,
            nextHeader: 58,
            payload: icmp + [0, 0, 0, 0]
        )
        return FrameBuilder.ethernet(own, .broadcast, EtherType.ipv6, payload: packet)
    }

    private static func arp(
        _ sender: MACAddress,
        _ ip: String,
        operation: UInt16 = 1,
        to destination: MACAddress = .broadcast
    ) -> [UInt8] {
        let packet = ARPPacket(
            operation: operation,
            senderMAC: sender,
            senderIP: IPv4Address(ip) ?? .any,
            targetMAC: own,
            targetIP: TestHost.ipv4(9)
        )
        return FrameBuilder.ethernet(own, destination, EtherType.arp, payload: FrameBuilder.arp(packet))
    }

    private static func message(
        _ kind: NeighborMessage.Kind,
        option: MACAddress?,
        target: String = "fd00::9",
        from: String = "fd00::1",
        to group: String = "ff02::1",
        at destination: MACAddress = .broadcast,
        hopLimit: UInt8 = 255,
        extra: [UInt8] = []
    ) -> [UInt8] {
        var message = NeighborMessage(kind: kind, target: IPv6Address(target) ?? .any)
        if kind == .solicitation { message.sourceMAC = option } else { message.targetMAC = option }
        let packet = FrameBuilder.ipv6(
            IPv6Address(from) ?? .any,
            IPv6Address(group) ?? .any,
            nextHeader: 58,
            hopLimit: hopLimit,
            payload: FrameBuilder.neighbor(message) + extra
        )
        return FrameBuilder.ethernet(own, destination, EtherType.ipv6, payload: packet)
    }

    private static let stranger = TestHost.mac(77)
    private static let group = MACAddress(truncating: 0x3333_ff00_0009)
    private static let rarp = FrameBuilder.ethernet(own, .broadcast, EtherType.rarp, payload: [])
    private static let foreign = FrameBuilder.ethernet(
        stranger,
        .broadcast,
        EtherType.ipv4,
        payload: Array(ipv4("172.16.255.1", "1.2.3.4")[14...])
    )
    private static func announcement(_ mac: MACAddress) -> [UInt8] {
        let packet = ARPPacket(operation: 3, senderMAC: own, senderIP: .any, targetMAC: mac, targetIP: .any)
        return FrameBuilder.ethernet(own, .broadcast, EtherType.rarp, payload: FrameBuilder.arp(packet))
    }
    private static let option: [UInt8] = [1, 1] + stranger.octets

    static let fromPort: [Row] = [
        Row(sentence: "no other source MAC", entry: macOnly, frame: foreign, passes: false),
        Row(sentence: "a MAC alone allows any IPv4", entry: macOnly, frame: ipv4("9.9.9.9", "1.2.3.4"), passes: true),
        Row(sentence: "a MAC alone allows any IPv6", entry: macOnly, frame: ipv6("fd00::9", "ff02::1"), passes: true),
        Row(sentence: "a MAC alone allows RARP", entry: macOnly, frame: rarp, passes: true),
        Row(sentence: "a MAC alone allows any arp.spa", entry: macOnly, frame: arp(own, "9.9.9.9"), passes: true),
        Row(sentence: "no other arp.sha", entry: macOnly, frame: arp(stranger, "172.16.255.1"), passes: false),
        Row(sentence: "its IPv4", entry: withIPv4, frame: ipv4("172.16.255.1", "1.2.3.4"), passes: true),
        Row(sentence: "no other IPv4", entry: withIPv4, frame: ipv4("172.16.255.2", "1.2.3.4"), passes: false),
        Row(sentence: "its arp.spa", entry: withIPv4, frame: arp(own, "172.16.255.1"), passes: true),
        Row(sentence: "no other arp.spa", entry: withIPv4, frame: arp(own, "172.16.255.2"), passes: false),
        Row(sentence: "an ARP probe with spa 0.0.0.0", entry: withIPv4, frame: arp(own, "0.0.0.0"), passes: true),
        Row(sentence: "IPv6 alone: no ARP probe", entry: withIPv6, frame: arp(own, "0.0.0.0"), passes: false),
        Row(
            sentence: "no ARP probe with another MAC",
            entry: withIPv4,
            frame: arp(stranger, "0.0.0.0"),
            passes: false
        ),
        Row(
            sentence: "no answer with spa 0.0.0.0",
            entry: withIPv4,
            frame: arp(own, "0.0.0.0", operation: 2),
            passes: false
        ),
        Row(
            sentence: "no ARP probe to a host",
            entry: withIPv4,
            frame: arp(own, "0.0.0.0", to: TestHost.mac(2)),
            passes: false
        ),
        Row(
            sentence: "DHCP discover",
            entry: withIPv4,
            frame: ipv4("0.0.0.0", "255.255.255.255", (68, 67)),
            passes: true
        ),
        Row(
            sentence: "no DHCP offer",
            entry: withIPv4,
            frame: ipv4("0.0.0.0", "255.255.255.255", (67, 68)),
            passes: false
        ),
        Row(
            sentence: "no DHCP to a host",
            entry: withIPv4,
            frame: ipv4("0.0.0.0", "172.16.255.2", (68, 67)),
            passes: false
        ),
        Row(sentence: "IPv4 alone: no IPv6", entry: withIPv4, frame: ipv6("fd00::1", "ff02::1"), passes: false),
        Row(sentence: "IPv4 alone: no RARP but an announcement", entry: withIPv4, frame: rarp, passes: false),
        Row(sentence: "an announcement of its own", entry: withIPv4, frame: announcement(own), passes: true),
        Row(sentence: "no announcement of others", entry: withIPv4, frame: announcement(stranger), passes: false),
        Row(sentence: "its IPv6", entry: withIPv6, frame: ipv6("fd00::1", "ff02::1"), passes: true),
        Row(
            sentence: "its link-local IPv6",
            entry: withIPv6,
            frame: ipv6("fe80::ac:10ff:feff:1", "ff02::1"),
            passes: true
        ),
        Row(sentence: "no other IPv6", entry: withIPv6, frame: ipv6("fd00::2", "ff02::1"), passes: false),
        Row(sentence: "IPv6 alone: no IPv4", entry: withIPv6, frame: ipv4("172.16.255.1", "1.2.3.4"), passes: false),
        Row(sentence: "IPv6 alone: no ARP", entry: withIPv6, frame: arp(own, "172.16.255.1"), passes: false),
        Row(
            sentence: ":: may report groups",
            entry: withIPv6,
            frame: ipv6("::", "ff02::16", [143, 0, 0, 0]),
            passes: true
        ),
        Row(
            sentence: ":: may report groups (v1)",
            entry: withIPv6,
            frame: ipv6("::", "ff02::2", [131, 0, 0, 0]),
            passes: true
        ),
        Row(
            sentence: ":: only on the link",
            entry: withIPv6,
            frame: ipv6("::", "ff05::2", [131, 0, 0, 0]),
            passes: false
        ),
        Row(sentence: ":: may not ping", entry: withIPv6, frame: ipv6("::", "ff02::1"), passes: false),
        Row(
            sentence: "a DAD solicitation",
            entry: withIPv6,
            frame: message(.solicitation, option: nil, from: "::", to: "ff02::1:ff00:9", at: group),
            passes: true
        ),
        Row(
            sentence: "no DAD solicitation to a host",
            entry: withIPv6,
            frame: message(.solicitation, option: nil, from: "::", to: "ff02::1:ff00:9", at: TestHost.mac(2)),
            passes: false
        ),
        Row(
            sentence: "no DAD solicitation to a group where nobody is answered",
            entry: withIPv6,
            frame: message(.solicitation, option: nil, from: "::", to: "ff02::1:ff00:8", at: group),
            passes: false
        ),
        Row(
            sentence: "a solicitation with its MAC",
            entry: withIPv6,
            frame: message(.solicitation, option: own),
            passes: true
        ),
        Row(
            sentence: "no solicitation with another MAC",
            entry: withIPv6,
            frame: message(.solicitation, option: stranger),
            passes: false
        ),
        Row(
            sentence: "nor for a MAC alone",
            entry: macOnly,
            frame: message(.solicitation, option: stranger),
            passes: false
        ),
        Row(
            sentence: "hop limits but 255 escape the check",
            entry: withIPv6,
            frame: message(.solicitation, option: stranger, hopLimit: 64),
            passes: true
        ),
        Row(
            sentence: "no second source address behind the first",
            entry: withIPv6,
            frame: message(.solicitation, option: own, extra: option),
            passes: false
        ),
        Row(
            sentence: "an advertisement of its address",
            entry: withIPv6,
            frame: message(.advertisement, option: own, target: "fd00::1"),
            passes: true
        ),
        Row(
            sentence: "an advertisement of its link-local address",
            entry: withIPv6,
            frame: message(.advertisement, option: nil, target: "fe80::ac:10ff:feff:1"),
            passes: true
        ),
        Row(
            sentence: "no advertisement of another address",
            entry: withIPv6,
            frame: message(.advertisement, option: own, target: "fd00::2"),
            passes: false
        ),
        Row(
            sentence: "no advertisement with another MAC",
            entry: withIPv6,
            frame: message(.advertisement, option: stranger, target: "fd00::1"),
            passes: false
        ),
        Row(
            sentence: "a MAC alone may advertise any address",
            entry: macOnly,
            frame: message(.advertisement, option: own, target: "fd00::2"),
            passes: true
        ),
        Row(
            sentence: "no router advertisement by a host",
            entry: withIPv6,
            frame: ipv6("fe80::ac:10ff:feff:1", "ff02::1", [134, 0, 0, 0]),
            passes: false
        ),
        Row(
            sentence: "no redirect by a host",
            entry: withIPv6,
            frame: ipv6("fe80::ac:10ff:feff:1", "ff02::1", [137, 0, 0, 0]),
            passes: false
        ),
        Row(
            sentence: "a host with its prefix's length is a host",
            entry: ["02:ac:10:ff:00:01", "fd00::1/64"],
            frame: ipv6("fe80::ac:10ff:feff:1", "ff02::1", [134, 0, 0, 0]),
            passes: false
        ),
        Row(
            sentence: "who may have a subnet's addresses may be its router",
            entry: withIPv6 + ["fd00:1::/64"],
            frame: ipv6("fe80::ac:10ff:feff:1", "ff02::1", [134, 0, 0, 0]),
            passes: true
        ),
        Row(
            sentence: "and so may who is not restricted",
            entry: macOnly,
            frame: ipv6("fe80::ac:10ff:feff:1", "ff02::1", [134, 0, 0, 0]),
            passes: true
        ),
        Row(
            sentence: "a subnet with zero host bits: all of it",
            entry: ["02:ac:10:ff:00:01", "10.1.0.0/16"],
            frame: ipv4("10.1.255.254", "1.2.3.4"),
            passes: true
        ),
        Row(
            sentence: "and nothing beside it",
            entry: ["02:ac:10:ff:00:01", "10.1.0.0/16"],
            frame: ipv4("10.2.0.1", "1.2.3.4"),
            passes: false
        ),
        Row(
            sentence: "host bits set: exactly that address",
            entry: ["02:ac:10:ff:00:01", "10.1.0.5/16"],
            frame: ipv4("10.1.0.6", "1.2.3.4"),
            passes: false
        ),
        Row(
            sentence: "an IPv6 subnet",
            entry: ["02:ac:10:ff:00:01", "fd00:1::/48"],
            frame: ipv6("fd00:1:0:ffff::1", "ff02::1"),
            passes: true
        ),
    ]

    @Test("from the port (2.5)", arguments: fromPort)
    func fromThePort(row: Row) {
        let host = TestHost([
            TestHost.vm(1, at: "hv1", security: Self.entries(row.entry)), TestHost.vm(2, at: "hv1"),
        ])
        let expected: [Outcome] = row.passes ? [.local(slot: 1)] : [.drop(.ingressPortSecurity)]
        #expect(host.tables.outcomes(of: row.frame, from: 0) == expected)
    }

    static let toPort: [(entry: [String], destination: String, passes: Bool)] = [
        (withIPv4, "172.16.255.1", true), (withIPv4, "172.16.255.2", false),
        (withIPv4, "255.255.255.255", true), (withIPv4, "239.1.1.1", true),
        (["02:ac:10:ff:00:01", "172.16.255.1/24"], "172.16.255.255", true),
        (["02:ac:10:ff:00:01", "172.16.255.1/24"], "172.16.255.2", false),
        (withIPv6, "fd00::1", true), (withIPv6, "fd00::2", false), (withIPv6, "ff05::1", true),
        (withIPv6, "fe80::ac:10ff:feff:1", true), (withIPv4, "fd00::1", false), (withIPv6, "172.16.255.1", false),
        (macOnly, "9.9.9.9", true), (macOnly, "fd00::9", true),
    ]

    @Test(
        "to the port, its own MAC given: the destination address must be its own, a group's or a broadcast (2.5)",
        arguments: toPort
    )
    func toThePort(row: (entry: [String], destination: String, passes: Bool)) {
        let host = TestHost([
            TestHost.vm(1, at: "hv1", security: Self.entries(row.entry)), TestHost.vm(2, at: "hv1"),
        ])
        var frame = Self.ipv6("fd00::2", row.destination)
        if !row.destination.contains(":") { frame = Self.ipv4("172.16.255.2", row.destination) }
        frame.replaceSubrange(0..<12, with: Self.own.octets + TestHost.mac(2).octets)
        let expected: [Outcome] = row.passes ? [.local(slot: 0)] : [.copyDropped(.egressPortSecurity, slot: 0)]
        #expect(host.tables.outcomes(of: frame, from: 1) == expected)
    }

    @Test("to the port: another MAC is refused, multicast is not checked, other ethertypes pass (2.5)")
    func toThePortMACs() {
        var secured = TestHost.vm(1, at: "hv1", security: Self.entries(Self.withIPv4))
        secured.hasUnknown = true
        let host = TestHost([secured, TestHost.vm(2, at: "hv1")])
        #expect(
            host.tables.outcomes(of: TestHost.udp(2, 9), from: 1) == [.copyDropped(.egressPortSecurity, slot: 0)]
        )
        let multicast = FrameBuilder.ethernet(
            TestHost.mac(2),
            .broadcast,
            EtherType.ipv4,
            payload: Array(Self.ipv4("1.1.1.1", "9.9.9.9")[14...])
        )
        #expect(host.tables.outcomes(of: multicast, from: 1) == [.local(slot: 0)])
        let rarp = FrameBuilder.ethernet(TestHost.mac(2), Self.own, EtherType.rarp, payload: [])
        #expect(host.tables.outcomes(of: rarp, from: 1) == [.local(slot: 0)])
    }

    @Test("entries are alternatives, and one with addresses restricts one without towards the port")
    func alternatives() {
        let port = TestHost.vm(1, at: "hv1", security: Self.entries(Self.withIPv4) + Self.entries(Self.macOnly))
        let host = TestHost([port, TestHost.vm(2, at: "hv1")])
        #expect(host.tables.outcomes(of: Self.rarp, from: 0) == [.local(slot: 1)])
        var frame = Self.ipv4("172.16.255.2", "9.9.9.9")
        frame.replaceSubrange(0..<12, with: Self.own.octets + TestHost.mac(2).octets)
        #expect(host.tables.outcomes(of: frame, from: 1) == [.copyDropped(.egressPortSecurity, slot: 0)])
    }

    @Test("a solicitation behind nine extension headers does not escape: the frame is malformed")
    func manyExtensionHeaders() {
        var payload = FrameBuilder.neighbor(
            NeighborMessage(kind: .solicitation, target: TestHost.ipv6(9), sourceMAC: Self.stranger)
        )
        var next: UInt8 = 58
        for count in 1...9 {
            payload = [next, 0, 0, 0, 0, 0, 0, 0] + payload
            next = 60
            let packet = FrameBuilder.ipv6(
                TestHost.ipv6(1),
                IPv6Address(high: 0xff02 << 48, low: 1),
                nextHeader: next,
                payload: payload
            )
            let frame = FrameBuilder.ethernet(Self.own, .broadcast, EtherType.ipv6, payload: packet)
            let host = TestHost([
                TestHost.vm(1, at: "hv1", security: Self.entries(Self.withIPv6)), TestHost.vm(2, at: "hv1"),
            ])
            let reason: DropReason = count <= 8 ? .ingressPortSecurity : .malformedFrame
            #expect(host.tables.outcomes(of: frame, from: 0) == [.drop(reason)], "\(count)")
        }
    }
}
