import Wire

/// What is to happen to a frame. A value without references: it can be kept beside the frame, or, tagged with the
/// tables' epoch, in a cache.
public struct Verdict {
    /// Why the frame goes nowhere; `nil` where there may be outputs or an answer.
    public let dropReason: DropReason?
    /// The octets of an answer that lie in the caller's buffer, to be sent out of the slot that the frame came from;
    /// 0 where there is none. A frame may have an answer and outputs.
    public internal(set) var replyByteCount = 0
    /// The datapath's key.
    public let vni: UInt32
    /// The key of the port that the frame came from.
    public let ingressKey: UInt16
    /// The key of the port or group that the frame goes to.
    public let egressKey: UInt16

    /// The slot of the port that the frame came from, which groups leave out; the highest number where it has none.
    let ingressSlot: UInt16
    /// Slots.
    let locals: Extent
    /// Place numbers.
    let remotes: Extent

    /// The largest answer, in octets: an ICMPv6 "packet too big" of 1280 octets (RFC 4443 section 2.4) behind an
    /// Ethernet header with two tags.
    public static let replyByteCountMaximum = 1280 + 22

    /// The octets that `storeGeneveHeader` writes.
    public static let geneveHeaderByteCount = 16

    /// A frame that goes nowhere.
    static func drop(_ reason: DropReason) -> Verdict {
        Verdict(
            dropReason: reason,
            vni: 0,
            ingressKey: 0,
            egressKey: 0,
            ingressSlot: .max,
            locals: .empty,
            remotes: .empty
        )
    }

    /// A frame that is answered in the place of its destination.
    static func reply(byteCount: Int) -> Verdict {
        Verdict(
            dropReason: nil,
            replyByteCount: byteCount,
            vni: 0,
            ingressKey: 0,
            egressKey: 0,
            ingressSlot: .max,
            locals: .empty,
            remotes: .empty
        )
    }

    /// Writes the Geneve header with OVN's option that all remote outputs of the frame have in common.
    /// - Parameter memory: room for 16 octets.
    public func storeGeneveHeader(to memory: UnsafeMutableRawPointer) {
        let header = Self.geneveHeader(geneveKeys)
        memory.storeBytes(of: header.0, as: UInt64.self)
        memory.storeBytes(of: header.1, toByteOffset: 8, as: UInt64.self)
    }

    /// The VNI and the keys in the lowest 56 bits.
    var geneveKeys: UInt64 { UInt64(vni) &<< 32 | UInt64(ingressKey) &<< 16 | UInt64(egressKey) }

    /// Tells the port that the frame came from among those of all datapaths, as well as a number can.
    public var ingressHash: Int {
        let product = (UInt64(vni) &<< 16 | UInt64(ingressKey)) &* 0x9e37_79b9_7f4a_7c15
        return Int(truncatingIfNeeded: product &>> 33)
    }

    /// The halves of the header with these keys, as they lie in memory.
    @inline(__always)
    static func geneveHeader(_ keys: UInt64) -> (UInt64, UInt64) {
        let first = 0x0240_6558_0000_0000 | keys &>> 24 & 0xffff_ff00
        let option = 0x0102_8001_0000_0000 | keys & 0xffff_ffff
        return (first.bigEndian, option.bigEndian)
    }

    /// The outputs, from the first on.
    public var outputs: OutputCursor { OutputCursor(verdict: self) }
}

/// One thing to do with a frame.
public enum Output {
    /// Write the frame to the device in this slot.
    case local(slot: UInt16)
    /// Send the frame, behind the verdict's Geneve header, to this place, whose path may be too narrow for it
    /// (``Oversize``).
    case remote(place: Int)
    /// A copy goes nowhere; the slot is that of the port it counts for.
    case dropped(DropReason, slot: UInt16)
    /// There is no more.
    case end
}

/// How far the outputs of a frame have been taken.
public struct OutputCursor {
    let verdict: Verdict
    var localIndex = 0
    var remoteIndex = 0
}

extension Tables {
    /// The next thing to do with a frame, until `.end`.
    ///
    /// Egress runs here, once for each destination port on this host: the ingress port is left out, and port security
    /// looks at what goes to the port.
    public func nextOutput(_ cursor: inout OutputCursor, of frame: Frame) -> Output {
        let verdict = cursor.verdict
        let locals = rows(UInt16.self, verdict.locals)
        while cursor.localIndex < locals.count {
            let slot = locals[cursor.localIndex]
            cursor.localIndex &+= 1
            guard slot != verdict.ingressSlot, let port = port(atSlot: slot) else { continue }
            return passesEgressSecurity(frame, port) ? .local(slot: slot) : .dropped(.egressPortSecurity, slot: slot)
        }
        let remotes = rows(UInt32.self, verdict.remotes)
        while cursor.remoteIndex < remotes.count {
            let place = Int(remotes[cursor.remoteIndex])
            cursor.remoteIndex &+= 1
            if place < placeCount { return .remote(place: place) }
        }
        return .end
    }
}
