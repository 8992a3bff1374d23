import Southbound
import Testing
import Wire

@testable import Datapath

/// Stages that no feature has yet, in lists of their own: what routers, NAT and a control thread will need.
@Suite struct PipelineTests {
    /// `ls1` (VNI 5) with ports 1 and 3 here and 2 on `hv2`; `ls2` (VNI 6) with port 1 here, the MAC of which is 9.
    private static func host() -> TestHost {
        var host = TestHost([TestHost.vm(1, at: "hv1"), TestHost.vm(2, at: "hv2"), TestHost.vm(3, at: "hv1")])
        host.update(at: .zero) { input in
            let second = ObjectID(high: 1, low: 2)
            input.datapaths.append(DatapathBinding(id: second, name: "ls2", tunnelKey: 6, vlanPassthru: false))
            var entry = TestHost.vm(8, at: "hv1")
            var port = TestHost.vm(9, at: "hv1")
            (entry.datapath, port.datapath) = (second, second)
            input.ports += [entry, port]
            input.plugged.append(Device(logicalPort: "vm9", slot: 9))
        }
        return host
    }

    private enum Rewrite: Stage {
        static var name: StaticString { "test_rewrite" }
        static func decide(_ context: inout Context, _ tables: Tables) -> Step {
            var edit = Edit()
            edit.setDestination(TestHost.mac(3).rawValue)
            edit.takeHop()
            return .rewrite(edit)
        }
    }

    private enum Enter: Stage {
        static var name: StaticString { "test_enter" }
        static func decide(_ context: inout Context, _ tables: Tables) -> Step {
            guard let other = tables.datapath(vni: 6), let port = tables.port(key: 8, in: other) else {
                return .drop(.noRoom)
            }
            return .enter(port)
        }
    }

    private enum Rewriting: StageList {
        static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool {
            walk.passes(Admission.self) && walk.passes(Rewrite.self) && walk.passes(DestinationLookup.self)
        }
    }

    private enum Entering: StageList {
        static func walk<Walk: StageWalk>(_ walk: inout Walk) -> Bool { walk.passes(Enter.self) }
    }

    private struct StageNames: StepRecorder {
        var names: [String] = []

        mutating func record<Visited: Stage>(
            _ stage: Visited.Type,
            _ step: Step,
            _ context: Context,
            _ tables: Tables
        ) {
            names.append("\(stage.name)")
        }
    }

    /// Returns the outcome for a frame of port 1, with the names of the stages.
    private static func run<First: StageList, Further: StageList>(
        _ first: First.Type,
        thenIn further: Further.Type,
        _ bytes: [UInt8]
    ) -> (outputs: [Output], dropReason: DropReason?, names: [String]) {
        let host = host()
        let tables = host.tables.view
        return bytes.withUnsafeBytes { memory in
            guard let port = tables.port(atSlot: 0), let datapath = tables.datapath(of: port),
                let start = memory.baseAddress
            else { return ([], nil, []) }
            let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            let frame = Frame(start, byteCount: memory.count)
            let context = Context(frame, from: port, in: datapath, reply: none, learnt: nil, now: .zero)
            var walk = FrameWalk(context, tables, StageNames())
            walk.run(first, thenIn: further)
            var verdict = Verdict(walk.end, walk.context)
            var outputs: [Output] = []
            while let output = verdict.nextOutput(tables) { outputs.append(output) }
            return (outputs, verdict.dropReason, walk.recorder.names)
        }
    }

    @Test func `Stages behind a rewrite decide on what the frame is then`() {
        let result = Self.run(Rewriting.self, thenIn: Rewriting.self, TestHost.udp(1, 2))
        #expect(result.outputs.count == 1 && result.outputs[0].action.kind == .local)
        #expect(result.outputs[0].action.slot == 2)
        #expect(result.outputs[0].edit.description == "destination MAC \(TestHost.mac(3)), 1 hop less")
    }

    @Test func `A frame that enters another datapath goes through its stages as one of that datapath`() {
        let result = Self.run(Entering.self, thenIn: SwitchIngress.self, TestHost.udp(1, 9))
        #expect(result.outputs.map(\.action.slot) == [9])
        #expect(
            result.names.contains(inOrder: ["test_enter", "ls_in_check_port_sec", "ls_in_arp_rsp", "ls_in_l2_lkup"])
        )
        // The port of the first datapath with that MAC is not asked.
        #expect(
            Self.run(Entering.self, thenIn: SwitchIngress.self, TestHost.udp(1, 2)).dropReason == .unknownDestination
        )
    }

    @Test func `A frame that goes round in circles is dropped after eight datapaths`() {
        let result = Self.run(Entering.self, thenIn: Entering.self, TestHost.udp(1, 2))
        #expect(result.outputs.isEmpty && result.dropReason == .hairpin)
        #expect(result.names.count == FrameWalk<NoRecorder>.visitCountMaximum)
    }

    @Test func `A context beside its frame takes about two cache lines`() {
        #expect(MemoryLayout<Context>.size - MemoryLayout<Frame>.size <= 200)
    }
}
