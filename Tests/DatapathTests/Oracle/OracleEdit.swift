import TestSupport
import Wire

@testable import Datapath

/// Edits the slow way: bytes are changed by what they mean, and all checksums summed anew.
enum OracleEdit {
    enum Change {
        case sourceMAC([UInt8])
        case destinationMAC([UInt8])
        case source([UInt8])
        case destination([UInt8])
        case sourcePort(UInt16)
        case destinationPort(UInt16)
        case hop
        case dscp(UInt8)
        case removedTag
        case addedTag(UInt16)

        var addsTag: Bool { if case .addedTag = self { true } else { false } }
        var removesTag: Bool { if case .removedTag = self { true } else { false } }
    }

    struct RandomFrame {
        var bytes: [UInt8]
        var isPartial = false
    }

    static func frame(using generator: inout SeededGenerator) -> RandomFrame {
        let flow = Flow(
            isIPv6: Bool.random(using: &generator),
            isUDP: Bool.random(using: &generator),
            options: []
        )
        let payload = (0..<Int.random(in: 1...60, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
        var frame = RandomFrame(bytes: flow.frame(payload))
        if Int.random(in: 0..<4, using: &generator) == 0 {
            frame = RandomFrame(bytes: flow.superpacket(payload, segmentByteCount: 7).frame, isPartial: true)
        } else if flow.isUDP, !flow.isIPv6, Bool.random(using: &generator) {
            (frame.bytes[40], frame.bytes[41]) = (0, 0)
        }
        for _ in 0..<Int.random(in: 0...2, using: &generator) {
            frame.bytes.insert(contentsOf: [0x81, 0, UInt8.random(in: 0...255, using: &generator), 9], at: 12)
        }
        return frame
    }

    static func changes(using generator: inout SeededGenerator, addressByteCount: Int? = nil) -> [Change] {
        func octets(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) } }
        let port = UInt16.random(in: 0 ... .max, using: &generator)
        let count = addressByteCount ?? [4, 16].randomElement(using: &generator) ?? 4
        let all: [Change] = [
            .sourceMAC(octets(6)), .destinationMAC(octets(6)), .source(octets(count)), .destination(octets(count)),
            .sourcePort(port), .destinationPort(~port), .hop, .dscp(UInt8(port & 63)), .removedTag, .addedTag(port),
        ]
        return all.filter { _ in Int.random(in: 0..<3, using: &generator) == 0 }
    }

    static func edit(_ changes: [Change]) -> Edit {
        var edit = Edit()
        func word(_ octets: [UInt8]) -> UInt64 { octets.reduce(0) { $0 << 8 | UInt64($1) } }
        func address(_ octets: [UInt8]) -> IPAddress {
            octets.count == 4
                ? .v4(IPv4Address(UInt32(word(octets))))
                : .v6(IPv6Address(high: word(Array(octets[..<8])), low: word(Array(octets[8...]))))
        }
        for change in changes {
            switch change {
            case .sourceMAC(let mac): edit.setSource(word(mac))
            case .destinationMAC(let mac): edit.setDestination(word(mac))
            case .source(let octets): edit.setSource(address(octets))
            case .destination(let octets): edit.setDestination(address(octets))
            case .sourcePort(let port): edit.setSourcePort(port)
            case .destinationPort(let port): edit.setDestinationPort(port)
            case .hop: edit.takeHop()
            case .dscp(let value): edit.setDSCP(value)
            case .removedTag: edit.removeTag()
            case .addedTag(let control): edit.addTag(control)
            }
        }
        return edit
    }

    /// Returns the frame after the edit under test.
    static func apply(_ changes: [Change], to bytes: [UInt8], isPartial: Bool) -> [UInt8] {
        apply(edit(changes), to: bytes, isPartial: isPartial)
    }

    static func apply(_ edit: Edit, to bytes: [UInt8], isPartial: Bool) -> [UInt8] {
        var memory = [UInt8](repeating: 0xee, count: Edit.growthMaximum) + bytes
        return memory.withUnsafeMutableBytes { room in
            guard let start = room.baseAddress.map({ $0 + Edit.growthMaximum }) else { return [] }
            let frame = Frame(start, byteCount: bytes.count)
            let count = bytes.count + edit.growth(of: frame)
            let begin = edit.apply(to: start, frame, isPartial: isPartial)
            return Array(UnsafeRawBufferPointer(start: begin, count: count))
        }
    }

