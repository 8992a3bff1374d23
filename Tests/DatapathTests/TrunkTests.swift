import Southbound
import Testing
import Wire

@testable import Datapath

/// Trunk ports of a switch that passes tags: `vm1` in slot 0 has VLANs 10 and 20 and the native one 5, `vm2` in slot 1
/// is an access port of 5, `vm3` in slot 2 takes 10 and frames without a tag, `vm4` in slot 3 takes all, `vm5` is on
/// `hv2`.
@Suite struct TrunkTests {
    private let host: TestHost

    init() {
        var ports = (1...4).map { TestHost.vm($0, at: "hv1") } + [TestHost.vm(5, at: "hv2")]
        ports[0].trunk = Trunk(vlans: VLANList("10,20") ?? VLANList(), native: 5)
        ports[1].trunk = Trunk(native: 5)
        ports[2].trunk = Trunk(vlans: VLANList("0,10") ?? VLANList())
        ports[4].trunk = Trunk(vlans: VLANList("10") ?? VLANList())
        host = TestHost(ports, vlanPassthru: true)
    }

    private static func frame(_ source: Int, _ tags: [(type: UInt16, control: UInt16)]) -> [UInt8] {
        let payload = [UInt8](repeating: 1, count: 46)
        let frame = FrameBuilder.ethernet(TestHost.mac(source), .broadcast, 0x88b5, payload: payload)
        let octets = tags.flatMap { tag in [tag.type, tag.control].flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } }
        return Array(frame[..<12] + octets + frame[12...])
    }

    private static func tagged(_ source: Int, _ vlans: UInt16...) -> [UInt8] {
        frame(source, vlans.map { (0x8100, $0) })
    }

    /// The outputs of a frame with the tag that it has there, or why there is none.
    private func outputs(_ bytes: [UInt8], from slot: UInt16) -> [String] {
        let tables = host.tables.view
        return bytes.withUnsafeBytes { memory in
            withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum, alignment: 1) { reply in
                var verdict = tables.process(Frame(memory.start, byteCount: memory.count), from: slot, reply: reply)
                var texts: [String] = []
                while let output = verdict.nextOutput(tables) {
                    let changed = OracleEdit.apply(output.edit, to: bytes, isPartial: false)
                    let tag = changed[12] == 0x81 ? " \(UInt16(changed[14]) << 8 | UInt16(changed[15]))" : " none"
                    switch output.action.kind {
                    case .local: texts.append("\(output.action.slot)\(tag)")
                    case .remote: texts.append("tunnel\(tag)")
                    case .refused: texts.append("\(output.action.slot) \(output.action.reason.label)")
                    case .drop, .pipeline, .program, .wider: break
                    }
                }
                return texts + [verdict.dropReason?.label].compactMap(\.self)
            }
        }
    }

    @Test func `A frame without a tag is of the native VLAN on the switch, whatever its priority`() {
        let wanted = ["1 none", "2 vlan_not_allowed", "3 5", "tunnel 5"]
        #expect(outputs(Self.tagged(1), from: 0) == wanted)
        #expect(outputs(Self.tagged(1, 5), from: 0) == wanted)
        let urgent = ["1 none", "2 vlan_not_allowed", "3 57349", "tunnel 57349"]
        #expect(outputs(Self.tagged(1, 0xe000), from: 0) == urgent)
        #expect(outputs(Self.tagged(2), from: 1) == ["0 none", "2 vlan_not_allowed", "3 5", "tunnel 5"])
    }

    @Test func `Frames of its VLANs pass as they are, and no others`() {
        #expect(
            outputs(Self.tagged(1, 10), from: 0) == ["1 vlan_not_allowed", "2 10", "3 10", "tunnel 10"]
        )
        for vlan in [1, 11, 21, 4094, 4095] as [UInt16] {
            #expect(outputs(Self.tagged(1, vlan), from: 0) == ["vlan_not_allowed"])
        }
        #expect(outputs(Self.tagged(2, 10), from: 1) == ["vlan_not_allowed"])
        #expect(
            outputs(Self.tagged(3), from: 2) == ["0 vlan_not_allowed", "1 vlan_not_allowed", "3 none", "tunnel none"]
        )
        #expect(
            outputs(Self.tagged(4, 20), from: 3)
                == ["0 20", "1 vlan_not_allowed", "2 vlan_not_allowed", "tunnel 20"]
        )
    }

    @Test func `A tag that hides another one crosses no VLAN`() {
        // Behind the native one, it would be the first at another trunk port.
        #expect(outputs(Self.tagged(1, 5, 10), from: 0) == ["vlan_not_allowed"])
        #expect(outputs(Self.tagged(4, 5, 10), from: 3).prefix(2) == ["0 vlan_not_allowed", "1 vlan_not_allowed"])
        for type in [0x8100, 0x88a8] as [UInt16] {
            #expect(outputs(Self.frame(1, [(type, 0), (0x8100, 10)]), from: 0) == ["vlan_not_allowed"])
            #expect(outputs(Self.frame(3, [(type, 0), (0x8100, 10)]), from: 2) == ["vlan_not_allowed"])
        }
        #expect(outputs(Self.frame(1, [(0x88a8, 10)]), from: 0) == ["vlan_not_allowed"])
        // A customer's tag behind one of its own is nobody's business here.
        #expect(outputs(Self.tagged(1, 10, 30), from: 0).contains("2 10"))
    }

    @Test func `From a tunnel the frame is kept from a port, or loses the native tag`() {
        for (vlan, outcome) in [
            (5, Outcome.local(slot: 0)), (10, .local(slot: 0)), (11, .copyDropped(.vlanNotAllowed, slot: 0)),
        ] as [(UInt16, Outcome)] {
            let datagram = FrameBuilder.geneve(vni: 5, ingress: 5, egress: 1, frame: Self.tagged(5, vlan))
            #expect(host.tables.outcomes(ofDatagram: datagram, from: TestHost.encap(2), now: .zero) == [outcome])
        }
    }

    @Test func `Without vlan_passthru nothing gets a tag`() {
        var host = host
        host.update(at: .zero) { $0.datapaths[0].vlanPassthru = false }
        #expect(host.tables.outcomes(of: Self.tagged(1), from: 0) == [.drop(.vlanTagged)])
        #expect(host.tables.outcomes(of: Self.tagged(1, 10), from: 0) == [.drop(.vlanTagged)])
    }

    @Test func `ACLs see the frame as it is on the switch, and a kept decision is the same`() {
        var host = host
        let acl = PacketFilter.Rule(name: "", direction: .toPort, tier: 0, match: "vlan.vid == 5", action: .drop)
        host.update(at: .zero) { $0.datapaths[0].filter = PacketFilter(acls: [acl]) }
        let cache = FlowCache(entryCount: 64)
        for _ in 1...3 {
            let found = host.tables.keptOutcomes(of: Self.tagged(1), from: 0, cache)
            #expect(Set(found).contains(.copyDropped(.acl, slot: 1)))
            #expect(Set(found).contains(.copyDropped(.acl, slot: 3)))
            let other = host.tables.keptOutcomes(of: Self.tagged(1, 10), from: 0, cache)
            #expect(Set(other).contains(.local(slot: 3)))
        }
    }
}
