import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// The answers of DHCP, DHCPv6, DNS and router solicitations in the place where they are asked, and the guards.
@Suite struct ServiceReplyTests {
    private static let serverMAC = TestHost.serverMAC
    private let host = TestHost.withServices([
        TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2"),
    ])

    private static func dhcp(
        _ type: UInt8,
        _ options: [UInt8] = [],
        client: IPv4Address = .any,
        source: IPv4Address = .any,
        to destination: IPv4Address = .broadcast,
        flags: UInt16 = 0
    ) -> [UInt8] {
        var message = DHCPv4Message(type: .discover, transaction: 0xabcd, hardwareAddress: TestHost.mac(1))
        message.clientAddress = client
        message.flags = flags
        let octets = FrameBuilder.written(240) { message.write(to: &$0) } + [53, 1, type] + options + [255]
        let packet = FrameBuilder.ipv4(source, destination, payload: FrameBuilder.udp(68, 67, payload: octets))
        let mac = destination == .broadcast ? MACAddress.broadcast : serverMAC
        return FrameBuilder.ethernet(TestHost.mac(1), mac, EtherType.ipv4, payload: packet)
    }

    private func reply(to frame: [UInt8], from slot: UInt16 = 0, _ host: TestHost? = nil) throws -> [UInt8] {
        let outcomes = (host ?? self.host).tables.outcomes(of: frame, from: slot)
        guard case .reply(let bytes)? = outcomes.first, outcomes.count == 1 else {
            throw UnexpectedOutcomes(description: "\(outcomes)")
        }
        return bytes
    }

    private struct UnexpectedOutcomes: Error, CustomStringConvertible { var description: String }

    /// The options of an answer in their order.
    private func options(of reply: [UInt8]) -> [[UInt8]] {
        var rest = Array(reply[282...])
        var options: [[UInt8]] = []
        while let code = rest.first, code != 255 {
            options.append(Array(rest[0..<2 + Int(rest[1])]))
            rest.removeFirst(2 + Int(rest[1]))
        }
        return options
    }

