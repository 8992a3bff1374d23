import Wire

/// The decision on a frame, and how far its outputs have been taken.
public struct Verdict {
    /// The reason why the frame goes nowhere; `nil` if there may be outputs or an answer.
    public let dropReason: DropReason?
    /// The octets of an answer that lie in the caller's buffer, to be sent out of the slot that the frame came from;
    /// 0 if there is none. A frame may have an answer and outputs.
    public let replyByteCount: Int
    public private(set) var replyKind = AnswerKind.neighbor
    /// The findings on the way; `nil` if the frame came from no port.
    private(set) var context: Context?
    private(set) var read: Context.Fields
    /// See `Context`; a decision with several of the latter is not kept.
    private(set) var ingressConnection = ConnectionReference.none
    private(set) var egressConnection = ConnectionReference.none

    private var localIndex = 0
    private var remoteIndex = 0
    /// Outputs that have been taken before anybody asked for them, and how many of them have been handed on.
    private var early: UnsafeMutablePointer<Output>?
    private(set) var earlyCount = 0
    private var earlyIndex = 0
    /// The copies of a frame for many that this host makes beyond the first one, which any frame costs: for its own
    /// ports and for other hosts. 0 for a frame to one port.
    public private(set) var extraCopyCount = 0
    /// True if the frame goes to all ports that take frames to MACs which nobody is known to have.
    public private(set) var isUnknown = false

    /// The largest answer, in octets: an ICMPv6 "packet too big" of 1280 octets (RFC 4443 section 2.4) after an
    /// Ethernet header with two tags.
    public static let replyByteCountMaximum = 1280 + 22

    /// The octets of the Geneve header with OVN's option.
    public static let geneveHeaderByteCount = 16

    /// A frame that goes nowhere, as it comes from no port that may send it.
    init(_ reason: DropReason, read: Context.Fields = []) {
        dropReason = reason
        replyByteCount = 0
        self.read = read
    }

    /// The decision to do all that lies ready.
    init(_ outputs: UnsafeMutablePointer<Output>, count: Int, extraCopyCount: Int = 0, isUnknown: Bool = false) {
        (dropReason, replyByteCount) = (nil, 0)
        read = []
        early = outputs
        earlyCount = count
        self.extraCopyCount = extraCopyCount
        self.isUnknown = isUnknown
    }

    /// The decision `step`, which ended the way of `context`.
    init(_ step: Step, _ context: Context) {
        switch step {
        case .drop(let reason): (dropReason, replyByteCount) = (reason, 0)
        case .answer(let kind, let byteCount):
            (dropReason, replyByteCount) = (nil, byteCount)
            replyKind = kind
        case .next, .output, .rewrite, .enter: (dropReason, replyByteCount) = (nil, 0)
        }
        self.context = context
        read = context.read
        ingressConnection = context.connection
        if dropReason == nil {
            extraCopyCount = Self.extraCopyCount(context)
            isUnknown = context.destinations.key == GroupKey.unknown
        }
    }

    /// True if the frame has been in other datapaths than that of the port which sent it.
    var isFromOtherDatapath: Bool { context.map { $0.enteredCount > 0 } ?? false }

    /// The VNI and the keys of the ports, as `FlowAction` has them.
    var keys: UInt64 {
        guard let context else { return 0 }
        let vni = UInt64(context.datapath.pointee.vni) &<< 32
        return vni | UInt64(context.ingress.pointee.key) &<< 16 | UInt64(context.destinations.key)
    }

    /// The kind of the frame that it is about, if that is for many.
    public func stormKind(of frame: Frame) -> StormLimits.Kind? {
        guard replyByteCount == 0 else { return nil }
        if isUnknown { return .unknown }
        guard frame.isMulticast else { return nil }
        return frame.destination == MACAddress.broadcast.rawValue ? .broadcast : .multicast
    }

    /// True if each frame is counted that goes to an unknown MAC, however few get it.
    private var isCounted: Bool { isUnknown && context?.ingress.pointee.flags.contains(.limitsUnknown) == true }

    private static func extraCopyCount(_ context: Context) -> Int {
        guard context.destinations.key >= GroupKey.flood else { return 0 }
        let ingress = context.ingress
        let destinations = context.destinations
        // A member gets no copy of what it has sent.
        let isMember = context.isMember(ofGroup: destinations.key)
        let isLocal = ingress.pointee.locals.count > 0
        let count =
            min(destinations.locals.count, Tables.slotCountMaximum)
            &+ min(destinations.remotes.count, Tables.placeCountMaximum)
        return max(0, count &- (isMember && isLocal ? 2 : 1))
    }

    /// Takes the virtual port that the frame claims for the port which has sent it; `nil` for all frames but few.
    public mutating func takeClaim() -> ObjectID? {
        guard let port = context?.claimed else { return nil }
        context?.claimed = nil
        return ObjectID(high: port.pointee.idHigh, low: port.pointee.idLow)
    }

    /// Takes what the frame tells of members of multicast groups; `nil` for all frames but few.
    public mutating func takeMembershipNews(of frame: Frame) -> MembershipNews? {
        guard context?.tellsMembers == true else { return nil }
        context?.tellsMembers = false
        return MembershipNews(frame, keys: keys)
    }

