import TestSupport
import Wire

@testable import Datapath

/// Two ports that mostly talk as their protocol wants, and now and then send what nobody should.
struct RandomConversation {
    enum Kind: CaseIterable { case tcp, udp, sctp, echo, timestamp }

    let kind: Kind
    let isIPv6: Bool
    /// The numbers of the opener and of the other one, and their ports.
    let ends: (Int, Int)
    private let ports: (Int, Int)
    private let scales: (UInt8?, UInt8?)
    /// The next sequence numbers of TCP.
    private var next: (UInt32, UInt32)
    private var phase = 0
    /// The last frame that has passed, and those that are to follow.
    private var last: (bytes: [UInt8], isBack: Bool)?
    private var pending: [(bytes: [UInt8], isBack: Bool)] = []
    private var sent: (bytes: [UInt8], isBack: Bool, end: UInt32) = ([], false, 0)

    init(_ network: inout RandomNetwork) {
        func one(_ values: ClosedRange<Int>) -> Int { Int.random(in: values, using: &network.generator) }
        kind = [.tcp, .tcp, .tcp, .udp, .sctp, .echo, .timestamp][one(0...6)]
        isIPv6 = kind != .timestamp && network.chance(35)
        let opener = one(1...8)
        // Of two ports elsewhere nothing is seen here.
        ends = (opener, opener > 6 ? one(1...6) : (opener + one(1...7) - 1) % 8 + 1)
        ports = (one(4000...4003), [53, 80, 443, 4000][one(0...3)])
        let options: [UInt8?] = [nil, 0, 2, 7, 14, 200]
        scales = (options[one(0...5)], options[one(0...5)])
        next = (
            UInt32(truncatingIfNeeded: network.generator.next()), UInt32(truncatingIfNeeded: network.generator.next())
        )
    }

    /// The next frame, and the number of its sender.
    mutating func frame(_ network: inout RandomNetwork) -> (bytes: [UInt8], sender: Int) {
        if !pending.isEmpty, network.chance(70) {
            let (bytes, isBack) = pending.removeFirst()
            sent = (bytes, isBack, 0)
            return (bytes, isBack ? ends.1 : ends.0)
        }
        let isBack = phase == 0 ? network.chance(6) : phase == 1 ? network.chance(80) : network.chance(50)
        if let last, network.chance(4) {
            sent = (error(about: last, &network), !last.isBack, 0)
            return (sent.bytes, last.isBack ? ends.0 : ends.1)
        }
        let (transport, end) = payload(isBack, &network)
        var bytes = packet(transport, isBack)
        if network.chance(5) { bytes = fragments(transport, isBack, &network) }
        sent = (bytes, isBack, end)
        return (bytes, isBack ? ends.1 : ends.0)
    }

    /// Notes that the last frame has come to the other end.
    mutating func notePassed() {
        last = (sent.bytes, sent.isBack)
        guard kind == .tcp, sent.end != 0 else {
            phase = 2
            return
        }
        if sent.isBack { next.1 = sent.end } else { next.0 = sent.end }
        phase = min(2, phase + 1)
    }

    private mutating func payload(_ isBack: Bool, _ network: inout RandomNetwork) -> ([UInt8], end: UInt32) {
        let (from, to) = isBack ? (ports.1, ports.0) : (ports.0, ports.1)
        let both = [UInt8(from >> 8), UInt8(from & 255), UInt8(to >> 8), UInt8(to & 255)]
        let count = Int.random(in: 0..<60, using: &network.generator)
        let rest = [UInt8](repeating: 0x5a, count: network.chance(3) ? 0 : count)
        switch kind {
        case .tcp: return segment(both, isBack, rest, &network)
        case .udp: return (both + [0, UInt8(8 + rest.count), 0, 0] + rest, 0)
        case .sctp:
            var chunk: UInt8 = phase == 0 ? 1 : phase == 1 ? (isBack ? 2 : 10) : 0
            if network.chance(12) { chunk = UInt8.random(in: 0..<15, using: &network.generator) }
            return (both + [0, 0, 0, 0, 0, 0, 0, 0, chunk, 0, 0, 4] + rest, 0)
        case .echo:
            let isAnswer = network.chance(6) ? !isBack : isBack
            let type: UInt8 = isIPv6 ? (isAnswer ? 129 : 128) : (isAnswer ? 0 : 8)
            return ([type, 0, 0, 0, both[0], UInt8(ports.0 & 3), 0, 1] + rest, 0)
        case .timestamp: return ([isBack ? 14 : 13, 0, 0, 0, 1, UInt8(ports.0 & 3), 0, 1] + rest, 0)
        }
    }