    @Test("DISCOVER gets an OFFER of the port's own address, with what the path carries as the MTU")
    func offer() throws {
        let reply = try reply(to: Self.dhcp(1))
        let ethernet = try EthernetHeader(parsing: reply.span)
        #expect(ethernet.source == Self.serverMAC && ethernet.destination == TestHost.mac(1))
        let ip = try IPv4Header(parsing: reply.span.extracting(14..<reply.count))
        #expect(ip.source == TestHost.ipv4(1) && ip.destination == TestHost.ipv4(1))
        #expect(reply[34..<38] == [0, 67, 0, 68])
        let message = try DHCPv4Message(parsing: reply.span.extracting(42..<reply.count))
        #expect(message.operation == 2 && message.transaction == 0xabcd && message.type == .offer)
        #expect(message.yourAddress == TestHost.ipv4(1) && message.clientAddress == .any)
        #expect(
            options(of: reply) == [
                [53, 1, 2], [54, 4, 172, 16, 255, 1], [51, 4, 0, 0, 14, 16], [1, 4, 255, 255, 255, 0],
                [3, 4, 172, 16, 255, 1], [6, 4, 8, 8, 8, 8], [26, 2, 0x05, 0xa2],
            ]
        )
    }

    @Test("REQUEST gets an ACK, a NAK for another address, nothing here if it takes another server's offer")
    func request() throws {
        let own = [50, 4] + [172, 16, 255, 1] as [UInt8]
        let acknowledgement = try reply(to: Self.dhcp(3, own, flags: 0x8000))
        #expect(options(of: acknowledgement).first == [53, 1, 5])
        #expect(acknowledgement[30..<34] == [255, 255, 255, 255])
        let refusal = try reply(to: Self.dhcp(3, [50, 4, 172, 16, 255, 9, 61, 1, 7]))
        #expect(options(of: refusal) == [[53, 1, 6], [54, 4, 172, 16, 255, 1], [61, 1, 7]])
        #expect(refusal[58..<62] == [0, 0, 0, 0] && refusal[30..<34] == [255, 255, 255, 255])
        let other = host.tables.outcomes(of: Self.dhcp(3, own + [54, 4, 172, 16, 255, 77]), from: 0)
        #expect(other.contains(.local(slot: 1)) && other.count == 2)
    }

    @Test("a renewal to the server alone is answered, and so is INFORM, without times and netmask")
    func renewal() throws {
        let own = TestHost.ipv4(1)
        let renewal = try reply(to: Self.dhcp(3, client: own, source: own, to: own))
        #expect(options(of: renewal).first == [53, 1, 5] && renewal[54..<58] == [172, 16, 255, 1])
        let inform = try reply(to: Self.dhcp(8, client: own, source: own))
        #expect(options(of: inform).map { $0[0] } == [53, 54, 3, 6, 26])
        #expect(inform[58..<62] == [0, 0, 0, 0])
    }

    @Test("what is asked for comes first, and no more than the client takes")
    func order() throws {
        #expect(
            try options(of: reply(to: Self.dhcp(1, [55, 3, 6, 26, 3]))).map { $0[0] } == [53, 54, 51, 6, 26, 3, 1]
        )
        var host = host
        host.update(at: .seconds(1)) { input in
            for code in 200...206 as ClosedRange<UInt8> {
                input.dhcpResponders[0].options += [code, 120] + [UInt8](repeating: 1, count: 120)
            }
        }
        let usual = try reply(to: Self.dhcp(1, [55, 1, 205]), host)
        #expect(usual.count <= 14 + 576)
        #expect(options(of: usual).map { $0[0] }.prefix(4) == [53, 54, 51, 205])
        #expect(try reply(to: Self.dhcp(1, [57, 2, 5, 0]), host).count > 14 + 576)
    }

    @Test("RELEASE and DECLINE want no answer, and a malformed message gets none; none of them goes further")
    func unanswered() {
        for type in [4, 7] as [UInt8] {
            #expect(host.tables.outcomes(of: Self.dhcp(type), from: 0) == [.drop(.dhcpUnanswered)])
        }
        for frame in [Self.dhcp(2), Self.dhcp(1, [53, 1, 1]), Self.dhcp(1, [50, 3, 1, 2, 3])] {
            #expect(host.tables.outcomes(of: frame, from: 0) == [.drop(.dhcpMalformed)])
        }
    }

    @Test("a port without a server, another MAC and a forged source are left alone")
    func others() {
        var other = Self.dhcp(1)
        other.replaceSubrange(6..<12, with: TestHost.mac(2).octets)
        #expect(host.tables.outcomes(of: other, from: 0).contains(.local(slot: 1)))
        #expect(host.tables.outcomes(of: other, from: 1).contains(.local(slot: 0)))
        let forged = Self.dhcp(1, source: TestHost.ipv4(2))
        #expect(host.tables.outcomes(of: forged, from: 0).contains(.local(slot: 1)))
    }

    @Test("the boot file of iPXE is another one than the firmware's")
    func bootFiles() throws {
        var host = host
        host.update(at: .seconds(1)) { $0.dhcpResponders[0].options += [67, 1, 65, 254, 1, 66] }
        #expect(try options(of: reply(to: Self.dhcp(1, [175, 1, 1]), host)).contains([67, 1, 65]))
        #expect(try options(of: reply(to: Self.dhcp(1), host)).contains([67, 1, 66]))
    }

    private static func dhcpv6(_ type: UInt8, _ options: [UInt8]) -> [UInt8] {
        let packet = FrameBuilder.ipv6(
            TestHost.mac(1).linkLocalAddress,
            DHCPv6Message.serversAddress,
            hopLimit: 1,
            payload: FrameBuilder.udp(546, 547, payload: [type, 1, 2, 3] + options)
        )
        let group = MACAddress(truncating: 0x3333_0001_0002)
        return FrameBuilder.ethernet(TestHost.mac(1), group, EtherType.ipv6, payload: packet)
    }

    @Test("DHCPv6: SOLICIT and REQUEST get the port's address, a rapid commit at once")
    func dhcpv6Answers() throws {
        let client: [UInt8] = [0, 1, 0, 4, 0, 2, 0, 1]
        let association: [UInt8] = [0, 3, 0, 12, 0, 0, 0, 7] + [UInt8](repeating: 0, count: 8)
        let server: [UInt8] = [0, 2, 0, 10, 0, 3, 0, 1] + Self.serverMAC.octets
        let address = [0, 5, 0, 24] + OracleChecksum.octets(of: TestHost.ipv6(1)) + [UInt8](repeating: 255, count: 8)
        let given = [0, 3, 0, 40, 0, 0, 0, 7] + [UInt8](repeating: 255, count: 8) + address + [0, 23, 0, 2, 1, 2]
        let advertisement = try reply(to: Self.dhcpv6(1, client + association))
        #expect(Array(advertisement[62...]) == [2, 1, 2, 3] + client + server + given)
        let rapid = try reply(to: Self.dhcpv6(1, client + association + [0, 14, 0, 0]))
        #expect(Array(rapid[62...]) == [7, 1, 2, 3] + client + server + [0, 14, 0, 0] + given)
        #expect(Array(try reply(to: Self.dhcpv6(3, client + server + association))[62...]).starts(with: [7, 1, 2, 3]))
        let status: [UInt8] = [0, 13, 0, 2, 0, 0]
        for type in [8, 9] as [UInt8] {
            #expect(try reply(to: Self.dhcpv6(type, client + server + association)).suffix(6) == status[...])
        }
        #expect(host.tables.outcomes(of: Self.dhcpv6(4, client + association), from: 0) == [.drop(.dhcpUnanswered)])
        #expect(host.tables.outcomes(of: Self.dhcpv6(3, client + association), from: 0) == [.drop(.dhcpMalformed)])
        let former = OracleChecksum.octets(of: TestHost.ipv6(9))
        for (octets, code) in [(OracleChecksum.octets(of: TestHost.ipv6(1)), 0), (former, 4)] as [([UInt8], UInt8)] {
            let known = [0, 3, 0, 40] + association[4...] + [0, 5, 0, 24] + octets + [UInt8](repeating: 1, count: 8)
            #expect(try reply(to: Self.dhcpv6(4, client + known)).last == code)
        }
        let options = try reply(to: Self.dhcpv6(11, []))
        #expect(Array(options[62...]) == [7, 1, 2, 3] + server + [0, 23, 0, 2, 1, 2])
    }

    private static func query(_ name: String, type: UInt8, extra: [UInt8] = []) -> [UInt8] {
        let count: UInt8 = extra.isEmpty ? 0 : 1
        let question = OracleNames.octets(of: name) + [0, type, 0, 1] + extra
        let octets: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, count] + question
        let udp = FrameBuilder.udp(4000, 53, payload: octets)
        let packet = FrameBuilder.ipv4(TestHost.ipv4(1), IPv4Address(0x0808_0808), payload: udp)
        return FrameBuilder.ethernet(TestHost.mac(1), TestHost.mac(3), EtherType.ipv4, payload: packet)
    }

    @Test("DNS: names of ports in any case, their addresses back, nothing for other types, and others go on")
    func names() throws {
        let name = host.input.ports[1].logicalPort
        let answer = try reply(to: Self.query("\(name.uppercased()).Example.org", type: 1))
        #expect(answer[34..<38] == [0, 53, 15, 160] && answer[26..<30] == [8, 8, 8, 8])
        #expect(answer.suffix(6) == [0, 4, 172, 16, 255, 2])
        #expect(answer[42..<50] == [0x12, 0x34, 0x85, 0x80, 0, 1, 0, 1])
        let reverse = DomainName(reverse: .v4(TestHost.ipv4(2))).description
        let pointer = try reply(to: Self.query(reverse, type: 12))
        let octets = OracleNames.octets(of: "\(name).example.org")
        #expect(pointer.suffix(octets.count) == octets[...])
        let empty = try reply(
            to: Self.query("\(name).example.org", type: 65, extra: [0, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0])
        )
        #expect(empty[48..<50] == [0, 0] && empty.suffix(11).prefix(5) == [0, 0, 41, 4, 0xd0])
        let toHost3 = [Outcome.tunnel(to: TestHost.encap(2), vni: 5, ingress: 1, egress: 3)]
        #expect(host.tables.outcomes(of: Self.query("other.org", type: 1), from: 0) == toHost3)
    }

    private static func router(_ type: UInt8, _ rest: [UInt8] = [], fragment: [UInt8] = []) -> [UInt8] {
        let packet = FrameBuilder.ipv6(
            TestHost.mac(1).linkLocalAddress,
            IPv6Address(high: 0xff02 << 48, low: type == 133 ? 2 : 1),
            nextHeader: fragment.isEmpty ? 58 : 44,
            payload: fragment + (rest.isEmpty ? [type, 0, 0, 0, 0, 0, 0, 0] : rest)
        )
        let group = MACAddress(truncating: 0x3333_0000_0002)
        return FrameBuilder.ethernet(TestHost.mac(1), group, EtherType.ipv6, payload: packet)
    }

    @Test("RA: a solicitation is answered for the gateway, with the path's MTU and the prefix")
    func advertisement() throws {
        let reply = try reply(to: Self.router(133))
        #expect(reply[54] == 134 && reply[6..<12] == Self.serverMAC.octets[...])
        #expect(reply[58..<62] == [255, 0, 0xff, 0xff] && reply[70..<72] == [1, 1])
        #expect(reply[78..<86] == [5, 1, 0, 0, 0, 0, 0x05, 0xa2])
        #expect(reply[86..<90] == [3, 4, 64, 0xc0])
    }

    @Test("guards: advertisements, redirects and DHCP servers' messages go nowhere, in fragments neither")
    func guards() throws {
        var host = host
        host.update(at: .seconds(1)) { input in
            input.datapaths[0].guardsRouters = true
            input.datapaths[0].guardsDHCP = true
        }
        let first: [UInt8] = [58, 0, 0, 1, 0, 0, 0, 9]
        let hidden: [UInt8] = [60, 0, 0, 1, 0, 0, 0, 9]
        let frames = [
            Self.router(134), Self.router(137), Self.router(134, fragment: first),
            // Behind another extension header, as RFC 7113 section 2 has it.
            Self.router(134, [58, 0, 1, 4, 0, 0, 0, 0, 134, 0, 0, 0, 0, 0, 0, 0], fragment: hidden),
        ]
        for frame in frames { #expect(host.tables.outcomes(of: frame, from: 0) == [.drop(.raGuard)]) }
        // The header that tells the type is not there at all.
        let packet = FrameBuilder.ipv6(
            TestHost.mac(1).linkLocalAddress,
            IPv6Address(high: 0xff02 << 48, low: 1),
            nextHeader: 44,
            payload: first
        )
        let empty = FrameBuilder.ethernet(TestHost.mac(1), TestHost.mac(2), EtherType.ipv6, payload: packet)
        #expect(host.tables.outcomes(of: empty, from: 0) == [.drop(.raGuard)])
        let server = FrameBuilder.ipv4(TestHost.ipv4(1), .broadcast, payload: FrameBuilder.udp(67, 68))
        let server6 = FrameBuilder.ipv6(TestHost.ipv6(1), TestHost.ipv6(2), payload: FrameBuilder.udp(547, 546))
        for (type, packet) in [(EtherType.ipv4, server), (EtherType.ipv6, server6)] {
            let frame = FrameBuilder.ethernet(TestHost.mac(1), TestHost.mac(2), type, payload: packet)
            #expect(host.tables.outcomes(of: frame, from: 0) == [.drop(.dhcpGuard)])
        }
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.local(slot: 1)])
    }

    /// A frame with octets between its addresses and its type.
    private static func insert(_ octets: [UInt8], into frame: [UInt8]) -> [UInt8] {
        Array(frame[0..<12]) + octets + Array(frame[12...])
    }

    @Test("guards: clients take a server's message from any port, and some hosts one behind LLC, SNAP or many tags")
    func disguises() {
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1")], vlanPassthru: true)
        host.update(at: .seconds(1)) { $0.datapaths[0].guardsDHCP = true }
        let offer = FrameBuilder.ipv4(TestHost.ipv4(1), TestHost.ipv4(2), payload: FrameBuilder.udp(6767, 68))
        let offer6 = FrameBuilder.ipv6(TestHost.ipv6(1), TestHost.ipv6(2), payload: FrameBuilder.udp(1, 546))
        let frame = FrameBuilder.ethernet(TestHost.mac(1), TestHost.mac(2), EtherType.ipv4, payload: offer)
        let zero: [UInt8] = [0x81, 0, 0, 0]
        let frames = [
            frame, FrameBuilder.ethernet(TestHost.mac(1), TestHost.mac(2), EtherType.ipv6, payload: offer6),
            Self.insert(zero, into: frame), Self.insert(zero + zero + zero, into: frame),
            Self.insert([0, 60, 0xaa, 0xaa, 3, 0, 0, 0], into: frame),
            Self.insert(zero + [0, 0, 0xaa, 0xaa, 3, 0, 0, 0xf8], into: frame),
        ]
        for frame in frames { #expect(host.tables.outcomes(of: frame, from: 0) == [.drop(.dhcpGuard)]) }
        // A bridge's own protocol, and a frame that is too short for SNAP.
        for rest in [[0, 38, 0x42, 0x42, 3, 0, 0, 0, 0, 0], [0, 6, 0xaa, 0xaa, 3, 0, 0, 0]] as [[UInt8]] {
            #expect(host.tables.outcomes(of: Array(frame[0..<12]) + rest, from: 0) == [.local(slot: 1)])
        }
        host.update(at: .seconds(2)) { $0.datapaths[0].guardsRouters = true }
        #expect(host.tables.outcomes(of: frames[4], from: 0) == [.drop(.raGuard)])
    }

    @Test("what is asked in a VLAN, on a switch that lets VLANs pass, is for servers there")
    func requestsInVLAN() throws {
        var host = host
        host.update(at: .seconds(1)) { $0.datapaths[0].vlanPassthru = true }
        let name = "\(host.input.ports[1].logicalPort).example.org"
        for frame in [Self.dhcp(1), Self.dhcpv6(11, []), Self.router(133), Self.query(name, type: 1)] {
            _ = try reply(to: frame, host)
            // A tag for VLAN 0 says no more than a priority.
            _ = try reply(to: Self.insert([0x81, 0, 0xe0, 0], into: frame), host)
            let outcomes = host.tables.outcomes(of: Self.insert([0x81, 0, 0, 100], into: frame), from: 0)
            #expect(outcomes.count == (frame[0] & 1 == 0 ? 1 : 2))
            for case .reply in outcomes { Issue.record("answered") }
        }
    }

    @Test("flows that no service is for are decided once, by addresses alone if the switch has no names and guards")
    func flowsAreKept() {
        var host = host
        host.update(at: .seconds(1)) { $0.datapaths[0].dnsDomain = nil }
        let cache = FlowCache(entryCount: 64)
        _ = host.tables.keptOutcomes(of: TestHost.udp(1, 2), from: 0, cache)
        let isKept = TestHost.udp(1, 2).withUnsafeBytes { memory in
            let frame = Frame(memory.start, byteCount: memory.count)
            return host.tables.view.action(for: frame, from: 0, cache).kind == .local
        }
        #expect(isKept)
    }

    @Test("a server that changes or goes is one for the next message")
    func changes() throws {
        var host = host
        host.update(at: .seconds(1)) { $0.dhcpResponders[0].leaseTime = 60 }
        #expect(try options(of: reply(to: Self.dhcp(1), host)).contains([51, 4, 0, 0, 0, 60]))
        host.update(at: .seconds(2)) { $0.dhcpResponders.removeFirst() }
        #expect(host.tables.outcomes(of: Self.dhcp(1), from: 0).contains(.local(slot: 1)))
    }
}
