import Wire

/// The way of a frame through the pipeline: each stage by OVN's name with its decision, then the outputs.
///
/// It is made by the very stages and tables of the packet path and has no effect: nothing is sent, counted or kept, and
/// no limit is used up. What the path to another host carries is not looked at: a frame may still be too long for it.
///
/// To trace what a port sends, make the frame (`TracedFrame` makes one of fields) and ask the tables:
///
///     let frame = TracedFrame(source: mac, destination: other, payload: .neighborRequest(target: a, from: b))
///     let trace = tables.trace(frame.bytes ?? [], from: slot)
///     for step in trace.steps { print(step) }      // "ls_in_check_port_sec: next", ...
///     for output in trace.outputs { print(output) } // "to 192.0.2.7, VNI 5, from port 1 to port 2"
public struct Trace: Equatable, Sendable {
    /// The stages in the order in which they were asked; those of egress again for each port of this host.
    public internal(set) var steps: [Step] = []
    /// The things that are done with the frame; nothing if it goes nowhere.
    public internal(set) var outputs: [Output] = []
    /// The changes to the headers of the output of the same index.
    public internal(set) var edits: [Edit] = []
    /// The reason why the frame as a whole goes nowhere; `nil` if there are outputs. Also set if no stage was asked, as
    /// the frame comes from no port: the slot has none, or the tunnel's sender may not send for it.
    public internal(set) var dropReason: DropReason?

    /// A stage's decision.
    public struct Step: Equatable, Sendable, CustomStringConvertible {
        /// OVN's name of the stage, such as `ls_in_l2_lkup`.
        public let stage: String
        /// The key of the datapath (VNI) that the stage is of.
        public let datapath: UInt32
        /// The key of the port that the stage is asked for: of the sender, in egress of the one that the frame goes to.
        public let port: UInt16
        public let decision: Decision
        /// The ACL that has decided, by its place in the datapath's record; `nil` if none has.
        public let acl: Int?

        /// `ls_in_l2_lkup: output to port 3`.
        public var description: String { "\(stage): \(decision)" }
    }

    /// The decisions of a stage.
    public enum Decision: Equatable, Sendable, CustomStringConvertible {
        /// The next stage decides.
        case next
        /// The frame goes nowhere, or one copy of it in egress.
        case drop(DropReason)
        /// The frame is answered.
        case answer(AnswerKind)
        /// The frame goes to the port or, from 32768 on, to the group of this key.
        case output(key: UInt16)
        /// The frame is changed, and the next stage decides.
        case rewrite(Edit)
        /// The frame goes on in the datapath of this key.
        case enter(datapath: UInt32)

        /// `next`, `drop (hairpin)`, `answer (dhcp_offer)`, `output to port 3`, `output to group 32768`.
        public var description: String {
            switch self {
            case .next: "next"
            case .drop(let reason): "drop (\(reason.label))"
            case .answer(let kind): "answer (\(kind.label))"
            case .output(let key): "output to \(key < GroupKey.flood ? "port" : "group") \(key)"
            case .rewrite(let edit): "rewrite (\(edit))"
            case .enter(let datapath): "enter datapath \(datapath)"
            }
        }
    }

    /// One thing that is done with a frame.
    public enum Output: Equatable, Sendable, CustomStringConvertible {
        /// It is written to the device in this slot.
        case local(slot: UInt16)
        /// It is sent to the other host's address with the datapath's key and the keys of the sender and of the port or
        /// group that it goes to.
        case remote(IPAddress, vni: UInt32, ingress: UInt16, egress: UInt16)
        /// A copy for the port in this slot is dropped on its way out.
        case dropped(DropReason, slot: UInt16)
        /// The sender gets this frame as an answer.
        case answer(AnswerKind, [UInt8])

        public var description: String {
            switch self {
            case .local(let slot): "to slot \(slot)"
            case .remote(let address, let vni, let ingress, let egress):
                "to \(address), VNI \(vni), from port \(ingress) to "
                    + "\(egress < GroupKey.flood ? "port" : "group") \(egress)"
            case .dropped(let reason, let slot): "dropped for slot \(slot) (\(reason.label))"
            case .answer(let kind, let bytes): "answer of \(bytes.count) bytes (\(kind.label))"
            }
        }
    }
}

