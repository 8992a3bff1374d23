import Southbound
import Testing
import Wire

@testable import Datapath

/// The frames of a switch that is joined to a physical network: `vm1` and `vm2` here in slots 0 and 1, `vm3` on `hv2`,
/// the wire in slot 3.
@Suite struct LocalnetTests {
    private static func localnet(_ number: Int = 4, network: String = "physnet1") -> PortBinding {
        var port = TestHost.vm(number, at: nil)
        (port.addresses, port.hasUnknown, port.physicalNetwork, port.learnsMACs) = ([], true, network, false)
        return port
    }

    private func host(_ more: [PortBinding] = []) -> TestHost {
        var host = TestHost(
            [TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2"), Self.localnet()] + more
        )
        host.update(at: .zero) { $0.plugged.append(Device(logicalPort: "vm4", slot: 3)) }
        return host
    }

    private func outcomes(_ host: TestHost, _ bytes: [UInt8], from slot: UInt16) -> Set<Outcome> {
        Set(host.tables.outcomes(of: bytes, from: slot))
    }

    private func broadcast(from number: Int) -> [UInt8] {
        FrameBuilder.ethernet(TestHost.mac(number), .broadcast, 0x88b5, payload: [UInt8](repeating: 1, count: 46))
    }

    @Test func `Frames for other hosts and for strangers go over the wire, and none through a tunnel`() {
        let host = host()
        #expect(outcomes(host, TestHost.udp(1, 2), from: 0) == [.local(slot: 1)])
        #expect(outcomes(host, TestHost.udp(1, 3), from: 0) == [.local(slot: 3)])
        #expect(outcomes(host, TestHost.udp(1, 9), from: 0) == [.local(slot: 3)])
        #expect(outcomes(host, broadcast(from: 1), from: 0) == [.local(slot: 1), .local(slot: 3)])
    }

    @Test func `What comes from the wire goes to guests here alone`() {
        let host = host()
        #expect(outcomes(host, TestHost.udp(3, 1), from: 3) == [.local(slot: 0)])
        #expect(outcomes(host, broadcast(from: 3), from: 3) == [.local(slot: 0), .local(slot: 1)])
        for frame in [TestHost.udp(8, 3), TestHost.udp(8, 9)] {
            #expect(outcomes(host, frame, from: 3) == [.drop(.hairpin)])
        }
    }

    @Test func `A request from the wire is answered by the host of its target, those of guests here`() {
        let host = host()
        #expect(outcomes(host, TestHost.arpRequest(8, 3), from: 3) == [.local(slot: 0), .local(slot: 1)])
        for (asker, target, slot) in [(8, 1, 3 as UInt16), (1, 3, 0)] {
            let found = host.tables.outcomes(of: TestHost.arpRequest(asker, target), from: slot)
            guard case .reply(let answer)? = found.first else {
                Issue.record("\(found)")
                continue
            }
            #expect(Array(answer[6..<12]) == TestHost.mac(target).octets)
        }
    }

    @Test func `Two wires are not joined, and frames for other hosts go over the first`() {
        var host = host([Self.localnet(5, network: "physnet2")])
        host.update(at: .zero) { $0.plugged.append(Device(logicalPort: "vm5", slot: 4)) }
        #expect(outcomes(host, TestHost.udp(1, 3), from: 0) == [.local(slot: 3)])
        #expect(outcomes(host, broadcast(from: 1), from: 0) == [.local(slot: 1), .local(slot: 3), .local(slot: 4)])
        let fromWire: Set<Outcome> = [.local(slot: 0), .local(slot: 1), .copyDropped(.hairpin, slot: 4)]
        #expect(outcomes(host, broadcast(from: 3), from: 3) == fromWire)
    }

    @Test func `A frame from a tunnel never comes to the wire`() {
        let host = host()
        for egress in [32768, 32769, 4, 3] as [UInt16] {
            let datagram = FrameBuilder.geneve(vni: 5, ingress: 3, egress: egress, frame: broadcast(from: 3))
            let outcomes = host.tables.outcomes(ofDatagram: datagram, from: TestHost.encap(2), now: .zero)
            #expect(!outcomes.contains(.local(slot: 3)), "\(egress): \(outcomes)")
        }
    }

    @Test func `Without the wire's device, and with a disabled one, frames for other hosts go nowhere`() {
        var host = host()
        host.update(at: .zero) { $0.plugged.removeLast() }
        #expect(outcomes(host, TestHost.udp(1, 3), from: 0) == [.drop(.destinationUnreachable)])
        #expect(outcomes(host, broadcast(from: 1), from: 0) == [.local(slot: 1)])
        host.update(at: .zero) { input in
            input.plugged.append(Device(logicalPort: "vm4", slot: 3))
            input.ports[3].isEnabled = false
        }
        #expect(outcomes(host, TestHost.udp(1, 3), from: 0) == [.drop(.destinationUnreachable)])
        #expect(outcomes(host, broadcast(from: 8), from: 3) == [.drop(.portDisabled)])
        // Without a localnet port, tunnels are used again.
        host.update(at: .zero) { $0.ports.remove(at: 3) }
        let tunnel = Outcome.tunnel(to: TestHost.encap(2), vni: 5, ingress: 1, egress: 3)
        #expect(outcomes(host, TestHost.udp(1, 3), from: 0) == [tunnel])
    }

    @Test func `A wire teaches only if it is to, and nothing that a guest has taught`() throws {
        var host = host()
        host.update(at: .zero) { input in input.ports[1].hasUnknown = true }
        let learnt = try LearntMemory()
        func send(_ source: Int, _ destination: Int, from slot: UInt16) -> Set<Outcome> {
            Set(
                host.tables.outcomes(
                    of: TestHost.udp(source, destination),
                    from: slot,
                    learnt: learnt.macs,
                    now: .seconds(1)
                )
            )
        }
        _ = send(8, 1, from: 3)
        #expect(send(1, 8, from: 0) == [.local(slot: 1), .local(slot: 3)])
        host.update(at: .zero) { input in input.ports[3].learnsMACs = true }
        _ = send(8, 1, from: 3)
        #expect(send(1, 8, from: 0) == [.local(slot: 3)])
        // Behind the second guest, and its echo from outside.
        _ = send(9, 1, from: 1)
        _ = send(9, 1, from: 3)
        #expect(send(1, 9, from: 0) == [.local(slot: 1)])
        // The other way round the guest counts.
        _ = send(8, 1, from: 1)
        #expect(send(1, 8, from: 0) == [.local(slot: 1)])
    }
}

/// The frames of a switch that one host joins to a physical network: `vm1` on `hv1`, `vm3` on `hv2`, the wire in slot 2
/// of `hv1`.
@Suite struct GatewayTests {
    private static var gateway: PortBinding {
        var port = TestHost.vm(4, at: "hv1")
        port.addresses = [PortAddress(mac: TestHost.mac(40), ips: [.v4(TestHost.ipv4(40))])]
        (port.hasUnknown, port.gatewayNetwork) = (true, "physnet1")
        return port
    }

