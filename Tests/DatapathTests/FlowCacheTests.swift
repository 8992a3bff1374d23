import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath

/// The cache of decisions: their keys, and the time for which they are kept.
@Suite(.serialized) struct FlowCacheTests {
    /// Says what a frame would do, and counts how often it is asked.
    private enum Counter: Stage {
        nonisolated(unsafe) static var count = 0
        static var name: StaticString { "test_counter" }
        static func decide(_ context: inout Context, _ tables: Tables) -> Step {
            count += 1
            return .next
        }
    }

    /// Answers what goes to UDP port 67 of `vm2`, as a DHCP server would, and drops what goes to port 22 of anybody.
    private enum Services: Stage {
        static var name: StaticString { "test_services" }
        static func decide(_ context: inout Context, _ tables: Tables) -> Step {
            guard context.network == .ipv4 else { return .next }
            if context.ipv4Destination == TestHost.ipv4(2).rawValue, context.ports & 0xffff == 67 {
                return context.contents.byteCount > 0 ? .answer(.neighbor, byteCount: 1) : .next
            }
            if context.destination == TestHost.mac(3).rawValue, context.ports & 0xffff == 22 {
                return .drop(.unknownDestination)
            }
            return .next
        }
    }

    private enum Router: Stage {
        static var name: StaticString { "test_router" }
        static func decide(_ context: inout Context, _ tables: Tables) -> Step {
            var edit = Edit()
            edit.setSource(TestHost.mac(9).rawValue)
            edit.takeHop()
            return .rewrite(edit)
        }
    }

    private enum Counted: StageList {
        static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool {
            walk.passes(Counter.self) && SwitchIngress.walk(&walk)
        }
    }

    private enum Serving: StageList {
        static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool {
            walk.passes(Counter.self) && walk.passes(Services.self) && SwitchIngress.walk(&walk)
        }
    }

    private enum Routing: StageList {
        static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool {
            walk.passes(Counter.self) && walk.passes(Router.self) && SwitchIngress.walk(&walk)
        }
    }

    /// Returns the action for a frame, and true if the pipeline was asked.
    private static func decide<List: StageList>(
        _ bytes: [UInt8],
        from slot: UInt16 = 0,
        _ tables: ForwardingTables,
        _ cache: borrowing FlowCache,
        by list: List.Type
    ) -> (outputs: [String], isDecided: Bool) {
        let before = Counter.count
        var outputs: [String] = []
        bytes.withUnsafeBytes { memory in
            withUnsafeTemporaryAllocation(byteCount: Verdict.replyByteCountMaximum, alignment: 8) { reply in
                guard let start = memory.baseAddress else { return }
                let frame = Frame(start, byteCount: memory.count)
                let room = VerdictRoom()
                defer { room.deallocate() }
                let view = tables.view
                var action = view.action(for: frame, from: slot, cache)
                if action.isUnsettled {
                    action = view.decide(
                        on: frame,
                        from: slot,
                        cache,
                        reply: reply,
                        nil,
                        nil,
                        now: .zero,
                        into: room,
                        by: list
                    )
                }
                guard action.kind == .pipeline else {
                    outputs = [text(Output(action: action, edit: Edit()), view)]
                    return
                }
                if room.verdict.pointee.replyByteCount > 0 { outputs.append("answer") }
                while let output = room.verdict.pointee.nextOutput(view) { outputs.append(text(output, view)) }
            }
        }
        return (outputs, Counter.count > before)
    }

    private static func text(_ output: Output, _ tables: Tables) -> String {
        let action = output.action
        let edit = output.edit.isEmpty ? "" : " with \(output.edit)"
        switch action.kind {
        case .local: return "slot \(action.slot)\(edit)"
        case .remote:
            let place = tables.place(action.place).map { "\($0)" } ?? "nowhere"
            return "\(place) \(action.ingressKey)>\(action.egressKey)\(edit)"
        case .drop, .refused: return action.reason.label
        case .pipeline, .program, .wider: return "?"
        }
    }

