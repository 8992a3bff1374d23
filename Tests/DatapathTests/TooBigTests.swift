import Datapath
import Southbound
import TestSupport
import Testing
import Wire

@Suite struct TooBigTests {
    private let host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: "hv1")])

    /// Behind 20 octets of IPv4 and 8 of UDP, or 40 and 8.
    private static let fitting = (ipv4: 1442 - 28, ipv6: 1442 - 48)

    @Test("a packet of exactly the inner MTU is tunnelled; one octet more is not (DESIGN 6)")
    func boundary() {
        let tunnel = [Outcome.tunnel(to: TestHost.encap(2), vni: 5, ingress: 1, egress: 2)]
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2, count: Self.fitting.ipv4), from: 0) == tunnel)
        #expect(host.tables.outcomes(of: TestHost.udp6(1, 2, count: Self.fitting.ipv6), from: 0) == tunnel)
        let long = TestHost.udp(1, 2, count: Self.fitting.ipv4 + 1)
        #expect(host.tables.outcomes(of: long, from: 0) == tunnel.map { .fragments($0) })
        let whole = TestHost.udp(1, 2, count: Self.fitting.ipv4 + 1, doesNotFragment: true)
        #expect(host.tables.outcomes(of: whole, from: 0).last == .tooLong(to: TestHost.encap(2)))
    }

    @Test("what stays on the host may be longer")
    func local() {
        #expect(host.tables.outcomes(of: TestHost.udp(1, 3, count: 5000), from: 0) == [.local(slot: 2)])
    }

    @Test("IPv4 with DF: ICMP 3/4 with the MTU and the packet's start, at most 576 octets (RFC 1191)")
    func fragmentationNeeded() throws {
        let frame = TestHost.udp(1, 2, count: 1480, doesNotFragment: true)
        let outcomes = host.tables.outcomes(of: frame, from: 0)
        guard case .reply(let bytes)? = outcomes.first, outcomes.count == 2 else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(outcomes[1] == .tooLong(to: TestHost.encap(2)))
        #expect(bytes.count == 14 + 576)
        #expect(Array(bytes[..<12]) == TestHost.mac(1).octets + TestHost.mac(2).octets)
        let header = try IPv4Header(parsing: bytes.span.extracting(14..<bytes.count))
        let isValid = header.hasValidChecksum(in: bytes.span.extracting(14..<bytes.count))
        #expect(isValid)
        #expect(header.source == TestHost.ipv4(2) && header.destination == TestHost.ipv4(1))
        let icmp = try ICMPv4Header(parsing: bytes.span.extracting(34..<bytes.count))
        #expect(icmp.type == 3 && icmp.code == 4 && icmp.rest == 1442)
        var sum = InternetChecksum()
        sum.add(bytes.span.extracting(34..<bytes.count))
        #expect(sum.value == 0)
        #expect(Array(bytes[42...]) == Array(frame[14..<14 + 548]))
    }

    @Test("IPv6: ICMPv6 2/0 with the MTU and the packet's start, at most 1280 octets (RFC 4443 section 3.2)")
    func packetTooBig() throws {
        let frame = TestHost.udp6(1, 2, count: 1480)
        guard case .reply(let bytes)? = host.tables.outcomes(of: frame, from: 0).first else {
            Issue.record("no reply")
            return
        }
        #expect(bytes.count == 14 + 1280)
        let header = try IPv6Header(parsing: bytes.span.extracting(14..<bytes.count))
        #expect(header.source == TestHost.ipv6(2) && header.destination == TestHost.ipv6(1))
        let icmp = try ICMPv6Header(parsing: bytes.span.extracting(54..<bytes.count))
        #expect(icmp.type == 2 && icmp.code == 0 && icmp.rest == 1442)
        var sum = InternetChecksum()
        sum.addPseudoHeader(source: header.source, destination: header.destination, byteCount: 1240, nextHeader: 58)
        sum.add(bytes.span.extracting(54..<bytes.count))
        #expect(sum.value == 0)
        #expect(Array(bytes[62...]) == Array(frame[14..<14 + 1232]))
    }

    @Test("with a VLAN tag the answer has the tag, and four octets less fit")
    func tagged() throws {
        let host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2")], vlanPassthru: true)
        let payload = Array(TestHost.udp(1, 2, count: Self.fitting.ipv4, doesNotFragment: true)[14...])
        let frame = FrameBuilder.ethernet(
            TestHost.mac(1),
            TestHost.mac(2),
            EtherType.ipv4,
            tags: [VLANTag(controlInformation: 100)],
            payload: payload
        )
        guard case .reply(let bytes)? = host.tables.outcomes(of: frame, from: 0).first else {
            Issue.record("no reply")
            return
        }
        #expect(try EthernetHeader(parsing: bytes.span).outerTag?.identifier == 100)
        #expect(try ICMPv4Header(parsing: bytes.span.extracting(38..<bytes.count)).rest == 1438)
    }

    @Test("no answer to ICMP errors, fragments, groups, nobody or other ethertypes (RFC 1122 section 3.2.2)")
    func unanswerable() {
        let long = [UInt8](repeating: 0, count: 1500)
        let mac = (TestHost.mac(1), TestHost.mac(2))
        func ipv4(_ source: IPv4Address, _ destination: IPv4Address, type: UInt8 = 8) -> [UInt8] {
            let packet = FrameBuilder.ipv4(
                source,
                destination,
                protocolNumber: 1,
                doesNotFragment: true,
                payload: [type] + long
            )
            return FrameBuilder.ethernet(mac.0, mac.1, EtherType.ipv4, payload: packet)
        }
        func ipv6(_ source: IPv6Address, _ destination: IPv6Address, type: UInt8 = 128) -> [UInt8] {
            let packet = FrameBuilder.ipv6(source, destination, nextHeader: 58, payload: [type] + long)
            return FrameBuilder.ethernet(mac.0, mac.1, EtherType.ipv6, payload: packet)
        }
        let group = IPv6Address(high: 0xff02 << 48, low: 1)
        var moreFragments = ipv4(TestHost.ipv4(1), TestHost.ipv4(2))
        moreFragments[20] |= 0x20
        let frames = [
            ipv4(TestHost.ipv4(1), TestHost.ipv4(2), type: 3), moreFragments,
            ipv4(.any, TestHost.ipv4(2)), ipv4(TestHost.ipv4(1), IPv4Address(0xe000_0001)),
            ipv4(TestHost.ipv4(1), .broadcast), ipv4(.broadcast, TestHost.ipv4(2)),
            ipv6(TestHost.ipv6(1), TestHost.ipv6(2), type: 1), ipv6(.any, TestHost.ipv6(2)),
            ipv6(group, TestHost.ipv6(2)), ipv6(TestHost.ipv6(1), group),
            FrameBuilder.ethernet(mac.0, mac.1, 0x9999, payload: long),
        ]
        for frame in frames {
            let outcomes = host.tables.outcomes(of: frame, from: 0)
            #expect(outcomes == [.tooLong(to: TestHost.encap(2))], "\(hexadecimal(frame.prefix(60)))")
        }
    }

    @Test("a broadcast that does not fit reaches the ports here only")
    func broadcast() {
        let packet = FrameBuilder.ipv4(
            TestHost.ipv4(1),
            .broadcast,
            doesNotFragment: true,
            payload: FrameBuilder.udp(9, 9, count: 1500)
        )
        let frame = FrameBuilder.ethernet(TestHost.mac(1), .broadcast, EtherType.ipv4, payload: packet)
        #expect(
            host.tables.outcomes(of: frame, from: 0) == [.local(slot: 2), .tooLong(to: TestHost.encap(2))]
        )
    }

    @Test("a buffer too small for the largest answer gets none")
    func smallBuffer() {
        let bytes = TestHost.udp6(1, 2, count: 1480)
        let count = bytes.withUnsafeBytes { memory in
            withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum - 1, alignment: 1) { reply in
                Frame(memory.start, byteCount: memory.count).writeTooBig(pathMTU: 1442, into: reply)
            }
        }
        #expect(count == 0)
    }

    @Test("IPv6 is not told of less than every link has")
    func least() throws {
        let frame = TestHost.udp6(1, 2, count: 1480)
        var reply = [UInt8](repeating: 0, count: Verdict.replyByteCountMaximum)
        let count = frame.withUnsafeBytes { memory in
            reply.withUnsafeMutableBytes {
                Frame(memory.start, byteCount: memory.count).writeTooBig(pathMTU: 1222, into: $0)
            }
        }
        #expect(count > 0)
        #expect(try ICMPv6Header(parsing: reply.span.extracting(54..<count)).rest == 1280)
    }
}
