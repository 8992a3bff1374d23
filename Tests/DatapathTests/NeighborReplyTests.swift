import Datapath
import Southbound
import TestSupport
import Testing
import Wire

@Suite struct NeighborReplyTests {
    private let host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: nil)])

    private func flooded(_ key: UInt16) -> [Outcome] {
        [.tunnel(to: TestHost.encap(2), vni: 5, ingress: 1, egress: key)]
    }

    private func solicitation(_ target: Int, source: IPv6Address? = nil, to destination: IPv6Address? = nil) -> [UInt8]
    {
        let address = TestHost.ipv6(target)
        let message = NeighborMessage(kind: .solicitation, target: address, sourceMAC: TestHost.mac(1))
        return TestHost.neighbor(1, message, from: source, to: destination ?? address.solicitedNodeAddress)
    }

    @Test(
        "a broadcast ARP request for a known address is answered where it is asked, also for an unbound port (2.6)",
        arguments: [2, 3]
    )
    func arp(number: Int) throws {
        let outcomes = host.tables.outcomes(of: TestHost.arpRequest(1, number), from: 0)
        guard case .reply(let bytes)? = outcomes.first, outcomes.count == 1 else {
            Issue.record("\(outcomes)")
            return
        }
        let ethernet = try EthernetHeader(parsing: bytes.span)
        #expect(ethernet.source == TestHost.mac(number) && ethernet.destination == TestHost.mac(1))
        let packet = try ARPPacket(parsing: bytes.span.extracting(14..<bytes.count))
        #expect(packet.operation == ARPPacket.reply)
        #expect(packet.senderMAC == TestHost.mac(number) && packet.senderIP == TestHost.ipv4(number))
        #expect(packet.targetMAC == TestHost.mac(1) && packet.targetIP == TestHost.ipv4(1))
    }

    @Test("a unicast ARP request is forwarded: it asks whether the owner lives (2.6)")
    func unicastARP() {
        let frame = TestHost.arpRequest(1, 2, to: TestHost.mac(2))
        #expect(host.tables.outcomes(of: frame, from: 0) == flooded(2))
    }

    @Test("a request for one's own address is forwarded: it looks for another owner (2.6, priority 100)")
    func ownAddress() {
        #expect(host.tables.outcomes(of: TestHost.arpRequest(1, 1), from: 0) == flooded(32768))
        #expect(host.tables.outcomes(of: solicitation(1, source: .any), from: 0) == flooded(32772))
    }

    @Test("a request for an address that nobody owns is flooded (2.6)")
    func unknownAddress() {
        #expect(host.tables.outcomes(of: TestHost.arpRequest(1, 99), from: 0) == flooded(32768))
        #expect(host.tables.outcomes(of: solicitation(99), from: 0) == flooded(32772))
    }

    @Test("nobody is answered for ports with `unknown`, without the responder, or on a switch with vlan-passthru (2.6)")
    func withoutResponder() {
        for part in 0..<3 {
            var owner = TestHost.vm(2, at: "hv2")
            if part == 0 { owner.hasUnknown = true }
            if part == 1 { owner.answersNeighbors = false }
            let host = TestHost([TestHost.vm(1, at: "hv1"), owner], vlanPassthru: part == 2)
            #expect(host.tables.outcomes(of: TestHost.arpRequest(1, 2), from: 0) == flooded(32768))
            #expect(host.tables.outcomes(of: solicitation(2), from: 0) == flooded(32772))
        }
    }

    @Test("a solicitation to the solicited-node group is answered with a solicited advertisement (2.6)")
    func neighborSolicitation() throws {
        let message = try advertisement(for: solicitation(2))
        #expect(message.header.source == TestHost.ipv6(2) && message.header.destination == TestHost.ipv6(1))
        #expect(message.ethernet.source == TestHost.mac(2) && message.ethernet.destination == TestHost.mac(1))
        #expect(message.body.isSolicited && message.body.overrides && !message.body.isRouter)
        #expect(message.body.target == TestHost.ipv6(2) && message.body.targetMAC == TestHost.mac(2))
    }

    @Test("a solicitation from :: is answered to all nodes, unsolicited (RFC 4861 section 7.2.4)")
    func duplicateAddressDetection() throws {
        let message = try advertisement(for: solicitation(2, source: .any))
        #expect(message.header.destination == IPv6Address(high: 0xff02 << 48, low: 1))
        #expect(message.ethernet.destination == MACAddress(truncating: 0x3333_0000_0001))
        #expect(!message.body.isSolicited && message.body.overrides)
    }

    @Test("a solicitation to the address itself, or by another hop limit than 255, is forwarded (2.6)")
    func otherSolicitations() {
        #expect(host.tables.outcomes(of: solicitation(2, to: TestHost.ipv6(2)), from: 0) == flooded(2))
        let message = NeighborMessage(kind: .solicitation, target: TestHost.ipv6(2))
        let distant = TestHost.neighbor(1, message, to: TestHost.ipv6(2).solicitedNodeAddress, hopLimit: 254)
        #expect(host.tables.outcomes(of: distant, from: 0) == flooded(32772))
    }

    private struct Advertisement {
        var ethernet: EthernetHeader
        var header: IPv6Header
        var body: NeighborMessage
    }

    private func advertisement(for frame: [UInt8]) throws -> Advertisement {
        let outcomes = host.tables.outcomes(of: frame, from: 0)
        guard case .reply(let bytes)? = outcomes.first, outcomes.count == 1 else {
            throw HeaderError.unsupportedType
        }
        let header = try IPv6Header(parsing: bytes.span.extracting(14..<bytes.count))
        var sum = InternetChecksum()
        sum.addPseudoHeader(
            source: header.source,
            destination: header.destination,
            byteCount: UInt32(header.payloadByteCount),
            nextHeader: 58
        )
        sum.add(bytes.span.extracting(54..<bytes.count))
        #expect(sum.value == 0 && header.hopLimit == 255 && Int(header.payloadByteCount) == bytes.count - 54)
        return Advertisement(
            ethernet: try EthernetHeader(parsing: bytes.span),
            header: header,
            body: try NeighborMessage(parsing: bytes.span.extracting(54..<bytes.count))
        )
    }
}
