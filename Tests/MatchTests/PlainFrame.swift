import TestSupport
import Wire

/// A random frame: its bytes, and the fields that it was made of, by OVN's names.
struct PlainFrame {
    var bytes: [UInt8] = []
    var fields: [String: UInt128] = [:]
    var inport = ""
    var outport = ""

    static let macs: [UInt128] = [
        0x0200_0000_0001, 0x0200_0000_0002, 0x0100_5e00_0001, 0x3333_0000_0001, 0xffff_ffff_ffff,
    ]
    static let ipv4: [UInt128] = [0x0a00_0001, 0x0a00_0002, 0x0a01_0001, 0xe000_0001, 0xc0a8_0101]
    static let ipv6: [UInt128] = [
        0xfe80 << 112 | 1, 0xfd00 << 112 | 1, 0xff02 << 112 | 1, 0xff02 << 112 | 0x16, 0xff05 << 112 | 2,
        0xff02 << 112 | 0x1_ff00_0001, 0xff03 << 112,
    ]
    static let ports: [UInt128] = [0, 22, 53, 80, 443, 1024, 65535]
    static let names = ["vm1", "vm2", "vm3"]

    subscript(_ name: String) -> UInt128 { fields[name] ?? 0 }

    init(using generator: inout SeededGenerator) {
        inport = Self.names.randomElement(using: &generator) ?? ""
        outport = (Self.names + [""]).randomElement(using: &generator) ?? ""
        add("eth.dst", 48, Self.pick(Self.macs, &generator))
        add("eth.src", 48, Self.pick(Self.macs, &generator))
        for number in 0..<Self.pick([0, 0, 0, 1, 2], &generator) {
            let information = UInt128.random(in: 0...0xffff, using: &generator)
            append(number == 0 ? 0x8100 : 0x88a8, 16)
            append(information, 16)
            if number == 0 { fields["vlan.tci"] = information | 0x1000 }
        }
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: add("eth.type", 16, Self.pick([0x88cc, 0x8847, 0x0806, 0x0800, 0x86dd], &generator))
        case 1:
            append(100, 16)
            fields["eth.type"] = 0x5ff
        case 2, 3: writeARP(using: &generator)
        case 4, 5, 6: writeIPv4(using: &generator)
        default: writeIPv6(using: &generator)
        }
    }

    static func pick<Value>(_ values: [Value], _ generator: inout SeededGenerator) -> Value {
        values[Int.random(in: 0..<values.count, using: &generator)]
    }

    private mutating func append(_ value: UInt128, _ bitCount: Int) {
        for shift in stride(from: bitCount - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt128(shift)))
        }
    }

    private mutating func add(_ name: String, _ bitCount: Int, _ value: UInt128) {
        fields[name] = value
        append(value, bitCount)
    }

    private mutating func writeARP(using generator: inout SeededGenerator) {
        let prefix = Self.pick(["arp", "rarp"], &generator)
        add("eth.type", 16, prefix == "arp" ? 0x0806 : 0x8035)
        append(0x0001_0800, 32)
        append(0x0604, 16)
        add("\(prefix).op", 16, Self.pick([1, 2, 3], &generator))
        add("\(prefix).sha", 48, Self.pick(Self.macs, &generator))
        add("\(prefix).spa", 32, Self.pick(Self.ipv4, &generator))
        add("\(prefix).tha", 48, Self.pick(Self.macs, &generator))
        add("\(prefix).tpa", 32, Self.pick(Self.ipv4, &generator))
    }

    private mutating func setService(_ trafficClass: UInt128) {
        fields["ip.dscp"] = trafficClass >> 2
        fields["ip.ecn"] = trafficClass & 3
    }

    private mutating func writeIPv4(using generator: inout SeededGenerator) {
        add("eth.type", 16, 0x0800)
        let proto = Self.pick([6, 6, 17, 17, 132, 1, 2, 47], &generator) as UInt128
        let isLater = Int.random(in: 0..<8, using: &generator) == 0
        let isFirst = !isLater && Int.random(in: 0..<8, using: &generator) == 0
        fields["ip.frag"] = isLater ? 3 : isFirst ? 1 : 0
        var payload = PlainFrame()
        payload.writeTransport(proto, using: &generator)
        let options = Self.pick([0, 0, 8], &generator)
        append(0x45 + UInt128(options / 4), 8)
        let trafficClass = UInt128.random(in: 0...255, using: &generator)
        setService(trafficClass)
        append(trafficClass, 8)
        append(UInt128(20 + options + payload.bytes.count), 16)
        append(1, 16)
        append(isLater ? 185 : isFirst ? 0x2000 : 0x4000, 16)
        add("ip.ttl", 8, Self.pick([1, 64, 255], &generator))
        add("ip.proto", 8, proto)
        append(0, 16)
        add("ip4.src", 32, Self.pick(Self.ipv4, &generator))
        add("ip4.dst", 32, Self.pick(Self.ipv4, &generator))
        append(0, options * 8)
        take(payload, isLater: isLater)
    }

    private mutating func take(_ payload: PlainFrame, isLater: Bool) {
        bytes += payload.bytes
        if !isLater { fields.merge(payload.fields) { _, new in new } }
        // Padding, which belongs to no packet.
        while bytes.count < 60 { bytes.append(0xa5) }
    }

    private mutating func writeIPv6(using generator: inout SeededGenerator) {
        add("eth.type", 16, 0x86dd)
        let proto = Self.pick([6, 17, 132, 58, 58, 58, 47], &generator) as UInt128
        let isLater = Int.random(in: 0..<8, using: &generator) == 0
        let isFirst = !isLater && Int.random(in: 0..<8, using: &generator) == 0
        fields["ip.frag"] = isLater ? 3 : isFirst ? 1 : 0
        fields["ip.proto"] = proto
        var payload = PlainFrame()
        payload.writeTransport(proto, using: &generator)
        var headers: [UInt128] = []
        if Int.random(in: 0..<4, using: &generator) == 0 { headers.append(0) }
        if isLater || isFirst { headers.append(44) }
        if !isLater, Int.random(in: 0..<6, using: &generator) == 0 { headers.append(60) }
        let trafficClass = UInt128.random(in: 0...255, using: &generator)
        setService(trafficClass)
        let label = UInt128.random(in: 0...3, using: &generator)
        fields["ip6.label"] = label
        append(6 << 28 | trafficClass << 20 | label, 32)
        append(UInt128(headers.count * 8 + payload.bytes.count), 16)
        append(headers.first ?? proto, 8)
        add("ip.ttl", 8, Self.pick([1, 255, 255], &generator))
        add("ip6.src", 128, Self.pick(Self.ipv6, &generator))
        add("ip6.dst", 128, Self.pick(Self.ipv6, &generator))
        for (index, header) in headers.enumerated() {
            append(index + 1 < headers.count ? headers[index + 1] : proto, 8)
            append(0, 8)
            append(header == 44 ? (isLater ? 800 << 3 : 1) : 0, 16)
            append(7, 32)
        }
        take(payload, isLater: isLater)
    }

    private init() {}

    private mutating func writeTransport(_ proto: UInt128, using generator: inout SeededGenerator) {
        let start = bytes.count
        switch proto {
        case 6:
            add("tcp.src", 16, Self.pick(Self.ports, &generator))
            add("tcp.dst", 16, Self.pick(Self.ports, &generator))
            append(0, 64)
            let flags = Self.pick([2, 0x12, 0x10, 0x11, 4, 0x102], &generator) as UInt128
            fields["tcp.flags"] = flags
            append(0x5000 | flags, 16)
            append(0, 48)
        case 17, 132:
            let prefix = proto == 17 ? "udp" : "sctp"
            add("\(prefix).src", 16, Self.pick(Self.ports, &generator))
            add("\(prefix).dst", 16, Self.pick(Self.ports, &generator))
            append(0, proto == 17 ? 32 : 64)
        case 1:
            add("icmp4.type", 8, Self.pick([0, 3, 8], &generator))
            add("icmp4.code", 8, Self.pick([0, 1, 4], &generator))
            append(0, 48)
        case 58: writeICMPv6(using: &generator)
        default: append(0, 64)
        }
        // Cut short: the fields are then 0.
        guard Int.random(in: 0..<10, using: &generator) == 0 else { return }
        bytes.removeSubrange((start + Int.random(in: 0..<min(4, bytes.count - start), using: &generator))...)
        fields = [:]
    }

    private mutating func writeICMPv6(using generator: inout SeededGenerator) {
        let type = Self.pick([128, 130, 133, 134, 135, 135, 136, 136, 143], &generator) as UInt128
        let code = Self.pick([0, 0, 0, 1], &generator) as UInt128
        add("icmp6.type", 8, type)
        add("icmp6.code", 8, code)
        append(0, 48)
        let hasTarget = type == 135 || type == 136
        let target = Self.pick(Self.ipv6, &generator)
        append(target, 128)
        guard hasTarget, code == 0 else { return }
        fields["nd.target"] = target
        for (option, name) in [(1, "nd.sll"), (2, "nd.tll")] where Bool.random(using: &generator) {
            append(UInt128(option), 8)
            append(1, 8)
            add(name, 48, Self.pick(Self.macs, &generator))
        }
    }
}
