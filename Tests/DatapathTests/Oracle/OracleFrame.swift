import TestSupport
import Wire

/// A frame as the oracle reads it: all fields that OVN's matches name, present or not.
struct OracleFrame {
    let bytes: [UInt8]
    var source = MACAddress(truncating: 0)
    var destination = MACAddress(truncating: 0)
    var isTagged = false
    /// One tag, whose VLAN is 0.
    var isPriorityTagged = false
    var isMalformed = false
    /// The start of the network header.
    var start = 14
    var etherType: UInt16 = 0
    var arp: ARPPacket?
    var ipv4: IPv4Header?
    var ipv6: IPv6Header?
    /// Behind IP and extension headers, up to the packet's end; `nil` in later fragments.
    var transport: [UInt8]?
    var protocolNumber: UInt8 = 0
    /// A fragment header was among those of IPv6.
    var isIPv6Fragment = false

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        guard bytes.count >= 14 else {
            isMalformed = true
            return
        }
        destination = MACAddress(truncating: bytes[0..<6].reduce(0) { $0 << 8 | UInt64($1) })
        source = MACAddress(truncating: bytes[6..<12].reduce(0) { $0 << 8 | UInt64($1) })
        isTagged = [[0x81, 0x00], [0x88, 0xa8]].contains(Array(bytes[12..<14]))
        guard let ethernet = try? EthernetHeader(parsing: bytes.span) else {
            isMalformed = true
            return
        }
        if let tag = ethernet.outerTag, ethernet.innerTag == nil {
            isPriorityTagged = !tag.isService && tag.controlInformation % 4096 == 0
        }
        start = ethernet.byteCount
        etherType = ethernet.etherType
        let body = Array(bytes[start...])
        switch etherType {
        case 0x0800: readIPv4(body)
        case 0x86dd: readIPv6(body)
        case 0x0806: readARP(body)
        default: break
        }
    }

    private mutating func readARP(_ body: [UInt8]) {
        do {
            arp = try ARPPacket(parsing: body.span)
        } catch {
            let isForeign = body.count >= 8 && Array(body[0..<6]) != [0, 1, 8, 0, 6, 4]
            isMalformed = !isForeign
        }
    }

    private mutating func readIPv4(_ body: [UInt8]) {
        guard let header = try? IPv4Header(parsing: body.span), Int(header.totalByteCount) <= body.count else {
            isMalformed = true
            return
        }
        ipv4 = header
        protocolNumber = header.protocolNumber
        if header.fragmentOffset == 0 { transport = Array(body[header.byteCount..<Int(header.totalByteCount)]) }
    }

    private mutating func readIPv6(_ body: [UInt8]) {
        guard let header = try? IPv6Header(parsing: body.span), 40 + Int(header.payloadByteCount) <= body.count else {
            isMalformed = true
            return
        }
        var rest = Array(body[40..<40 + Int(header.payloadByteCount)])
        var next = header.nextHeader
        var headers = 0
        while [0, 43, 44, 51, 60].contains(next) {
            headers += 1
            guard headers <= 8, rest.count >= 8 else {
                isMalformed = true
                return
            }
            if next == 44 { isIPv6Fragment = true }
            let length = next == 44 ? 8 : next == 51 ? (Int(rest[1]) + 2) * 4 : (Int(rest[1]) + 1) * 8
            let isLater = next == 44 && (Int(rest[2]) << 8 | Int(rest[3])) >> 3 != 0
            guard length >= 8, length <= rest.count else {
                isMalformed = true
                return
            }
            next = rest[0]
            rest.removeFirst(length)
            if isLater {
                ipv6 = header
                protocolNumber = next
                return
            }
        }
        ipv6 = header
        protocolNumber = next
        transport = rest
    }

    /// Tagged for a VLAN.
    var isInVLAN: Bool { isTagged && !isPriorityTagged }

    /// A first fragment, by its own words: more follow, or a fragment header is there.
    var isFirstFragment: Bool {
        transport != nil && (ipv4?.hasMoreFragments ?? false || isIPv6Fragment)
    }

    /// The ICMPv6 message, if one is there.
    var icmpv6: [UInt8]? {
        guard ipv6 != nil, protocolNumber == 58, let transport, transport.count >= 4 else { return nil }
        return transport
    }

    /// OVN's `nd`, `nd_rs`, `nd_ra`: hop limit 255, code 0.
    func isND(_ type: UInt8) -> Bool {
        guard let icmpv6 else { return false }
        return icmpv6[0] == type && icmpv6[1] == 0 && ipv6?.hopLimit == 255
    }

    /// `arp || nd_na || nd_rs || nd_ra`: what goes to `_MC_flood`.
    var wantsRouters: Bool { etherType == 0x0806 || isND(136) || isND(133) || isND(134) }
}
