import Datapath
import Southbound
import Testing
import Wire

@Suite struct TunnelTests {
    private let host = TestHost([
        TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: "hv1"), TestHost.vm(4, at: "hv3"),
    ])

    private func receive(
        _ host: TestHost,
        ingress: UInt16 = 2,
        egress: UInt16,
        from chassis: Int = 2,
        vni: UInt32 = 5,
        frame: [UInt8] = TestHost.udp(2, 1),
        now: Duration = .zero
    ) -> [Outcome] {
        let datagram = FrameBuilder.geneve(vni: vni, ingress: ingress, egress: egress, frame: frame)
        return host.tables.outcomes(ofDatagram: datagram, from: TestHost.encap(chassis), now: now)
    }

    @Test("a port's key delivers to that port, a group's key to its members here (2.1)")
    func delivery() {
        #expect(receive(host, egress: 1) == [.local(slot: 0)])
        for key in [32768, 32772] as [UInt16] {
            #expect(receive(host, egress: key) == [.local(slot: 0), .local(slot: 2)])
        }
        #expect(receive(host, egress: 32769) == [.drop(.noLocalMember)])
    }

    @Test("the ingress pipeline does not run again: tags and unknown sources pass (2.1)")
    func ingressIsTrusted() {
        let frame = FrameBuilder.ethernet(
            TestHost.mac(99),
            TestHost.mac(1),
            EtherType.ipv4,
            tags: [VLANTag(controlInformation: 1)],
            payload: Array(TestHost.udp(2, 1)[14...])
        )
        #expect(receive(host, egress: 1, frame: frame) == [.local(slot: 0)])
    }

    @Test("egress port security runs on the destination's host (2.1)")
    func egressSecurity() {
        let entry = PortSecurityEntry(mac: TestHost.mac(1), prefixes: [IPPrefix("172.16.255.1")].compactMap(\.self))
        let host = TestHost([TestHost.vm(1, at: "hv1", security: [entry]), TestHost.vm(2, at: "hv2")])
        #expect(receive(host, egress: 1) == [.local(slot: 0)])
        var frame = TestHost.udp(2, 9)
        frame.replaceSubrange(0..<6, with: TestHost.mac(1).octets)
        #expect(receive(host, egress: 1, frame: frame) == [.copyDropped(.egressPortSecurity, slot: 0)])
    }

    @Test("a frame is taken only from the chassis where its ingress key is bound (DESIGN 6)")
    func acceptance() {
        #expect(receive(host, egress: 1, from: 3) == [.drop(.ingressKeyNotThere)])
        #expect(receive(host, ingress: 1, egress: 3) == [.drop(.ingressKeyNotThere)])
        #expect(receive(host, ingress: 9, egress: 1) == [.drop(.ingressKeyNotThere)])
        #expect(receive(host, egress: 1, from: 9) == [.drop(.unknownTunnelSource)])
        #expect(receive(host, egress: 1, from: 1) == [.drop(.unknownTunnelSource)])
        #expect(receive(host, egress: 1, vni: 6) == [.drop(.unknownDatapath)])
        let without = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2")])
        #expect(receive(without, egress: 1, from: 3) == [.drop(.unknownTunnelSource)])
    }

    @Test("a key that is no port here and no group, or a disabled one, goes nowhere")
    func egressKeys() {
        for key in [0, 2, 4, 9, 32770, 32774, 65535] as [UInt16] {
            #expect(receive(host, egress: key) == [.drop(.unknownEgressKey)], "\(key)")
        }
        var disabled = TestHost.vm(1, at: "hv1")
        disabled.isEnabled = false
        let other = TestHost([disabled, TestHost.vm(2, at: "hv2")])
        #expect(receive(other, egress: 1) == [.drop(.destinationDisabled)])
    }

    @Test("any encap of the sender's chassis will do")
    func severalEncaps() {
        var host = host
        host.update(at: .zero) { $0.chassis[1].encaps.append(Encap(ip: .v6(TestHost.ipv6(2)))) }
        let datagram = FrameBuilder.geneve(vni: 5, ingress: 2, egress: 1, frame: TestHost.udp(2, 1))
        let outcomes = host.tables.outcomes(ofDatagram: datagram, from: .v6(TestHost.ipv6(2)), now: .zero)
        #expect(outcomes == [.local(slot: 0)])
    }

    // MARK: moves

    @Test("after a move frames come from both places for a second, then from the new one only (DESIGN 6)")
    func move() {
        var host = host
        host.update(at: .seconds(10)) { $0.ports[1] = TestHost.vm(2, at: "hv3", fence: 2) }
        let times: [(Duration, Bool)] = [
            (.seconds(10), true), (.milliseconds(10_999), true), (.seconds(11), false), (.seconds(99), false),
        ]
        for (now, isTaken) in times {
            #expect(receive(host, egress: 1, from: 3, now: now) == [.local(slot: 0)])
            let old = receive(host, egress: 1, from: 2, now: now)
            #expect(old == [isTaken ? .local(slot: 0) : .drop(.unknownTunnelSource)], "\(now)")
        }
        host.update(at: .milliseconds(10_500)) { _ in }
        #expect(receive(host, egress: 1, from: 2, now: .milliseconds(10_999)) == [.local(slot: 0)])
        host.update(at: .seconds(11)) { _ in }
        #expect(receive(host, egress: 1, from: 2, now: .milliseconds(10_999)) == [.drop(.unknownTunnelSource)])
    }

    @Test("the second holds also where the old chassis has left the share with the move")
    func moveOfTheLastPort() {
        var host = host
        host.update(at: .seconds(10)) { input in
            input.ports[1] = TestHost.vm(2, at: "hv3", fence: 2)
            input.chassis.remove(at: 1)
        }
        #expect(receive(host, egress: 1, from: 2, now: .milliseconds(10_900)) == [.local(slot: 0)])
        #expect(receive(host, egress: 1, from: 2, now: .seconds(11)) == [.drop(.unknownTunnelSource)])
        #expect((0..<host.tables.view.placeCount).compactMap { host.tables.view.place($0) } == [TestHost.encap(3)])
    }

    @Test("a port that comes back within the second is there for good, and left the other place")
    func moveAndReturn() {
        var host = host
        host.update(at: .seconds(10)) { $0.ports[1] = TestHost.vm(2, at: "hv3", fence: 2) }
        host.update(at: .milliseconds(10_200)) { $0.ports[1] = TestHost.vm(2, at: "hv2", fence: 3) }
        #expect(receive(host, egress: 1, from: 2, now: .seconds(99)) == [.local(slot: 0)])
        #expect(receive(host, egress: 1, from: 3, now: .milliseconds(11_100)) == [.local(slot: 0)])
        #expect(receive(host, egress: 1, from: 3, now: .milliseconds(11_200)) == [.drop(.ingressKeyNotThere)])
    }

    @Test("a released port leaves nothing behind, nor does one that moves with an unchanged fence")
    func release() {
        var host = host
        host.update(at: .seconds(10)) { $0.ports[1] = TestHost.vm(2, at: nil) }
        #expect(receive(host, egress: 1, from: 2, now: .seconds(10)) == [.drop(.unknownTunnelSource)])
        var other = self.host
        other.update(at: .seconds(10)) { $0.ports[1] = TestHost.vm(2, at: "hv3", fence: 1) }
        #expect(receive(other, egress: 1, from: 2, now: .seconds(10)) == [.drop(.unknownTunnelSource)])
    }

    @Test("a port that moves here takes over; its old host's frames for others are still taken for a second")
    func moveHere() {
        var host = host
        host.update(at: .seconds(10)) { input in
            input.ports[1] = TestHost.vm(2, at: "hv1", fence: 2)
            input.plugged.append(Device(logicalPort: "vm2", slot: 1))
        }
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.local(slot: 1)])
        #expect(receive(host, egress: 32768, now: .seconds(10)) == [.local(slot: 0), .local(slot: 2)])
        #expect(receive(host, egress: 2, now: .seconds(10)) == [.drop(.hairpin)])
    }
}
