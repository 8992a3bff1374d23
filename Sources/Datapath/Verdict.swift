import Wire

/// The decision on a frame, and how far its outputs have been taken.
public struct Verdict {
    /// Why the frame goes nowhere; `nil` if there may be outputs or an answer.
    public let dropReason: DropReason?
    /// The octets of an answer that lie in the caller's buffer, to be sent out of the slot that the frame came from;
    /// 0 if there is none. A frame may have an answer and outputs.
    public let replyByteCount: Int
    /// What was found out on the way; `nil` if the frame came from no port.
    private(set) var context: Context?
    private(set) var read: Context.Fields

    private var localIndex = 0
    private var remoteIndex = 0
    /// Outputs that have been taken before anybody asked for them.
    private var early: (FlowAction?, FlowAction?) = (nil, nil)

    /// The largest answer, in octets: an ICMPv6 "packet too big" of 1280 octets (RFC 4443 section 2.4) behind an
    /// Ethernet header with two tags.
    public static let replyByteCountMaximum = 1280 + 22

    /// The octets of the Geneve header with OVN's option.
    public static let geneveHeaderByteCount = 16

    /// The decision on no frame.
    public static var none: Verdict { Verdict(.portNotBound) }

    /// A frame that goes nowhere, as it comes from no port that may send it.
    init(_ reason: DropReason, read: Context.Fields = []) {
        dropReason = reason
        replyByteCount = 0
        self.read = read
    }

    /// The decision `step`, which ended the way of `context`.
    init(_ step: Step, _ context: Context) {
        switch step {
        case .drop(let reason): (dropReason, replyByteCount) = (reason, 0)
        case .answer(let byteCount): (dropReason, replyByteCount) = (nil, byteCount)
        case .next, .output: (dropReason, replyByteCount) = (nil, 0)
        }
        self.context = context
        read = context.read
    }

    /// Tells the port that the frame came from among those of all datapaths, as well as a number can.
    public var ingressHash: Int {
        let product = (keys &>> 16) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: product &>> 33)
    }

    /// The VNI and the keys of the ports, as `FlowAction` has them.
    var keys: UInt64 {
        guard let context else { return 0 }
        let vni = UInt64(context.datapath.pointee.vni) &<< 32
        return vni | UInt64(context.ingress.pointee.key) &<< 16 | UInt64(context.destinations.key)
    }

    /// The copies of a frame for many that this host makes beyond the first one, which any frame costs: for its own ports
    /// and for other hosts. 0 for a frame to one port.
    public var extraCopyCount: Int {
        guard dropReason == nil, let context, context.destinations.key >= GroupKey.flood else { return 0 }
        let ingress = context.ingress
        let destinations = context.destinations
        // A member gets no copy of what it has sent.
        let isMember = destinations.key != GroupKey.unknown || ingress.pointee.flags.contains(.hasUnknown)
        let isLocal = ingress.pointee.locals.count > 0
        let count = min(destinations.locals.count, Tables.slotCountMaximum)
            &+ min(destinations.remotes.count, Tables.placeCountMaximum)
        return max(0, count &- (isMember && isLocal ? 2 : 1))
    }

    /// The next thing to do with the frame; `nil` at the end. Egress runs here, once for each port of this host.
    /// - Parameter tables: those that have decided.
    public mutating func nextOutput(_ tables: Tables) -> FlowAction? {
        if let first = early.0 {
            early = (early.1, nil)
            return first
        }
        return takeOutput(tables)
    }

    private mutating func takeOutput(_ tables: Tables) -> FlowAction? {
        var recorder = NoRecorder()
        return takeOutput(tables, &recorder)
    }

    /// What to do with the frame, if that is one thing; else `.pipeline`, and all outputs are yet to be taken.
    mutating func onlyAction(_ tables: Tables) -> FlowAction {
        if let dropReason { return FlowAction(.drop, reason: dropReason) }
        // Copies of a frame for many count against a limit.
        guard replyByteCount == 0, context?.isMulticast == false else { return .pipeline }
        guard let first = takeOutput(tables) else { return FlowAction(.drop, reason: .hairpin) }
        guard let second = takeOutput(tables) else { return first }
        early = (first, second)
        return .pipeline
    }

    /// Takes the next output and tells `recorder` of the stages of egress.
    @inline(__always)
    mutating func takeOutput<Recorder: StepRecorder>(_ tables: Tables, _ recorder: inout Recorder) -> FlowAction? {
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
            if place < tables.placeCount { return FlowAction(.remote, to: place, keys: keys) }
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
    ) -> FlowAction {
        var walk = FrameWalk(context, tables, recorder)
        walk.context.egress = port
        _ = SwitchEgress.walk(&walk)
        recorder = walk.recorder
        read.formUnion(walk.context.read)
        switch walk.end {
        case .drop(let reason): return FlowAction(.refused, to: Int(slot), reason: reason)
        case .next, .answer, .output: return FlowAction(.local, to: Int(slot))
        }
    }
}