    private mutating func segment(
        _ both: [UInt8],
        _ isBack: Bool,
        _ rest: [UInt8],
        _ network: inout RandomNetwork
    ) -> ([UInt8], end: UInt32) {
        var (sequence, acknowledgment) = isBack ? (next.1, next.0) : (next.0, next.1)
        var (flags, rest): (UInt8, [UInt8]) = (TCPFlags.acknowledgment, rest)
        if phase == 0, network.chance(95) { flags = TCPFlags.synchronize }
        if phase == 1, isBack { flags = TCPFlags.synchronize | TCPFlags.acknowledgment }
        if phase == 2 {
            if network.chance(2) { flags = TCPFlags.synchronize | (isBack ? TCPFlags.acknowledgment : 0) }
            if network.chance(2) { flags |= TCPFlags.finish }
            if network.chance(1) { flags = TCPFlags.reset }
            if network.chance(1) { (flags, phase) = (TCPFlags.synchronize, 0) }
        }
        func noise(_ size: UInt32) -> UInt32 { UInt32.random(in: 0..<2 * size, using: &network.generator) &- size }
        if network.chance(6) { sequence = sequence &+ noise(1000) }
        if network.chance(6) { acknowledgment = acknowledgment &+ noise(300) }
        if network.chance(1) { sequence = sequence &+ noise(1 << 30) }
        if network.chance(1) { flags = UInt8.random(in: 0..<64, using: &network.generator) }
        var options: [UInt8] = []
        if flags & TCPFlags.synchronize != 0 {
            rest = network.chance(90) ? [] : rest
            if let scale = isBack ? scales.1 : scales.0 { options = [2, 4, 5, 180, 1, 3, 3, scale] }
        }
        let window = [0, 100, 1000, 65_535].randomElement(using: &network.generator) ?? 0
        let length = UInt8(20 + options.count) << 2
        let header =
            Self.word(sequence) + Self.word(acknowledgment) + [length, flags, UInt8(window >> 8), UInt8(window & 255)]
        let taken: UInt32 = flags & (TCPFlags.synchronize | TCPFlags.finish) == 0 ? 0 : 1
        return (both + header + [0, 0, 0, 0] + options + rest, sequence &+ UInt32(rest.count) &+ taken)
    }

    private static func word(_ word: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) }
    }

    private var number: UInt8 {
        switch kind {
        case .tcp: 6
        case .udp: 17
        case .sctp: 132
        case .echo, .timestamp: isIPv6 ? 58 : 1
        }
    }

    private func packet(_ transport: [UInt8], _ isBack: Bool, next: UInt8? = nil, words: [UInt8] = [0, 0, 0, 0])
        -> [UInt8]
    {
        let (from, to) = isBack ? (ends.1, ends.0) : (ends.0, ends.1)
        let macs: [UInt8] = [2, 0, 0, 0, 0, UInt8(to), 2, 0, 0, 0, 0, UInt8(from)]
        let count = isIPv6 ? transport.count : transport.count + 20
        let length = [UInt8(count >> 8), UInt8(count & 255)]
        guard isIPv6 else {
            return macs + [8, 0, 0x45, 0] + length + words + [
                64, number, 0, 0, 10, 0, 0, UInt8(from), 10, 0, 0, UInt8(to),
            ]
                + transport
        }
        func address(_ number: Int) -> [UInt8] { [0xfd] + [UInt8](repeating: 0, count: 14) + [UInt8(number)] }
        return macs + [0x86, 0xdd, 0x60, 0, 0, 0] + length + [next ?? number, 64] + address(from) + address(to)
            + transport
    }

    /// The first fragment of a packet, or a later one; the others are to follow.
    private mutating func fragments(_ transport: [UInt8], _ isBack: Bool, _ network: inout RandomNetwork) -> [UInt8] {
        let id = UInt8.random(in: 0..<6, using: &network.generator)
        let places = [(0, 1), (6, 1), (network.chance(10) ? 1 : 12, 0)].map { place, more in
            let word = isIPv6 ? place << 3 | more : place | more << 13
            let bytes = [UInt8(word >> 8), UInt8(word & 255)]
            let part = place == 0 ? transport : [UInt8](repeating: 1, count: 48)
            return isIPv6
                ? packet([number, 0] + bytes + [0, 0, 0, id] + part, isBack, next: 44)
                : packet(part, isBack, words: [0, id] + bytes)
        }
        let first = network.chance(80) ? 0 : 1
        pending += places.indices.filter { $0 != first }.map { (places[$0], isBack) }
        return places[first]
    }

    /// An error about the last packet, by who got it.
    private func error(about last: (bytes: [UInt8], isBack: Bool), _ network: inout RandomNetwork) -> [UInt8] {
        var inner = Array(last.bytes[14...].prefix(Int.random(in: 16..<90, using: &network.generator)))
        if network.chance(5), !inner.isEmpty {
            inner[Int.random(in: inner.indices, using: &network.generator)] = UInt8(
                truncatingIfNeeded: network.generator.next()
            )
        }
        let type: UInt8 =
            isIPv6
            ? [1, 2, 3, 4, 127][Int.random(in: 0..<5, using: &network.generator)]
            : [3, 4, 5, 11, 12, 9][Int.random(in: 0..<6, using: &network.generator)]
        var bytes = packet([type, 0, 0, 0, 0, 0, 0, 0] + inner, !last.isBack, next: 58)
        if !isIPv6 { bytes[23] = 1 }
        return bytes
    }
}
