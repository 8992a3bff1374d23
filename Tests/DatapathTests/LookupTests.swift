import Datapath
import Southbound
import Testing
import Wire

@Suite struct LookupTests {
    private func tunnel(_ host: Int, _ ingress: UInt16, _ egress: UInt16) -> Outcome {
        .tunnel(to: TestHost.encap(host), vni: 5, ingress: ingress, egress: egress)
    }

    @Test("a known unicast MAC goes to its port alone, here or through a tunnel (2.3, priority 50)")
    func knownUnicast() {
        let host = TestHost([
            TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2"), TestHost.vm(4, at: "hv3"),
        ])
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.local(slot: 1)])
        #expect(host.tables.outcomes(of: TestHost.udp(1, 3), from: 0) == [tunnel(2, 1, 3)])
        #expect(host.tables.outcomes(of: TestHost.udp(2, 4), from: 1) == [tunnel(3, 2, 4)])
    }

    @Test("a frame never goes back to the port that it came from (2.1)")
    func hairpin() {
        let host = TestHost([TestHost.vm(1, at: "hv1")])
        #expect(host.tables.outcomes(of: TestHost.udp(1, 1), from: 0) == [.drop(.hairpin)])
        #expect(host.tables.outcomes(of: TestHost.arpRequest(1, 9), from: 0) == [.drop(.hairpin)])
    }

    @Test("a known MAC is never flooded: its port may be disabled, unbound, unplugged or unreachable (2.2, 7)")
    func noDelivery() {
        var disabled = TestHost.vm(2, at: "hv1")
        disabled.isEnabled = false
        var host = TestHost([
            TestHost.vm(1, at: "hv1"), disabled, TestHost.vm(3, at: nil), TestHost.vm(4, at: "hv9"),
            TestHost.vm(5, at: "hv1"),
        ])
        host.update(at: .zero) { $0.plugged.removeLast() }
        let expected: [DropReason] = [
            .destinationDisabled, .destinationNotBound, .destinationUnreachable, .destinationNotPlugged,
        ]
        for (number, reason) in zip(2..., expected) {
            #expect(host.tables.outcomes(of: TestHost.udp(1, number), from: 0) == [.drop(reason)], "\(number)")
        }
    }

    @Test("an encap of the other address family is no place to send to")
    func otherFamily() {
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2")])
        host.update(at: .zero) { $0.localEncap = .v6(TestHost.ipv6(1)) }
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.drop(.destinationUnreachable)])
        host.update(at: .zero) { $0.chassis[1].encaps.append(Encap(ip: .v6(TestHost.ipv6(2)))) }
        #expect(
            host.tables.outcomes(of: TestHost.udp(1, 2), from: 0)
                == [.tunnel(to: .v6(TestHost.ipv6(2)), vni: 5, ingress: 1, egress: 2)]
        )
    }

    @Test("an unknown unicast MAC goes to the enabled ports with `unknown`, else nowhere (2.3, table 34)")
    func unknownUnicast() {
        var ports = [TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2")]
        let plain = TestHost(ports)
        #expect(plain.tables.outcomes(of: TestHost.udp(1, 9), from: 0) == [.drop(.unknownDestination)])
        ports[1].hasUnknown = true
        ports[2].hasUnknown = true
        let host = TestHost(ports)
        #expect(host.tables.outcomes(of: TestHost.udp(1, 9), from: 0) == [.local(slot: 1), tunnel(2, 1, 32769)])
        #expect(host.tables.outcomes(of: TestHost.udp(2, 9), from: 1) == [tunnel(2, 2, 32769)])
        ports[2].isEnabled = false
        let fewer = TestHost(ports)
        #expect(fewer.tables.outcomes(of: TestHost.udp(2, 9), from: 1) == [.drop(.hairpin)])
    }

    @Test("a broadcast goes once to each enabled port here and once to each chassis that has one (2.1, 2.3)")
    func broadcast() {
        var disabled = TestHost.vm(6, at: "hv3")
        disabled.isEnabled = false
        let host = TestHost([
            TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2"), TestHost.vm(4, at: "hv2"),
            TestHost.vm(5, at: nil), disabled,
        ])
        let frame = TestHost.arpRequest(1, 9)
        #expect(host.tables.outcomes(of: frame, from: 0) == [.local(slot: 1), tunnel(2, 1, 32768)])
    }

    @Test("ARP, NA, RS and RA go to _MC_flood, all other multicast to _MC_flood_l2 (2.3, priorities 70 to 72)")
    func groupKeys() {
        let host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2")])
        let allNodes = IPv6Address(high: 0xff02 << 48, low: 1)
        func icmp(_ type: UInt8, code: UInt8 = 0, hopLimit: UInt8 = 255) -> [UInt8] {
            let packet = FrameBuilder.ipv6(
                TestHost.ipv6(1),
                allNodes,
                nextHeader: 58,
                hopLimit: hopLimit,
                payload: [type, code, 0, 0, 0, 0, 0, 0]
            )
            let group = MACAddress(truncating: 0x3333_0000_0001)
            return FrameBuilder.ethernet(TestHost.mac(1), group, EtherType.ipv6, payload: packet)
        }
        let frames: [([UInt8], UInt16)] = [
            (TestHost.arpRequest(1, 9), 32768),
            (icmp(133), 32768), (icmp(134), 32768), (icmp(136), 32768),
            (icmp(135), 32772), (icmp(143), 32772), (icmp(134, code: 1), 32772), (icmp(134, hopLimit: 64), 32772),
            (FrameBuilder.ethernet(TestHost.mac(1), .broadcast, EtherType.rarp, payload: []), 32772),
            (FrameBuilder.ethernet(TestHost.mac(1), .broadcast, 0x88cc, payload: [1]), 32772),
        ]
        for (frame, key) in frames {
            #expect(host.tables.outcomes(of: frame, from: 0) == [tunnel(2, 1, key)], "\(hexadecimal(frame))")
        }
    }

    @Test("a port in two active places gets its frames in both (2.9)")
    func twoPlaces() {
        var port = TestHost.vm(2, at: "hv2")
        port.locations.append(PortBinding.Location(chassis: "hv3", bindSeq: 2))
        let host = TestHost([TestHost.vm(1, at: "hv1"), port])
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [tunnel(2, 1, 2), tunnel(3, 1, 2)])
    }

    @Test("switches are worlds of their own: one MAC in two of them is two hosts")
    func isolation() {
        let other = ObjectID(high: 9, low: 9)
        var elsewhere = TestHost.vm(2, at: "hv1")
        elsewhere.id = ObjectID(high: 3, low: 2)
        elsewhere.datapath = other
        elsewhere.logicalPort = "other"
        var host = TestHost([TestHost.vm(1, at: "hv1"), elsewhere])
        host.update(at: .zero) {
            $0.datapaths.append(DatapathBinding(id: other, name: "ls2", tunnelKey: 6, vlanPassthru: false))
        }
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.drop(.unknownDestination)])
        #expect(host.tables.outcomes(of: TestHost.arpRequest(1, 2), from: 0) == [.drop(.hairpin)])
        #expect(host.tables.outcomes(of: TestHost.udp(2, 2), from: 1) == [.drop(.hairpin)])
    }
}
