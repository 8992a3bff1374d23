import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// Frames to multicast groups on a switch that asks for members.
@Suite struct MulticastTests {
    private static let group = IPv4Address(0xef01_0101)

    private func tunnel(_ host: Int, _ ingress: UInt16, _ egress: UInt16 = 32773) -> Outcome {
        .tunnel(to: TestHost.encap(host), vni: 5, ingress: ingress, egress: egress)
    }

    /// Ports 1 and 2 here, 3 on hv2, 4 on hv3.
    private func host(_ change: (inout MulticastSnooping) -> Void = { _ in }) -> TestHost {
        var host = TestHost([
            TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2"), TestHost.vm(4, at: "hv3"),
        ])
        host.update(at: .zero) { input in
            var snooping = MulticastSnooping()
            change(&snooping)
            input.datapaths[0].snooping = snooping
        }
        return host
    }

    private func change(
        _ members: [Int],
        routers: [Int] = [],
        isListening: Bool = false
    ) -> MembershipChange {
        MembershipChange(
            datapath: TestHost.switchID,
            groups: members.isEmpty ? [:] : [.v4(Self.group): members.map { TestHost.vm($0, at: nil).id }],
            routers: routers.map { TestHost.vm($0, at: nil).id },
            isListening: isListening
        )
    }

    private func frame(_ destination: IPv4Address, from number: Int = 1) -> [UInt8] {
        let packet = FrameBuilder.ipv4(TestHost.ipv4(number), destination, payload: FrameBuilder.udp(1, 2, count: 4))
        let mac = MACAddress(truncating: 0x0100_5e00_0000 | UInt64(destination.rawValue & 0x7f_ffff))
        return FrameBuilder.ethernet(TestHost.mac(number), mac, EtherType.ipv4, payload: packet)
    }

    private func igmp(_ message: [UInt8], from number: Int = 1, isRight: Bool = true) -> [UInt8] {
        var octets = message
        OracleChecksum.put(OracleChecksum.of(octets) &+ (isRight ? 0 : 1), into: &octets)
        let packet = FrameBuilder.ipv4(
            TestHost.ipv4(number),
            Self.group,
            protocolNumber: IPProtocol.igmp,
            payload: octets
        )
        let mac = MACAddress(truncating: 0x0100_5e01_0101)
        return FrameBuilder.ethernet(TestHost.mac(number), mac, EtherType.ipv4, payload: packet)
    }

    private static let report: [UInt8] = [0x16, 0, 0, 0, 239, 1, 1, 1]
    private static let query: [UInt8] = [0x11, 10, 0, 0, 0, 0, 0, 0]

    @Test func `Frames go to all while a host listens, then to members and routers alone, and nowhere without any`() {
        var host = host()
        let everybody: [Outcome] = [.local(slot: 1), tunnel(2, 1), tunnel(3, 1)]
        let cache = FlowCache(entryCount: 64)
        func send(_ frame: [UInt8]) -> [Outcome] {
            for _ in 0..<2 { _ = host.tables.keptOutcomes(of: frame, from: 0, cache) }
            let kept = host.tables.keptOutcomes(of: frame, from: 0, cache)
            #expect(kept == host.tables.outcomes(of: frame, from: 0))
            return kept
        }
        #expect(send(frame(Self.group)) == everybody)
        host.update(at: .zero) { $0.members = [change([])] }
        #expect(send(frame(Self.group)) == [.drop(.multicastUnregistered)])
        host.update(at: .zero) { $0.members = [change([3])] }
        #expect(send(frame(Self.group)) == [tunnel(2, 1)])
        host.update(at: .zero) { $0.members = [change([1, 2, 3], routers: [4])] }
        #expect(send(frame(Self.group)) == everybody)
        host.update(at: .zero) { $0.members = [change([1])] }
        #expect(send(frame(Self.group)) == [.drop(.hairpin)])
        // Its frames go to the host that a member moves to.
        host.update(at: .zero) { input in
            input.members = [change([4])]
            input.ports[3].locations = [PortBinding.Location(chassis: "hv2", bindSeq: 2)]
        }
        #expect(send(frame(Self.group)) == [tunnel(2, 1)])
        // Those of the link go to all, and others are none of its business.
        #expect(send(frame(IPv4Address(0xe000_00fb))).last == tunnel(2, 1, 32772))
        #expect(send(TestHost.udp(1, 2)) == [.local(slot: 1)])
        host.update(at: .zero) { $0.datapaths[0].snooping?.floodsUnregistered = true }
        #expect(send(frame(IPv4Address(0xef01_0109))).last == tunnel(2, 1, 32772))
        host.update(at: .zero) { $0.datapaths[0].snooping = nil }
        #expect(send(frame(Self.group)).last == tunnel(2, 1, 32772))
        // Asked for again, all that was known is forgotten.
        host.update(at: .zero) {
            $0.members = []
            $0.datapaths[0].snooping = MulticastSnooping()
        }
        #expect(send(frame(Self.group)).last == tunnel(2, 1))
    }