    /// The next output of the frame; `nil` at the end. Egress runs here, once for each port of this host.
    /// - Parameter tables: those that have decided.
    public mutating func nextOutput(_ tables: Tables) -> Output? {
        guard earlyIndex < earlyCount, let early else { return takeOutput(tables) }
        earlyIndex &+= 1
        return early[earlyIndex &- 1]
    }

    private mutating func takeOutput(_ tables: Tables) -> Output? {
        var recorder = NoRecorder()
        return takeOutput(tables, &recorder)
    }

    /// The thing to do with the frame, if it is one; else `.pipeline`, and all outputs are yet to be taken.
    /// - Parameter outputs: room for those that lie ready then, one more than a program has.
    mutating func onlyAction(_ tables: Tables, _ outputs: UnsafeMutablePointer<Output>) -> FlowAction {
        if let dropReason { return FlowAction(.drop, reason: dropReason) }
        guard replyByteCount == 0 else { return .pipeline }
        early = outputs
        while earlyCount <= OutputList.countMaximum, let output = takeOutput(tables) {
            outputs[earlyCount] = output
            earlyCount &+= 1
        }
        if earlyCount == 0 { return FlowAction(.drop, reason: .hairpin) }
        // A frame for many is taken care of as one, also if there is one other member.
        let isOne = earlyCount == 1 && outputs[0].edit.isEmpty && context?.isMulticast == false && !isCounted
        return isOne ? outputs[0].action : .pipeline
    }

    /// The part that is kept of a decision that is more than one thing to do; `nil` if it is one thing, has an answer,
    /// or is more than a program has room for. To be asked after `onlyAction`.
    var program: OutputPrograms.Program? {
        guard dropReason == nil, replyByteCount == 0, let early, (1...OutputList.countMaximum).contains(earlyCount),
            earlyCount > 1 || !early[0].edit.isEmpty || context?.isMulticast == true || isFromOtherDatapath || isCounted
        else { return nil }
        var program = OutputPrograms.Program(
            extraCopyCount: extraCopyCount,
            isUnknown: isUnknown,
            isOfOneEpoch: isFromOtherDatapath
        )
        for index in 0..<earlyCount { program.outputs.append(early[index]) }
        return program
    }

    /// Takes the next output and tells `recorder` of the stages of egress.
    @inline(__always)
    mutating func takeOutput<Recorder: StepRecorder>(_ tables: Tables, _ recorder: inout Recorder) -> Output? {
        guard dropReason == nil, let context else { return nil }
        let ingress = context.ingress.pointee
        let locals = tables.rows(UInt16.self, context.destinations.locals)
        while localIndex < locals.count {
            let slot = locals[localIndex]
            localIndex &+= 1
            // The port that has sent the frame is left out.
            if ingress.locals.count > 0, slot == ingress.slot { continue }
            guard let port = tables.port(atSlot: slot) else { continue }
            return egress(to: port, at: slot, context, tables, &recorder)
        }
        let remotes = tables.rows(UInt32.self, context.destinations.remotes)
        while remoteIndex < remotes.count {
            let place = Int(remotes[remoteIndex])
            remoteIndex &+= 1
            guard place < tables.placeCount else { continue }
            return Output(action: FlowAction(.remote, to: place, keys: keys), edit: context.edit)
        }
        return nil
    }

    @inline(__always)
    private mutating func egress<Recorder: StepRecorder>(
        to port: UnsafePointer<PortRow>,
        at slot: UInt16,
        _ context: Context,
        _ tables: Tables,
        _ recorder: inout Recorder
    ) -> Output {
        var walk = FrameWalk(context, tables, recorder)
        walk.context.egress = port
        walk.context.connection = .none
        _ = SwitchEgress.walk(&walk)
        recorder = walk.recorder
        read.formUnion(walk.context.read)
        if !walk.context.connection.isNone {
            if !egressConnection.isNone { read.insert(.clock) }
            egressConnection = walk.context.connection
        }
        switch walk.end {
        case .drop(let reason):
            return Output(action: FlowAction(.refused, to: Int(slot), reason: reason), edit: Edit())
        case .next, .answer, .output, .rewrite, .enter:
            return Output(action: FlowAction(.local, to: Int(slot)), edit: walk.context.edit)
        }
    }
}

/// Memory for a verdict and the outputs that lie ready with it.
public struct VerdictRoom: @unchecked Sendable {
    /// The last decision that was more than one thing to do.
    public let verdict: UnsafeMutablePointer<Verdict>
    /// The connection, as the port sees it that the frame goes to, by which the last decision was made or is kept; none
    /// if it was made without one.
    public let connection: UnsafeMutablePointer<ConnectionReference>
    let outputs: UnsafeMutablePointer<Output>

    /// Outputs that lie ready: one more than a program has, so that a longer list is known.
    private static let outputCount = OutputList.countMaximum + 1

    /// The memory is the caller's to free.
    public init() {
        verdict = .allocate(capacity: 1)
        verdict.initialize(to: Verdict(.portNotBound))
        connection = .allocate(capacity: 1)
        connection.initialize(to: .none)
        outputs = .allocate(capacity: Self.outputCount)
        outputs.initialize(repeating: Output(action: .pipeline, edit: Edit()), count: Self.outputCount)
    }

    public func deallocate() {
        verdict.deallocate()
        connection.deallocate()
        outputs.deallocate()
    }
}