    private let host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(3, at: "hv2"), GatewayTests.gateway])

    private func outcomes(_ host: TestHost, _ bytes: [UInt8], from slot: UInt16) -> Set<Outcome> {
        Set(host.tables.outcomes(of: bytes, from: slot))
    }

    private func broadcast(from number: Int) -> [UInt8] {
        FrameBuilder.ethernet(TestHost.mac(number), .broadcast, 0x88b5, payload: [UInt8](repeating: 1, count: 46))
    }

    private func tunnel(_ ingress: UInt16, _ egress: UInt16) -> Outcome {
        .tunnel(to: TestHost.encap(2), vni: 5, ingress: ingress, egress: egress)
    }

    @Test func `Its host sends what is for the network there, and what comes from there to all hosts`() {
        #expect(outcomes(host, TestHost.udp(1, 40), from: 0) == [.local(slot: 2)])
        #expect(outcomes(host, TestHost.udp(1, 9), from: 0) == [.local(slot: 2)])
        #expect(outcomes(host, broadcast(from: 1), from: 0) == [.local(slot: 2), tunnel(1, 32772)])
        #expect(outcomes(host, broadcast(from: 40), from: 2) == [.local(slot: 0), tunnel(4, 32772)])
        #expect(outcomes(host, TestHost.udp(40, 3), from: 2) == [tunnel(4, 3)])
        // Frames between machines of the network stay there.
        #expect(outcomes(host, TestHost.udp(41, 40), from: 2) == [.drop(.hairpin)])
        #expect(outcomes(host, TestHost.udp(41, 9), from: 2) == [.drop(.hairpin)])
    }

    @Test func `From a tunnel a frame comes to the network once, and into no other tunnel`() {
        for (egress, isThere) in [(32772, true), (32769, true), (4, true), (1, false)] as [(UInt16, Bool)] {
            let datagram = FrameBuilder.geneve(vni: 5, ingress: 3, egress: egress, frame: broadcast(from: 3))
            let found = host.tables.outcomes(ofDatagram: datagram, from: TestHost.encap(2), now: .zero)
            #expect(found.count { $0 == .local(slot: 2) } == (isThere ? 1 : 0), "\(egress): \(found)")
            #expect(!found.contains { if case .tunnel = $0 { true } else { false } })
        }
    }

    @Test func `Requests for machines there are answered by the host of who asks`() {
        var host = host
        host.update(at: .zero) { $0.ports[2].hasUnknown = false }
        let found = host.tables.outcomes(of: TestHost.arpRequest(1, 40), from: 0)
        guard case .reply(let answer)? = found.first else {
            Issue.record("\(found)")
            return
        }
        #expect(Array(answer[6..<12]) == TestHost.mac(40).octets)
    }
}