    private static func udp(to number: Int, port: UInt16) -> [UInt8] {
        let packet = FrameBuilder.ipv4(
            TestHost.ipv4(1),
            TestHost.ipv4(number),
            payload: FrameBuilder.udp(1000, port, count: 4)
        )
        return FrameBuilder.ethernet(TestHost.mac(1), TestHost.mac(number), EtherType.ipv4, payload: packet)
    }

    private static func multicast() -> [UInt8] {
        let group = MACAddress(truncating: 0x0100_5e00_0001)
        let packet = FrameBuilder.ipv4(
            TestHost.ipv4(1),
            IPv4Address(0xe000_0001),
            payload: FrameBuilder.udp(5353, 5353, count: 4)
        )
        return FrameBuilder.ethernet(TestHost.mac(1), group, EtherType.ipv4, payload: packet)
    }

    /// `ls1` with 1 and 3 here and 2 on `hv2`; `ls2` with 4 and 5 here.
    private static func host() -> TestHost {
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: "hv1")])
        host.update(at: .zero) { input in
            let second = ObjectID(high: 1, low: 2)
            input.datapaths.append(DatapathBinding(id: second, name: "ls2", tunnelKey: 6, vlanPassthru: false))
            for number in 4...5 {
                var port = TestHost.vm(number, at: "hv1")
                port.datapath = second
                input.ports.append(port)
                input.plugged.append(Device(logicalPort: port.logicalPort, slot: UInt16(number)))
            }
        }
        return host
    }

    @Test func `After a change of one port only decisions that have to do with it are made anew`() {
        var host = Self.host()
        let cache = FlowCache(entryCount: 1024)
        func decide(_ bytes: [UInt8], from slot: UInt16) -> (outputs: [String], isDecided: Bool) {
            Self.decide(bytes, from: slot, host.tables, cache, by: Counted.self)
        }
        let flows: [(bytes: [UInt8], slot: UInt16)] = [
            (TestHost.udp(4, 5), 4), (TestHost.udp(1, 3), 0), (TestHost.udp(1, 2), 0), (TestHost.udp(3, 2), 2),
        ]
        #expect(flows.allSatisfy { decide($0.bytes, from: $0.slot).isDecided })
        #expect(flows.allSatisfy { !decide($0.bytes, from: $0.slot).isDecided })
        // vm2 may have its own address only: what goes to it is decided anew, and nothing else.
        host.update(at: .seconds(1)) { $0.ports[1].portSecurity = [PortSecurityEntry(mac: TestHost.mac(2))] }
        #expect(flows.map { decide($0.bytes, from: $0.slot).isDecided } == [false, false, true, true])
        #expect(flows.allSatisfy { !decide($0.bytes, from: $0.slot).isDecided })
        // vm3 is disabled: the groups of its switch are others, which any decision there may have read.
        host.update(at: .seconds(2)) { $0.ports[2].isEnabled = false }
        #expect(flows.map { decide($0.bytes, from: $0.slot).isDecided } == [false, true, true, true])
        #expect(decide(TestHost.udp(1, 3), from: 0).outputs == ["destination_disabled"])
        // A host comes that has nothing to do with ports here.
        host.update(at: .seconds(3)) { input in
            input.chassis.append(
                Chassis(name: "hv7", chassisID: "", hostname: "", encaps: [Encap(ip: TestHost.encap(7))])
            )
        }
        #expect(flows.allSatisfy { !decide($0.bytes, from: $0.slot).isDecided })
    }

    @Test func `A host that gets the address of another one is no stranger any more`() {
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv3")])
        // hv2 has no port of the switch, and the address of hv3 for now.
        host.update(at: .zero) { $0.chassis[1].encaps = $0.chassis[2].encaps }
        let cache = FlowCache(entryCount: 64)
        let datagram = FrameBuilder.geneve(vni: 5, ingress: 2, egress: 1, frame: TestHost.udp(2, 1))
        func arriving() -> [Outcome] {
            host.tables.keptOutcomes(ofDatagram: datagram, from: TestHost.encap(3), now: .zero, cache)
        }
        #expect(arriving() == [.drop(.unknownTunnelSource)])
        host.update(at: .zero) { $0.chassis[1].encaps = [Encap(ip: TestHost.encap(2))] }
        #expect(arriving() == [.local(slot: 0)])
    }

    @Test func `Answers to unicast requests are not hidden by the flow of other packets to that address`() {
        let host = Self.host()
        let cache = FlowCache(entryCount: 1024)
        func decide(_ port: UInt16) -> (outputs: [String], isDecided: Bool) {
            Self.decide(Self.udp(to: 2, port: port), host.tables, cache, by: Serving.self)
        }
        for _ in 0..<3 {
            #expect(decide(53).outputs == ["10.127.0.2 1>2"])
            #expect(decide(67) == (["answer"], true))
        }
        #expect(!decide(53).isDecided)
    }

    @Test func `Decisions that read ports are kept port by port, others for all ports`() {
        let host = Self.host()
        let cache = FlowCache(entryCount: 1024)
        func decide(to number: Int, _ port: UInt16) -> (outputs: [String], isDecided: Bool) {
            Self.decide(Self.udp(to: number, port: port), host.tables, cache, by: Serving.self)
        }
        #expect(decide(to: 3, 22) == (["unknown_destination"], true))
        #expect(decide(to: 3, 23) == (["slot 2"], true))
        #expect(decide(to: 3, 22) == (["unknown_destination"], false))
        #expect(decide(to: 3, 23) == (["slot 2"], false))
        #expect(decide(to: 9, 22) == (["unknown_destination"], true))
        #expect(decide(to: 9, 23) == (["unknown_destination"], false))
    }

    @Test func `A frame for up to four is kept with all its outputs, each with the headers of its own`() {
        let host = Self.host()
        let cache = FlowCache(entryCount: 1024)
        let expected = ["slot 2", "10.127.0.2 1>32772"]
        #expect(Self.decide(Self.multicast(), host.tables, cache, by: Counted.self) == (expected, true))
        #expect(Self.decide(Self.multicast(), host.tables, cache, by: Counted.self) == (expected, false))
        let edited = FlowCache(entryCount: 1024)
        let edit = " with source MAC \(TestHost.mac(9)), 1 hop less"
        let changed = ["slot 2\(edit)", "10.127.0.2 1>32772\(edit)"]
        #expect(Self.decide(Self.multicast(), host.tables, edited, by: Routing.self) == (changed, true))
        #expect(Self.decide(Self.multicast(), host.tables, edited, by: Routing.self) == (changed, false))
        let one = Self.udp(to: 3, port: 5)
        #expect(Self.decide(one, host.tables, edited, by: Routing.self) == (["slot 2\(edit)"], true))
        #expect(Self.decide(one, host.tables, edited, by: Routing.self) == (["slot 2\(edit)"], false))
    }

    @Test(arguments: [4, 5])
    func `A frame for more than four goes to all of them`(count: Int) {
        let host = TestHost((1...count + 1).map { TestHost.vm($0, at: "hv1") })
        let cache = FlowCache(entryCount: 1024)
        let expected = (1...count).map { "slot \($0)" }
        #expect(Self.decide(Self.multicast(), host.tables, cache, by: Counted.self) == (expected, true))
        #expect(Self.decide(Self.multicast(), host.tables, cache, by: Counted.self) == (expected, count > 4))
    }

    @Test func `Flows that push each other out of few places are decided anew and right`() {
        let host = Self.host()
        let cache = FlowCache(entryCount: 8)
        for round in 0..<200 {
            let port = UInt16(20 + round % 40)
            let expected = port == 22 ? "unknown_destination" : "slot 2"
            let outputs = Self.decide(Self.udp(to: 3, port: port), host.tables, cache, by: Serving.self).outputs
            #expect(outputs == [expected])
            _ = Self.decide(Self.multicast(), host.tables, cache, by: Serving.self)
        }
    }

    @Test func `Entries take a cache line, wide ones two`() {
        #expect(MemoryLayout<FlowTable<FlowKey>.Entry>.stride == 64)
        #expect(MemoryLayout<FlowTable<WideFlowKey>.Entry>.stride <= 128)
    }
}
