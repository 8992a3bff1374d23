/// One thing to do with each frame of a flow: two words, so that an entry of the cache is one cache line.
public struct FlowAction: BitwiseCopyable, Sendable {
    @frozen public enum Kind: UInt8 {
        /// Nothing yet: the frame goes through the pipeline.
        case pipeline
        /// Changed, or more than one thing: a program of the cache says what.
        case program
        /// Depends on more than addresses: a wider key says what is done.
        case wider
        /// Written to the port in `slot`.
        case local
        /// Sent to `place` with the Geneve header.
        case remote
        /// Dropped for `reason` before it comes to an output.
        case drop
        /// Dropped for `reason` on the way out to the port in `slot`.
        case refused
    }

    /// Bits of the epoch that an entry has: tables would have to be made a thousand times a second for years until the
    /// number comes again.
    @inlinable static var epochBitCount: UInt64 { 36 }

    /// From the highest bit on: the kind (4 bits), the slot or the place's number (24), the epoch.
    @usableFromInline var target: UInt64
    /// From the highest bit on: the reason (8 bits), the VNI (24), the keys (16 each).
    @usableFromInline let keys: UInt64

    @inlinable public var kind: Kind { Kind(rawValue: UInt8(truncatingIfNeeded: target &>> 60)) ?? .pipeline }
    /// True if more is to be found out.
    @inlinable public var isUnsettled: Bool { target &>> 60 <= 2 }
    public var reason: DropReason { DropReason(rawValue: UInt8(truncatingIfNeeded: keys &>> 56)) ?? .malformedFrame }
    /// True if the frame is dropped because its sender's host may not send for the port that it names.
    var isForStranger: Bool { kind == .drop && (reason == .unknownTunnelSource || reason == .ingressKeyNotThere) }
    /// The port.
    @inlinable public var slot: UInt16 { UInt16(truncatingIfNeeded: target &>> Self.epochBitCount) }
    /// The number of the program, and the ticket that it must have.
    var program: Int { place }
    var ticket: UInt64 { tunnelKeys }
    @inlinable public var place: Int { Int(truncatingIfNeeded: target &>> Self.epochBitCount & 0xff_ffff) }

    /// The keys that a frame is sent with; two frames with equal ones have equal Geneve headers.
    @inlinable public var tunnelKeys: UInt64 { keys & 0xff_ffff_ffff_ffff }
    /// The datapath's key of what is sent.
    var vni: UInt32 { UInt32(truncatingIfNeeded: keys &>> 32 & 0xff_ffff) }
    /// The key of the port that has sent it.
    var ingressKey: UInt16 { UInt16(truncatingIfNeeded: keys &>> 16) }
    /// The key of the port or group that it goes to.
    var egressKey: UInt16 { UInt16(truncatingIfNeeded: keys) }

    /// Nothing is decided yet.
    public static var pipeline: FlowAction { FlowAction(.pipeline) }

    /// - Parameter target: the slot, or the place's number.
    init(_ kind: Kind, to target: Int = 0, reason: DropReason = .malformedFrame, keys: UInt64 = 0) {
        self.target = UInt64(kind.rawValue) &<< 60 | UInt64(truncatingIfNeeded: target) &<< Self.epochBitCount
        self.keys = UInt64(reason.rawValue) &<< 56 | keys
    }

    /// The changes of tables since it was decided or last found to hold, by the number of the last.
    func age(at epoch: UInt64) -> UInt64 { (epoch &- target) & (1 &<< Self.epochBitCount &- 1) }

    /// True if it was decided by the tables of this epoch.
    @inline(__always)
    func isOf(_ epoch: UInt64) -> Bool { (target ^ epoch) &<< (64 &- Self.epochBitCount) == 0 }

    /// True if there is anything: memory that is all zero is no action.
    var isThere: Bool { target != 0 }

    /// The same, as decided by the tables of this epoch.
    func of(_ epoch: UInt64) -> FlowAction {
        let mask: UInt64 = 1 &<< Self.epochBitCount &- 1
        var marked = self
        marked.target = target & ~mask | epoch & mask
        return marked
    }

    /// Writes the Geneve header for `remote`.
    /// - Parameter memory: room for `Verdict.geneveHeaderByteCount` octets.
    @inline(__always)
    public func storeGeneveHeader(to memory: UnsafeMutableRawPointer) {
        let first = 0x0240_6558_0000_0000 | keys &>> 24 & 0xffff_ff00
        let option = 0x0102_8001_0000_0000 | keys & 0xffff_ffff
        memory.storeBytes(of: first.bigEndian, as: UInt64.self)
        memory.storeBytes(of: option.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
}
