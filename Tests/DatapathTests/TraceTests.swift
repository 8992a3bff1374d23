import Datapath
import Southbound
import Testing
import Wire

@Suite struct TraceTests {
    private let host = TestHost([
        TestHost.vm(1, at: "hv1", security: [PortSecurityEntry(mac: TestHost.mac(1))]),
        TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: "hv1", security: [PortSecurityEntry(mac: TestHost.mac(3))]),
    ])

    private func trace(_ source: Int, _ destination: MACAddress, _ payload: TracedFrame.Payload) -> [String] {
        let frame = TracedFrame(source: TestHost.mac(source), destination: destination, payload: payload)
        let trace = host.tables.view.trace(frame.bytes ?? [], from: 0)
        return trace.steps.map(\.description) + trace.outputs.map(\.description)
            + (trace.dropReason.map { [$0.label] } ?? [])
    }

    private func udp(_ source: Int, _ destination: Int) -> TracedFrame.Payload {
        .ip(
            source: .v4(TestHost.ipv4(source)),
            destination: .v4(TestHost.ipv4(destination)),
            .udp(source: 68, destination: 67)
        )
    }

    @Test func `A frame to another host shows each stage of ingress and the keys that it is sent with`() {
        #expect(
            trace(1, TestHost.mac(2), udp(1, 2)).contains(
                inOrder: [
                    "ls_in_check_port_sec: next", "ls_in_apply_port_sec: next", "ls_in_arp_rsp: next",
                    "ls_in_l2_lkup: output to port 2", "to 10.127.0.2, VNI 5, from port 1 to port 2",
                ]
            )
        )
    }

    @Test func `The ports of DHCP alone make a whole message, which is answered`() {
        let host = TestHost.withServices([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1")])
        let own = IPAddress.v6(TestHost.mac(1).linkLocalAddress)
        let payloads: [(TracedFrame.Payload, String)] = [
            (.ip(source: .v4(.any), destination: .v4(.broadcast), .udp(source: 68, destination: 67)), "dhcp_offer"),
            (
                .ip(source: own, destination: .v6(DHCPv6Message.serversAddress), .udp(source: 546, destination: 547)),
                "dhcpv6_advertise"
            ),
        ]
        for (payload, answer) in payloads {
            let frame = TracedFrame(source: TestHost.mac(1), destination: .broadcast, payload: payload)
            let trace = host.tables.view.trace(frame.bytes ?? [], from: 0)
            #expect(trace.steps.last?.description == "ls_in_dhcp_options: answer (\(answer))")
        }
    }

    @Test func `A frame to all shows egress for each port of this host`() {
        #expect(
            trace(1, .broadcast, udp(1, 2)).contains(
                inOrder: [
                    "ls_in_check_port_sec: next", "ls_in_apply_port_sec: next", "ls_in_arp_rsp: next",
                    "ls_in_l2_lkup: output to group 32772", "ls_out_check_port_sec: next",
                    "ls_out_apply_port_sec: output to port 3", "to slot 2",
                    "to 10.127.0.2, VNI 5, from port 1 to group 32772",
                ]
            )
        )
    }

    @Test func `A stage that drops a frame is the last one and gives the reason`() {
        #expect(
            trace(9, TestHost.mac(2), udp(9, 2)).suffix(2) == [
                "ls_in_apply_port_sec: drop (ingress_port_security)", "ingress_port_security",
            ]
        )
        #expect(
            trace(1, TestHost.mac(7), udp(1, 7)).suffix(2) == [
                "ls_in_l2_unknown: drop (unknown_destination)", "unknown_destination",
            ]
        )
        #expect(host.tables.view.trace([], from: 7).dropReason == .portNotBound)
    }

    @Test func `Requests for known addresses of both families are answered`() {
        let requests: [(MACAddress, IPAddress, IPAddress)] = [
            (.broadcast, .v4(TestHost.ipv4(2)), .v4(TestHost.ipv4(1))),
            (MACAddress(truncating: 0x3333_ff00_0002), .v6(TestHost.ipv6(2)), .v6(TestHost.ipv6(1))),
        ]
        for (destination, target, sender) in requests {
            let lines = trace(1, destination, .neighborRequest(target: target, from: sender))
            #expect(lines.contains("ls_in_arp_rsp: answer (neighbor)") && lines.last?.hasPrefix("answer of ") == true)
        }
    }

    @Test func `A datagram shows local output and egress, or why its sender is not heard`() {
        let datagram = FrameBuilder.geneve(vni: 5, ingress: 2, egress: 3, frame: TestHost.udp(2, 3))
        let trace = host.tables.view.trace(datagram: datagram, from: TestHost.encap(2), now: .zero)
        #expect(
            trace.steps.map(\.description).contains(
                inOrder: [
                    "local_output: output to port 3", "ls_out_check_port_sec: next",
                    "ls_out_apply_port_sec: output to port 3",
                ]
            )
        )
        #expect(trace.outputs == [.local(slot: 2)] && trace.dropReason == nil)
        let stranger = host.tables.view.trace(datagram: datagram, from: TestHost.encap(9), now: .zero)
        #expect(stranger.steps.isEmpty && stranger.dropReason == .unknownTunnelSource)
    }

    @Test func `Addresses of two families make no frame`() {
        let payload = TracedFrame.Payload.ip(
            source: .v4(TestHost.ipv4(1)),
            destination: .v6(TestHost.ipv6(2)),
            .tcp(source: 1, destination: 2)
        )
        #expect(TracedFrame(source: TestHost.mac(1), destination: TestHost.mac(2), payload: payload).bytes == nil)
    }
}

extension [String] {
    /// True if all of these are there in this order; stages that come later may lie between them.
    func contains(inOrder wanted: [String]) -> Bool {
        var rest = self[...]
        return wanted.allSatisfy { text in
            guard let index = rest.firstIndex(of: text) else { return false }
            rest = rest[(index + 1)...]
            return true
        }
    }
}