extension Tables {
    /// The way of a frame that the device in `slot` sends.
    /// - Parameter bytes: the frame from the destination MAC on, without a frame check sequence.
    public func trace(_ bytes: [UInt8], from slot: UInt16) -> Trace {
        trace(bytes) { frame, reply, recorder in
            process(frame, from: slot, reply: reply, nil, nil, now: .zero, by: SwitchIngress.self, &recorder)
        }
    }

    /// The way of a datagram that another host sends.
    /// - Parameters:
    ///   - bytes: the UDP payload: the Geneve header and the frame after it.
    ///   - source: the outer source address.
    ///   - now: the time by which tables are changed (`ForwardingTables.apply`).
    public func trace(datagram bytes: [UInt8], from source: IPAddress, now: Duration) -> Trace {
        let packet = bytes.withUnsafeBytes { memory in
            memory.baseAddress.map { TunnelPacket($0, byteCount: memory.count) }
        }
        guard let packet else {
            var trace = Trace()
            trace.dropReason = .malformedTunnel
            return trace
        }
        return trace(Array(bytes[packet.headerByteCount...])) { frame, _, recorder in
            processTunnel(packet, frame: frame, from: source, nil, nil, now: now, &recorder)
        }
    }

    private func trace(
        _ bytes: [UInt8],
        _ decide: (Frame, UnsafeMutableRawBufferPointer, inout TraceRecorder) -> Verdict
    ) -> Trace {
        let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: Verdict.replyByteCountMaximum, alignment: 8)
        defer { reply.deallocate() }
        var recorder = TraceRecorder()
        // Also a frame of no octets has a place.
        return (bytes + [0]).withUnsafeBytes { memory in
            guard let base = memory.baseAddress else { return recorder.trace }
            var verdict = decide(Frame(base, byteCount: bytes.count), reply, &recorder)
            let answer = reply[..<verdict.replyByteCount]
            if !answer.isEmpty {
                recorder.trace.outputs.append(.answer(verdict.replyKind, Array(answer)))
                recorder.trace.edits.append(Edit())
            }
            let frame = Frame(base, byteCount: bytes.count)
            var isRejected = verdict.dropReason == .rejected
            while let output = verdict.takeOutput(self, &recorder) {
                guard let traced = traced(output.action) else { continue }
                if case .dropped(.rejected, _) = traced { isRejected = true }
                recorder.trace.outputs.append(traced)
                recorder.trace.edits.append(output.edit)
            }
            if isRejected { traceRejection(of: frame, into: reply, &recorder) }
            // Without a reason there was no output but the port itself.
            if recorder.trace.outputs.isEmpty || verdict.dropReason != nil {
                recorder.trace.dropReason = verdict.dropReason ?? .hairpin
            }
            return recorder.trace
        }
    }

    private func traceRejection(
        of frame: Frame,
        into reply: UnsafeMutableRawBufferPointer,
        _ recorder: inout TraceRecorder
    ) {
        let byteCount = frame.writeRejection(into: reply)
        guard byteCount > 0 else { return }
        recorder.trace.outputs.append(.answer(.rejection, Array(reply[..<byteCount])))
        recorder.trace.edits.append(Edit())
    }

    private func traced(_ action: FlowAction) -> Trace.Output? {
        switch action.kind {
        case .local: .local(slot: action.slot)
        case .remote:
            place(action.place).map { address in
                .remote(address, vni: action.vni, ingress: action.ingressKey, egress: action.egressKey)
            }
        case .refused: .dropped(action.reason, slot: action.slot)
        case .drop, .pipeline, .program, .wider: nil
        }
    }
}

/// Writes down what stages decide.
private struct TraceRecorder: StepRecorder {
    var trace = Trace()

    mutating func record<Visited: Stage>(_ stage: Visited.Type, _ step: Step, _ context: Context, _ tables: Tables) {
        let decision: Trace.Decision
        switch step {
        case .next: decision = .next
        case .drop(let reason): decision = .drop(reason)
        case .answer(let kind, _): decision = .answer(kind)
        case .output: decision = .output(key: context.outputKey)
        case .rewrite(let edit): decision = .rewrite(edit)
        case .enter(let port): decision = .enter(datapath: tables.datapath(of: port)?.pointee.vni ?? 0)
        }
        let isFilter = Visited.self == IngressFilter.self || Visited.self == EgressFilter.self
        trace.steps.append(
            Trace.Step(
                stage: "\(stage.name)",
                datapath: context.datapath.pointee.vni,
                port: (context.egress ?? context.ingress).pointee.key,
                decision: decision,
                acl: isFilter && context.acl != .max ? Int(context.acl) : nil
            )
        )
    }
}
