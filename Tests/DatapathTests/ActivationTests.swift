import Southbound
import Testing
import Wire

@testable import Datapath

/// A port that is standby here: its guest runs on hv2 until it announces itself.
@Suite struct ActivationTests {
    private static func standby(_ frames: [ActivationFrame], fence: UInt64 = 2) -> PortBinding {
        var port = TestHost.vm(1, at: "hv2")
        port.locations.append(.init(chassis: "hv1", bindSeq: fence, state: .standby))
        port.activationStrategy = frames
        return port
    }

    private static let rarp = FrameBuilder.ethernet(
        TestHost.mac(1),
        .broadcast,
        EtherType.rarp,
        payload: FrameBuilder.arp(
            ARPPacket(
                operation: 3,
                senderMAC: TestHost.mac(1),
                senderIP: .any,
                targetMAC: TestHost.mac(1),
                targetIP: .any
            )
        )
    )

    private static let advertisement = TestHost.neighbor(
        1,
        NeighborMessage(
            kind: .advertisement,
            overrides: true,
            target: TestHost.ipv6(1),
            targetMAC: TestHost.mac(1)
        ),
        to: IPv6Address(high: 0xff02 << 48, low: 1)
    )

    private static let frames: [(ActivationFrame?, [UInt8])] = [
        (.rarp, rarp), (.garp, TestHost.arpRequest(1, 1)), (.na, advertisement), (nil, TestHost.udp(1, 3)),
        (nil, TestHost.arpRequest(1, 3)), (nil, TestHost.udp6(1, 3)),
    ]

    private let elsewhere = Outcome.tunnel(to: TestHost.encap(2), vni: 5, ingress: 3, egress: 1)

    @Test(arguments: ActivationFrame.allCases)
    func `Only a frame of the strategy opens the port, both ways, for it and all that follow`(wanted: ActivationFrame) {
        let host = TestHost([Self.standby([wanted]), TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: "hv1")])
        let activations = Activations()
        defer { activations.deallocate() }
        var tables = host.tables.view
        tables.activations = activations
        let cache = FlowCache()
        let datagram = FrameBuilder.geneve(vni: 5, ingress: 2, egress: 1, frame: TestHost.udp(2, 1))
        func arriving() -> [Outcome] {
            tables.keptOutcomes(ofDatagram: datagram, from: TestHost.encap(2), now: .zero, cache)
        }
        for (frame, bytes) in Self.frames where frame != wanted {
            #expect(tables.keptOutcomes(of: bytes, from: 0, cache) == [.drop(.portStandby)])
        }
        #expect(tables.keptOutcomes(of: TestHost.udp(3, 1), from: 2, cache).contains(elsewhere))
        #expect(!tables.keptOutcomes(of: TestHost.udp(3, 1), from: 2, cache).contains(.local(slot: 0)))
        #expect(arriving() == [.copyDropped(.portStandby, slot: 0)])
        #expect(!activations.takeNews())
        for (frame, bytes) in Self.frames where frame == wanted {
            #expect(tables.keptOutcomes(of: bytes, from: 0, cache).contains(.local(slot: 2)))
        }
        #expect(activations.takeNews() && !activations.takeNews())
        #expect(activations[0] == host.input.ports[0].activationMark(on: "hv1"))
        #expect(tables.keptOutcomes(of: TestHost.udp(1, 3), from: 0, cache) == [.local(slot: 2)])
        #expect(arriving() == [.local(slot: 0)])
        #expect(Set(tables.keptOutcomes(of: TestHost.udp(3, 1), from: 2, cache)) == [elsewhere, .local(slot: 0)])
    }

    @Test func `An activation is of one standby place, and not of a later one`() {
        let first = TestHost([Self.standby([.rarp]), TestHost.vm(3, at: "hv1")])
        let later = TestHost([Self.standby([.rarp], fence: 4), TestHost.vm(3, at: "hv1")])
        let activations = Activations()
        defer { activations.deallocate() }
        var (tables, next) = (first.tables.view, later.tables.view)
        tables.activations = activations
        next.activations = activations
        _ = tables.outcomes(of: Self.rarp, from: 0)
        #expect(tables.outcomes(of: TestHost.udp(1, 3), from: 0) == [.local(slot: 1)])
        #expect(next.outcomes(of: TestHost.udp(1, 3), from: 0) == [.drop(.portStandby)])
    }

    @Test func `What port security forbids opens nothing`() {
        var port = Self.standby([.rarp, .garp])
        port.portSecurity = [PortSecurityEntry(mac: TestHost.mac(7))]
        let host = TestHost([port, TestHost.vm(3, at: "hv1")])
        #expect(host.tables.outcomes(of: Self.rarp, from: 0) == [.drop(.ingressPortSecurity)])
    }

    @Test func `Others send to both places, and take frames from both`() {
        var moving = TestHost.vm(1, at: "hv2")
        moving.locations.append(.init(chassis: "hv3", bindSeq: 2, state: .standby))
        var host = TestHost([TestHost.vm(3, at: "hv1"), moving])
        func tunnel(_ number: Int) -> Outcome {
            .tunnel(to: TestHost.encap(number), vni: 5, ingress: 3, egress: 1)
        }
        #expect(Set(host.tables.outcomes(of: TestHost.udp(3, 1), from: 0)) == [tunnel(2), tunnel(3)])
        let datagram = FrameBuilder.geneve(vni: 5, ingress: 1, egress: 3, frame: TestHost.udp(1, 3))
        for number in 2...3 {
            let outcomes = host.tables.outcomes(ofDatagram: datagram, from: TestHost.encap(number), now: .zero)
            #expect(outcomes == [.local(slot: 0)])
        }
        // When it has moved, the former place counts for a second.
        host.update(at: .seconds(1)) { $0.ports[1].locations = [.init(chassis: "hv3", bindSeq: 3)] }
        #expect(host.tables.outcomes(of: TestHost.udp(3, 1), from: 0) == [tunnel(3)])
        let former = host.tables.outcomes(ofDatagram: datagram, from: TestHost.encap(2), now: .seconds(1))
        #expect(former == [.local(slot: 0)])
        let later = host.tables.outcomes(ofDatagram: datagram, from: TestHost.encap(2), now: .seconds(2))
        #expect(later == [.drop(.unknownTunnelSource)])
    }
}
