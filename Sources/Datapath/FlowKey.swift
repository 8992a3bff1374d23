import Wire

/// The fields that the decision on a flow may have read, if they are addresses and little else. `Context.Fields` lists
/// those that all keys have; those of frames from ports have the sender, too.
struct FlowKey: BitwiseCopyable {
    var word0: UInt64 = 0
    var word1: UInt64 = 0
    var word2: UInt64 = 0
    var word3: UInt64 = 0
    var word4: UInt64 = 0
    var word5: UInt64 = 0

    /// Without branches: nearly always all words are equal.
    @inline(__always)
    func isEqual(_ other: FlowKey) -> Bool {
        let first = (word0 ^ other.word0) | (word1 ^ other.word1) | (word2 ^ other.word2)
        return first | (word3 ^ other.word3) | (word4 ^ other.word4) | (word5 ^ other.word5) == 0
    }

    @inline(__always)
    func hash(seed: UInt64) -> Int {
        let first = (word0 ^ seed ^ 0xa076_1d64_78bd_642f).multipliedFullWidth(by: word1 ^ 0xe703_7ed1_a0b4_28db)
        let second = (word2 ^ word4 ^ 0x8ebc_6af0_9c88_c6e3).multipliedFullWidth(by: word3 ^ word5 &* 3 ^ seed)
        let third = (first.high ^ first.low).multipliedFullWidth(by: second.high ^ second.low ^ 0x5899_65cc_7537_4cc3)
        return Int(truncatingIfNeeded: third.high ^ third.low)
    }
}

/// The fields that the decision on a flow may have read if there are more: a `FlowKey`, the sender of a frame from a
/// tunnel, the first tag, the transport protocol, its ports (`Frame.flowPorts`) and the class of TCP's flags.
struct WideFlowKey: BitwiseCopyable {
    var narrow: FlowKey
    var word6: UInt64 = 0
    var word7: UInt64 = 0
    var word8: UInt64 = 0
    var word9: UInt64 = 0
    /// A word of what had been learnt when it was decided (`LearntMACs.state`); 0 if the decision does not depend on
    /// that. No part of the key: a decision that does not hold any more is replaced.
    var state: UInt64 = 0
    /// The connections that the decision holds for, of the port that has sent the frame and of the one that it goes to;
    /// no part of the key.
    var ingressConnection = ConnectionReference.none
    var egressConnection = ConnectionReference.none
}

protocol FlowTableKey: BitwiseCopyable {
    func isEqual(_ other: Self) -> Bool
}

extension FlowKey: FlowTableKey {
    /// The fields that it has of a frame from a port.
    static var fieldsFromPorts: Context.Fields { .sender }
    /// The fields that it has of a frame from a tunnel.
    static var fieldsFromTunnels: Context.Fields { [] }

    /// The key of a frame from a port; `nil` if nothing is kept for such frames.
    @inline(__always)
    init?(from slot: UInt16, _ frame: Frame) {
        guard frame.isIP else { return nil }
        self.init(from: slot, frame.bytes, frame.networkOffset, isIPv6: frame.network == .ipv6)
    }

    /// The key of a frame from a tunnel; `nil` if nothing is kept for such frames.
    @inline(__always)
    init?(in packet: TunnelPacket, from source: IPAddress, _ frame: Frame) {
        guard packet.failure == nil, frame.isIP else { return nil }
        word0 = UInt64(packet.vni) &<< 32 | UInt64(packet.ingressKey) &<< 16 | UInt64(packet.egressKey)
        word1 = UInt64(frame.network.rawValue) &<< 48 | frame.destination
        switch source {
        case .v4(let address): word2 = UInt64(address.rawValue)
        case .v6(let address):
            word2 = address.high
            word3 = address.low
            word0 |= 1 &<< 63
        }
        if frame.network == .ipv4 {
            word4 = UInt64(frame.ipv4Destination)
        } else {
            word4 = frame.ipv6Destination.high
            word5 = frame.ipv6Destination.low
        }
    }

    /// The key of a frame from a port: its MACs and IP addresses, as they lie in memory.
    @inline(__always)
    init(from slot: UInt16, _ frame: UnsafeRawPointer, _ networkOffset: Int, isIPv6: Bool) {
        func word(_ offset: Int) -> UInt64 { frame.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        word0 = word(0)
        word1 =
            UInt64(frame.loadUnaligned(fromByteOffset: 8, as: UInt32.self)) | UInt64(slot) &<< 32
            | (isIPv6 ? 1 &<< 48 : 0)
        guard isIPv6 else {
            word2 = word(networkOffset &+ 12)
            return
        }
        word2 = word(networkOffset &+ 8)
        word3 = word(networkOffset &+ 16)
        word4 = word(networkOffset &+ 24)
        word5 = word(networkOffset &+ 32)
    }
}

extension FlowKey {
    /// The same with what `Context` has of every frame beside addresses. It is left out of the hash, which is computed
    /// before the frame is read.
    @inline(__always)
    func with(_ frame: Frame) -> FlowKey {
        var key = self
        key.word1 |= UInt64(frame.tagByteCount) &<< 50
        if frame.isICMPv6 { key.word1 |= 1 &<< 55 }
        if frame.isOfDHCPServer { key.word1 |= 1 &<< 56 }
        return key
    }
}

extension WideFlowKey: FlowTableKey {
    static var fields: Context.Fields { [.sender, .tag, .transport, .ports, .connection, .learnt, .connections] }

    init(_ narrow: FlowKey, _ frame: Frame) {
        self.narrow = narrow
        word6 = frame.source | UInt64(frame.transport) &<< 48 | UInt64(frame.connectionClass) &<< 56
        if frame.network == .ipv4 {
            word7 = UInt64(frame.ipv4Source)
        } else {
            word7 = frame.ipv6Source.high
            word8 = frame.ipv6Source.low
        }
        word9 = UInt64(frame.flowPorts) | UInt64(frame.firstTag) &<< 32
    }

    @inline(__always)
    func isEqual(_ other: WideFlowKey) -> Bool {
        let rest = (word6 ^ other.word6) | (word7 ^ other.word7) | (word8 ^ other.word8) | (word9 ^ other.word9)
        return narrow.isEqual(other.narrow) && rest == 0
    }

    func hash(seed: UInt64) -> Int {
        let first = (word6 ^ seed ^ 0x5899_65cc_7537_4cc3).multipliedFullWidth(by: word7 ^ 0xa076_1d64_78bd_642f)
        let second = (word8 ^ 0xe703_7ed1_a0b4_28db).multipliedFullWidth(by: word9 ^ seed)
        let both = (first.high ^ first.low).multipliedFullWidth(by: second.high ^ second.low ^ 0x8ebc_6af0_9c88_c6e3)
        return narrow.hash(seed: seed) ^ Int(truncatingIfNeeded: both.high ^ both.low)
    }
}