    /// True if nothing outside a frame changes, whatever it is.
    static func keepsToItself(_ changes: [Change], _ bytes: [UInt8]) -> Bool {
        let edit = edit(changes)
        let margin = [UInt8](repeating: 0xee, count: 32)
        var memory = margin + bytes + margin
        return memory.withUnsafeMutableBytes { room in
            guard let start = room.baseAddress.map({ $0 + margin.count }) else { return false }
            _ = edit.apply(to: start, Frame(start, byteCount: bytes.count), isPartial: false)
            let front = room[..<(margin.count - Edit.growthMaximum)]
            return front.allSatisfy { $0 == 0xee } && room[(margin.count + bytes.count)...].allSatisfy { $0 == 0xee }
        }
    }

    /// Returns the expected frame for a well-formed one.
    static func expected(_ changes: [Change], of bytes: [UInt8], isPartial: Bool) -> [UInt8] {
        var bytes = bytes
        let tagCount = stride(from: 12, to: 20, by: 4).prefix { bytes[$0] == 0x81 && bytes[$0 + 1] == 0 }.count
        let network = 14 + 4 * tagCount
        let isIPv6 = bytes[network - 2] == 0x86
        let transport = network + (isIPv6 ? 40 : 20)
        let isUDP = bytes[isIPv6 ? network + 6 : network + 9] == 17
        let field = transport + (isUDP ? 6 : 16)
        let hasNone = isUDP && !isPartial && bytes[field] == 0 && bytes[field + 1] == 0
        for change in changes {
            switch change {
            case .sourceMAC(let mac): bytes.replaceSubrange(6..<12, with: mac)
            case .destinationMAC(let mac): bytes.replaceSubrange(0..<6, with: mac)
            case .source(let octets) where octets.count == (isIPv6 ? 16 : 4):
                let start = network + (isIPv6 ? 8 : 12)
                bytes.replaceSubrange(start..<(start + octets.count), with: octets)
            case .destination(let octets) where octets.count == (isIPv6 ? 16 : 4):
                let start = network + (isIPv6 ? 24 : 16)
                bytes.replaceSubrange(start..<(start + octets.count), with: octets)
            case .sourcePort(let port): put(port, into: &bytes, at: transport)
            case .destinationPort(let port): put(port, into: &bytes, at: transport + 2)
            case .hop: bytes[isIPv6 ? network + 7 : network + 8] -= 1
            case .dscp(let value):
                let old = isIPv6 ? bytes[network] << 4 | bytes[network + 1] >> 4 : bytes[network + 1]
                let new = value << 2 | old & 3
                if isIPv6 {
                    bytes[network] = 0x60 | new >> 4
                    bytes[network + 1] = new << 4 | bytes[network + 1] & 15
                } else {
                    bytes[network + 1] = new
                }
            case .source, .destination, .removedTag, .addedTag: break
            }
        }
        if !isIPv6 {
            put(0, into: &bytes, at: network + 10)
            put(~Flow.sum(Array(bytes[network..<transport])), into: &bytes, at: network + 10)
        }
        let count = bytes.count - transport
        let addresses = Array(bytes[(network + (isIPv6 ? 8 : 12))..<(network + (isIPv6 ? 40 : 20))])
        let pseudo = addresses + [0, 0, UInt8(count >> 8), UInt8(count & 255), 0, isUDP ? 17 : 6]
        if isPartial {
            put(Flow.sum(pseudo), into: &bytes, at: field)
        } else if !hasNone {
            put(0, into: &bytes, at: field)
            let sum = ~Flow.sum(pseudo + bytes[transport...])
            put(isUDP && sum == 0 ? 0xffff : sum, into: &bytes, at: field)
        }
        if changes.contains(where: \.removesTag), tagCount > 0 { bytes.removeSubrange(12..<16) }
        for case .addedTag(let control) in changes {
            bytes.insert(contentsOf: [0x81, 0, UInt8(control >> 8), UInt8(control & 255)], at: 12)
        }
        return bytes
    }

    private static func put(_ value: UInt16, into bytes: inout [UInt8], at offset: Int) {
        (bytes[offset], bytes[offset + 1]) = (UInt8(value >> 8), UInt8(value & 255))
    }
}
