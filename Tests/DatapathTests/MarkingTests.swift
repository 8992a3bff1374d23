import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// QoS rules, by the octets that ports and other hosts get.
@Suite struct MarkingTests {
    private func host(
        _ rules: [MarkingRule],
        _ acls: [PacketFilter.Rule] = [],
        _ change: (inout PacketFilter) -> Void = { _ in }
    ) -> TestHost {
        var filter = PacketFilter(acls: acls)
        filter.markings = rules
        filter.ports = ["vm1": 1, "vm2": 2]
        change(&filter)
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv1"), TestHost.vm(3, at: "hv2")])
        host.update(at: .zero) { $0.datapaths[0].filter = filter }
        return host
    }

    private func rule(
        _ match: String,
        _ dscp: UInt8,
        _ direction: PacketFilter.Direction = .fromPort
    ) -> MarkingRule { MarkingRule(name: match, direction: direction, match: match, dscp: dscp) }

    /// The frames that leave.
    private func edits(of bytes: [UInt8], _ host: TestHost) -> [[UInt8]] {
        withExtendedLifetime(host.tables) {
            bytes.withUnsafeBytes { memory in
                withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum, alignment: 8) { reply in
                    let view = host.tables.view
                    let frame = Frame(memory.start, byteCount: memory.count)
                    var verdict = view.process(frame, from: 0, reply: reply, now: .zero)
                    var frames: [[UInt8]] = []
                    while let output = verdict.nextOutput(view) {
                        guard output.action.kind != .refused else { continue }
                        frames.append(OracleEdit.apply(output.edit, to: bytes, isPartial: false))
                    }
                    return frames
                }
            }
        }
    }

    private func dscp(_ bytes: [UInt8]) -> UInt8 {
        bytes[12] == 0x08 ? bytes[15] >> 2 : (bytes[14] & 15) << 2 | bytes[15] >> 6
    }

    @Test func `The first rule marks, at either side, and checksums stay right`() {
        for frame in [TestHost.udp(1, 2), TestHost.udp6(1, 2)] {
            let host = host([
                rule("inport == \"vm2\" && ip", 1), rule("udp", 46), rule("ip", 2),
                rule("outport == \"vm2\" && ip.dscp == 46 && udp", 10, .toPort), rule("ip", 3, .toPort),
            ])
            let sent = edits(of: frame, host)
            #expect(sent.map(dscp) == [10])
            for bytes in sent where bytes[12] == 0x08 { #expect(Flow.sum(Array(bytes[14..<34])) == 0xffff) }
            // Of the traffic class the congestion stays (RFC 3168 section 5).
            var congested = frame
            if frame[12] == 0x08 {
                congested[15] |= 3
                congested[25] &-= 3
            } else {
                congested[15] |= 0x30
            }
            let marked = edits(of: congested, host).map { frame[12] == 0x08 ? $0[15] & 3 : $0[15] >> 4 & 3 }
            #expect(marked == [3])
        }
    }

    @Test func `What is no IP, and what no rule is true of, stays as it is`() {
        let host = host([rule("1", 46), rule("tcp", 1, .toPort)])
        #expect(edits(of: TestHost.arpRequest(1, 9), host).allSatisfy { $0 == TestHost.arpRequest(1, 9) })
        #expect(edits(of: TestHost.udp(1, 2), self.host([rule("tcp", 5)])) == [TestHost.udp(1, 2)])
        #expect(edits(of: TestHost.udp(1, 2), self.host([rule("a later word", 5)])) == [TestHost.udp(1, 2)])
    }

    @Test func `Other hosts get the mark, and ACLs of to-lport see it`() {
        let marking = [rule("udp", 46)]
        #expect(edits(of: TestHost.udp(1, 3), host(marking)).map(dscp) == [46])
        let acl = PacketFilter.Rule(name: "a", direction: .toPort, tier: 0, match: "ip.dscp == 46", action: .drop)
        #expect(edits(of: TestHost.udp(1, 2), host(marking, [acl])).isEmpty)
        #expect(edits(of: TestHost.udp(1, 2), host([], [acl])).count == 1)
    }

    @Test func `A change of rules and of sets holds for the next frame of a kept flow`() {
        var host = host([rule("ip4.src == $a", 46)]) { $0.addressSets["a"] = [] }
        let cache = FlowCache(entryCount: 64)
        let bytes = TestHost.udp(1, 2)
        func marks() -> [UInt8] { host.tables.keptEdits(of: bytes, from: 0, cache).map(dscp) }
        #expect(marks() == [0] && marks() == [0])
        host.update(at: .zero) { $0.datapaths[0].filter?.addressSets["a"] = [IPPrefix(host: .v4(TestHost.ipv4(1)))] }
        #expect(marks() == [46] && marks() == [46])
        host.update(at: .zero) { $0.datapaths[0].filter?.markings[0].dscp = 7 }
        #expect(marks() == [7] && marks() == [7])
        host.update(at: .zero) { $0.datapaths[0].filter = nil }
        #expect(marks() == [0])
    }
}

extension ForwardingTables {
    /// The frames that leave for one of a port, by what is kept if anything is.
    fileprivate func keptEdits(of bytes: [UInt8], from slot: UInt16, _ cache: borrowing FlowCache) -> [[UInt8]] {
        bytes.withUnsafeBytes { memory in
            withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum, alignment: 8) { reply in
                let frame = Frame(memory.start, byteCount: memory.count)
                let room = VerdictRoom()
                defer { room.deallocate() }
                var action = view.action(for: frame, from: slot, cache)
                if action.isUnsettled {
                    action = view.decide(on: frame, from: slot, cache, reply: reply, now: .zero, into: room)
                }
                guard action.kind == .pipeline else { return action.kind == .local ? [bytes] : [] }
                var frames: [[UInt8]] = []
                while let output = room.verdict.pointee.nextOutput(view) {
                    frames.append(OracleEdit.apply(output.edit, to: bytes, isPartial: false))
                }
                return frames
            }
        }
    }
}