    @Test func `Reports go to other hosts and to ports that ask for them, queries to all, broken ones nowhere`() {
        var host = host()
        host.update(at: .zero) { $0.members = [change([])] }
        let report = igmp(Self.report)
        #expect(host.tables.outcomes(of: report, from: 0) == [tunnel(2, 1), tunnel(3, 1)])
        host.update(at: .zero) { $0.ports[1].floodsReports = true }
        #expect(host.tables.outcomes(of: report, from: 0) == [.local(slot: 1), tunnel(2, 1), tunnel(3, 1)])
        #expect(host.tables.outcomes(of: frame(Self.group), from: 0) == [.drop(.multicastUnregistered)])
        host.update(at: .zero) { $0.ports[1].floodsMulticast = true }
        #expect(host.tables.outcomes(of: frame(Self.group), from: 0) == [.local(slot: 1)])
        #expect(host.tables.outcomes(of: igmp(Self.query), from: 0).count == 3)
        #expect(
            host.tables.outcomes(of: igmp(Self.report, isRight: false), from: 0) == [.drop(.multicastMalformed)]
        )
        #expect(host.tables.outcomes(of: igmp([0x22, 0, 0, 0, 0, 0, 0, 1]), from: 0) == [.drop(.multicastMalformed)])
        // A host alone, without anybody who asks.
        host.update(at: .zero) { $0.ports.removeLast(2) }
        host.update(at: .zero) { ($0.ports[1].floodsMulticast, $0.ports[1].floodsReports) = (false, false) }
        #expect(host.tables.outcomes(of: report, from: 0) == [.drop(.multicastReport)])
    }

    @Test func `From a tunnel, a frame goes to the members that this host knows`() {
        var host = host()
        func arrive(_ frame: [UInt8]) -> [Outcome] {
            let datagram = FrameBuilder.geneve(vni: 5, ingress: 3, egress: GroupKey.members, frame: frame)
            return host.tables.outcomes(ofDatagram: datagram, from: TestHost.encap(2), now: .zero)
        }
        #expect(arrive(frame(Self.group, from: 3)) == [.local(slot: 0), .local(slot: 1)])
        host.update(at: .zero) { $0.members = [change([2, 4])] }
        #expect(arrive(frame(Self.group, from: 3)) == [.local(slot: 1)])
        host.update(at: .zero) { $0.members = [change([4])] }
        #expect(arrive(frame(Self.group, from: 3)) == [.drop(.multicastUnregistered)])
        #expect(arrive(igmp(Self.report, from: 3)) == [.drop(.multicastReport)])
        // A host that has not heard yet that members are asked for.
        host.update(at: .zero) { $0.datapaths[0].snooping = nil }
        #expect(arrive(frame(Self.group, from: 3)).count == 2)
    }

    @Test func `Reports tell of each group that is not everybody's, once`() {
        let host = host()
        func facts(_ frame: [UInt8], _ datagram: [UInt8]? = nil) -> [String] {
            let room = VerdictRoom()
            defer { room.deallocate() }
            return frame.withUnsafeBytes { bytes -> [String] in
                guard let base = bytes.baseAddress else { return [] }
                let read = Frame(base, byteCount: bytes.count)
                let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
                var verdict = host.tables.view.process(read, from: 0, reply: none)
                var facts: [String] = []
                guard let news = verdict.takeMembershipNews(of: read) else { return facts }
                #expect(news.vni == 5 && news.portKey == 1)
                news.forEach { facts.append("\($0) \(IPv4Address(UInt32($1.low)))") }
                #expect(verdict.takeMembershipNews(of: read) == nil)
                return facts
            }
        }
        #expect(facts(igmp(Self.report)) == ["joined 239.1.1.1"])
        #expect(facts(igmp([0x17] + Self.report.dropFirst())) == ["left 239.1.1.1"])
        #expect(facts(igmp([0x16, 0, 0, 0, 224, 0, 0, 251])) == [])
        #expect(facts(igmp([0x16, 0, 0, 0, 10, 0, 0, 1])) == [])
        #expect(facts(igmp(Self.query)) == ["router 0.0.0.0"])
        let list: [UInt8] = [0x22, 0, 0, 0, 0, 0, 0, 2, 4, 0, 0, 0, 239, 1, 1, 2, 3, 0, 0, 0, 239, 1, 1, 1]
        #expect(facts(igmp(list)) == ["joined 239.1.1.2", "left 239.1.1.1"])
        #expect(facts(frame(Self.group)) == [])
        #expect(facts(igmp(Self.report, isRight: false)) == [])
    }

    @Test func `Queries are whole frames of IGMPv3 and MLDv2, and another one is due when another host comes`() throws {
        var host = host {
            $0.querier = MulticastSnooping.Querier(
                mac: TestHost.mac(70),
                ipv4: TestHost.ipv4(70),
                ipv6: TestHost.mac(70).linkLocalAddress
            )
        }
        #expect(host.tables.view.hasQueriers)
        var room = [UInt8](repeating: 0xaa, count: Verdict.replyByteCountMaximum)
        func query(_ family: MembershipMessage.Family) -> OracleFrame {
            let count = room.withUnsafeMutableBytes { host.tables.view.writeQuery(family, for: 0, into: $0) }
            return OracleFrame(Array(room.prefix(count)))
        }
        let igmp = query(.igmp)
        let header = try #require(igmp.ipv4)
        #expect(igmp.destination.description == "01:00:5e:00:00:01" && igmp.source == TestHost.mac(70))
        #expect(header.timeToLive == 1 && header.source == TestHost.ipv4(70) && header.optionByteCount == 4)
        #expect(OracleChecksum.of(Array(igmp.bytes[14..<38])) == 0)
        #expect(OracleChecksum.of(igmp.transport ?? [1]) == 0 && igmp.transport?.first == 0x11)
        let mld = query(.mld)
        #expect(mld.destination.description == "33:33:00:00:00:01" && mld.ipv6?.hopLimit == 1)
        #expect(mld.icmpv6?.first == 130)
        let due = try #require(host.tables.view.querier(for: 0))
        #expect(due.vni == 5 && due.intervals == 150...150)
        host.update(at: .zero) { $0.ports[3].locations = [PortBinding.Location(chassis: "hv2", bindSeq: 2)] }
        #expect(host.tables.view.querier(for: 0)?.content != due.content)
        host.update(at: .zero) { $0.datapaths[0].snooping?.querier = nil }
        #expect(!host.tables.view.hasQueriers && host.tables.view.querier(for: 0) == nil)
    }
}
