import Datapath
import Southbound
import Testing
import Wire

@Suite struct AdmissionTests {
    private func host(vlanPassthru: Bool = false, _ change: (inout PortBinding) -> Void = { _ in }) -> TestHost {
        var port = TestHost.vm(1, at: "hv1")
        change(&port)
        return TestHost([port, TestHost.vm(2, at: "hv1")], vlanPassthru: vlanPassthru)
    }

    @Test("a frame of any length but an Ethernet header's and more is malformed (2.2, table 0)")
    func shortFrames() {
        let host = host()
        let frame = TestHost.udp(1, 2)
        for count in 0..<frame.count {
            #expect(host.tables.outcomes(of: Array(frame[..<count]), from: 0) == [.drop(.malformedFrame)], "\(count)")
        }
        #expect(host.tables.outcomes(of: frame, from: 0) == [.local(slot: 1)])
    }

    @Test("a frame with VLAN tags is dropped, unless the switch has vlan-passthru (2.2, table 0)")
    func tags() {
        let payload = Array(TestHost.udp(1, 2)[14...])
        for tag in [VLANTag(controlInformation: 0), VLANTag(isService: true, controlInformation: 100)] {
            let frame = FrameBuilder.ethernet(
                TestHost.mac(1),
                TestHost.mac(2),
                EtherType.ipv4,
                tags: [tag, tag],
                payload: payload
            )
            #expect(host().tables.outcomes(of: frame, from: 0) == [.drop(.vlanTagged)])
            #expect(host(vlanPassthru: true).tables.outcomes(of: frame, from: 0) == [.local(slot: 1)])
        }
    }

    @Test("a single tag for VLAN 0 tells a priority and makes no tagged frame (IEEE 802.1Q clause 9.6)")
    func priorityTag() {
        let payload = Array(TestHost.udp(1, 2)[14...])
        func outcomes(_ tag: VLANTag) -> [Outcome] {
            let frame = FrameBuilder.ethernet(
                TestHost.mac(1),
                TestHost.mac(2),
                EtherType.ipv4,
                tags: [tag],
                payload: payload
            )
            return host().tables.outcomes(of: frame, from: 0)
        }
        #expect(outcomes(VLANTag(controlInformation: 0xe000)) == [.local(slot: 1)])
        #expect(outcomes(VLANTag(controlInformation: 0xe001)) == [.drop(.vlanTagged)])
        #expect(outcomes(VLANTag(isService: true, controlInformation: 0)) == [.drop(.vlanTagged)])
        let cut = Array(TestHost.mac(2).octets + TestHost.mac(1).octets + [0x81, 0])
        for count in 0..<4 {
            let frame = cut + [UInt8](repeating: 0, count: count)
            #expect(host().tables.outcomes(of: frame, from: 0) == [.drop(.vlanTagged)])
        }
    }

    @Test("a frame with a multicast or broadcast source is dropped (2.2, table 0)")
    func multicastSource() {
        for source in [MACAddress.broadcast, MACAddress(truncating: 0x0100_5e00_0001)] {
            let frame = FrameBuilder.ethernet(source, TestHost.mac(2), EtherType.ipv4, payload: [])
            #expect(host().tables.outcomes(of: frame, from: 0) == [.drop(.multicastSource)])
        }
    }

    @Test("a disabled port's frames are dropped, whatever they are (1.2, enabled)")
    func disabledPort() {
        let host = host { $0.isEnabled = false }
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.drop(.portDisabled)])
        #expect(host.tables.outcomes(of: [], from: 0) == [.drop(.portDisabled)])
    }

    @Test("a port that central does not know, has bound elsewhere or nowhere, forwards nothing (DESIGN 6)")
    func unboundPorts() {
        var host = TestHost([TestHost.vm(1, at: "hv2"), TestHost.vm(2, at: nil), TestHost.vm(3, at: "hv1")])
        host.update(at: .zero) { input in
            input.plugged += [
                Device(logicalPort: "vm1", slot: 0), Device(logicalPort: "vm2", slot: 1),
                Device(logicalPort: "stranger", slot: 7),
            ]
        }
        for slot in [0, 1, 7, 6, 65535] as [UInt16] {
            #expect(host.tables.outcomes(of: TestHost.udp(1, 3), from: slot) == [.drop(.portNotBound)], "\(slot)")
            #expect(!host.tables.view.isBound(slot: slot))
        }
        #expect(host.tables.view.isBound(slot: 2))
    }

    @Test("a standby place neither sends nor receives yet (2.9)")
    func standby() {
        var port = TestHost.vm(1, at: "hv2")
        port.locations.append(PortBinding.Location(chassis: "hv1", bindSeq: 2, state: .standby))
        let host = TestHost([port, TestHost.vm(2, at: "hv1")])
        #expect(host.tables.outcomes(of: TestHost.udp(1, 2), from: 0) == [.drop(.portStandby)])
        #expect(
            Set(host.tables.outcomes(of: TestHost.udp(2, 1), from: 1)) == [
                .tunnel(to: TestHost.encap(2), vni: 5, ingress: 2, egress: 1), .copyDropped(.portStandby, slot: 0),
            ]
        )
    }
}
