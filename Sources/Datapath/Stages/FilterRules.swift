import Wire

extension Context {
    /// Asks the ACLs of one direction in their order: the first that is true of the frame decides, and without one it
    /// passes.
    /// - Returns: the reason to drop the frame; `nil` if it passes.
    mutating func refusal(_ filter: FilterRow, _ tables: Tables) -> DropReason? {
        acl = .max
        // Nobody can say what it is.
        guard network != .malformed else { return .acl }
        if isICMPv6, isAlwaysAllowed { return nil }
        if !filter.reads.isEmpty, hidesTransport(from: filter.reads) { return .acl }
        let rules = tables.rows(RuleRow.self, filter.rules)
        // A file that does not have what it claims lets nothing pass.
        guard rules.count > 0 else { return .acl }
        let tests = tables.rows(TestRow.self, filter.tests)
        var left = UInt16.max
        guard var candidates = candidates(filter, tables) else { return .acl }
        while let place = candidates.next() {
            guard Int(place) < rules.count else { return .acl }
            let rule = rules[Int(place)]
            guard rule.tier != left, isTrue(rule.first, tests, tables) else { continue }
            acl = rule.number
            note(rule, tables)
            switch rule.action {
            case RuleRow.pass: left = rule.tier
            case RuleRow.allow, RuleRow.allowStateless: return nil
            case RuleRow.reject: return .rejected
            default: return .acl
            }
        }
        acl = .max
        return nil
    }

    /// True if an ACL of the action `allow-stateless` is true of the frame: in OVN these come before all that track.
    mutating func isStateless(_ filter: FilterRow, _ tables: Tables) -> Bool {
        guard filter.reads.contains(.stateless), !hidesTransport(from: filter.reads) else { return false }
        let rules = tables.rows(RuleRow.self, filter.rules)
        let tests = tables.rows(TestRow.self, filter.tests)
        guard var candidates = candidates(filter, tables) else { return false }
        while let place = candidates.next() {
            guard Int(place) < rules.count else { return false }
            let rule = rules[Int(place)]
            guard rule.action == RuleRow.allowStateless, isTrue(rule.first, tests, tables) else { continue }
            acl = rule.number
            note(rule, tables)
            return true
        }
        return false
    }

    /// The rules that can be true of the frame; `nil` if the file does not have what it claims.
    mutating func candidates(_ filter: FilterRow, _ tables: Tables) -> RuleCandidates? {
        let list = filter.rules(of: (egress ?? ingress).pointee.key, tables)
        var candidates = RuleCandidates()
        guard candidates.add(list.others, tables) else { return nil }
        let fields = tables.rows(RuleIndexRow.self, list.fields)
        guard fields.count == list.fields.count, fields.count <= RuleIndex.fieldCountMaximum else { return nil }
        for number in 0..<fields.count {
            guard let field = FilterField(rawValue: UInt8(truncatingIfNeeded: fields[number].field)) else { return nil }
            let rows = tables.rows(IndexedRulesRow.self, fields[number].rows)
            guard rows.count == fields[number].rows.count else { return nil }
            let value = isReversed ? reversedValue(of: field) : value(of: field)
            var (low, high) = (0, rows.count)
            while low < high {
                let middle = low &+ (high &- low) / 2
                if rows[middle].first.value <= value { low = middle &+ 1 } else { high = middle }
            }
            guard low > 0 else { continue }
            guard candidates.add(rows[low &- 1].rules, tables) else { return nil }
        }
        return candidates
    }

    /// Counts the decision of an ACL, and has it logged if that is wanted: then no decision of it is kept.
    private mutating func note(_ rule: RuleRow, _ tables: Tables) {
        // Without a time it is asked what would be; and an answer is judged in the place of what it answers.
        guard hasTime, !isReversed, let record = tables.activations?.filterRecord else { return }
        let vni = datapath.pointee.vni
        record.count(rule.identity, vni: vni)
        guard rule.logs != 0 else { return }
        let decision = FilterDecision(
            identity: rule.identity,
            vni: vni,
            ingressKey: ingress.pointee.key,
            egressKey: egress?.pointee.key ?? 0
        )
        log(decision, in: record)
    }

    /// Follows the tests of a rule, each of which names one behind it.
    mutating func isTrue(
        _ first: TestTarget,
        _ tests: UnsafeBufferPointer<TestRow>,
        _ tables: Tables
    ) -> Bool {
        var target = first
        var least: UInt32 = 0
        while target.index >= least, Int(target.index) < tests.count {
            let test = tests[Int(target.index)]
            least = target.index &+ 1
            target = isTrue(test, tables) ? test.onTrue : test.onFalse
        }
        return target == .isTrue
    }

    private mutating func isTrue(_ test: TestRow, _ tables: Tables) -> Bool {
        guard let field = FilterField(rawValue: test.field) else { return false }
        let count = UInt128(test.bitCount)
        let all = count >= 128 ? UInt128.max : (1 &<< count) &- 1
        let value = (isReversed ? reversedValue(of: field) : value(of: field)) &>> UInt128(test.shift) & all
        switch test.kind {
        case TestRow.range: return value >= test.value.value && value <= test.limit.value
        case TestRow.mask: return value & test.limit.value == test.value.value
        case TestRow.set: return contains(value, set: Int(truncatingIfNeeded: test.value.value), tables)
        default: return Self.contains(value, tables.rows(IntervalRow.self, test.intervals))
        }
    }

    private func contains(_ value: UInt128, set: Int, _ tables: Tables) -> Bool {
        let sets = tables.rows(SetRow.self, datapath.pointee.sets)
        guard set >= 0, set < sets.count else { return false }
        let parts = tables.rows(SetPartRow.self, sets[set].parts)
        var (low, high) = (0, parts.count)
        while low < high {
            let middle = low &+ (high &- low) / 2
            if parts[middle].first.value <= value { low = middle &+ 1 } else { high = middle }
        }
        return low > 0 && Self.contains(value, tables.rows(IntervalRow.self, parts[low &- 1].intervals))
    }

    private static func contains(_ value: UInt128, _ intervals: UnsafeBufferPointer<IntervalRow>) -> Bool {
        var (low, high) = (0, intervals.count)
        while low < high {
            let middle = low &+ (high &- low) / 2
            if intervals[middle].last.value < value { low = middle &+ 1 } else { high = middle }
        }
        return low < intervals.count && intervals[low].first.value <= value
    }

    /// OVN's flows of priority 65532: `nd || nd_rs || nd_ra || mldv1 || mldv2`. ICMPv6 only.
    var isAlwaysAllowed: Bool {
        mutating get {
            let frame = contents
            guard frame.hasICMPv6 else { return false }
            let isToGroup = destination >> 32 == 0x3333
            switch frame.icmpType {
            case 133...136: return frame.icmpv6Code == 0 && frame.hopLimit == 255
            case 130...132: return isToGroup && frame.ipv6Source.high >> 54 == 0xfe80 >> 6
            case 143: return isToGroup && frame.ipv6Destination == IPv6Address(high: 0xff02 << 48, low: 0x16)
            default: return false
            }
        }
    }

    /// True if what the rules read of the transport header is cut short in a packet that should have it, or is written
    /// over by a later fragment (RFC 1858): whoever puts the packet together would find something else there.
    private mutating func hidesTransport(from reads: FilterReads) -> Bool {
        guard network == .ipv4 || network == .ipv6 else { return false }
        let isRead: Bool
        switch transport {
        case IPProtocol.tcp, IPProtocol.udp: isRead = reads.contains(.ports) && ports == 0
        case IPProtocol.sctp: isRead = reads.contains(.ports)
        case IPProtocol.icmpv4, IPProtocol.icmpv6: isRead = reads.contains(.messages)
        default: isRead = false
        }
        return isRead && contents.hidesTransport
    }
}

extension FilterRow {
    /// The rules that can be true for a port.
    fileprivate func rules(of key: UInt16, _ tables: Tables) -> RuleListRow {
        let rows = tables.rows(PortRulesRow.self, ports)
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = low &+ (high &- low) / 2
            if rows[middle].key < UInt64(key) { low = middle &+ 1 } else { high = middle }
        }
        return low < rows.count && rows[low].key == UInt64(key) ? rows[low].rules : others
    }
}

// Fields

extension Context {
    /// A field that a rule tests; 0 if the frame has none.
    mutating func value(of field: FilterField) -> UInt128 {
        switch field {
        case .inport: UInt128(ingress.pointee.key)
        case .outport: UInt128(egress?.pointee.key ?? 0)
        case .ethernetSource: UInt128(source)
        case .ethernetDestination: UInt128(destination)
        case .ethernetType: UInt128(etherType)
        case .vlanTag: UInt128(tagWord)
        case .ipProtocol: UInt128(isIP ? transport : 0)
        case .ipv4Source: UInt128(network == .ipv4 ? ipv4Source : 0)
        case .ipv4Destination: UInt128(network == .ipv4 ? ipv4Destination : 0)
        case .ipv6Source: network == .ipv6 ? UInt128(ipv6Source) : 0
        case .ipv6Destination: network == .ipv6 ? UInt128(ipv6Destination) : 0
        case .sourcePort: UInt128(isIP ? ports &>> 16 : 0)
        case .destinationPort: UInt128(isIP ? ports & 0xffff : 0)
        case .sctpSourcePort: UInt128(isIP ? contents.sctpPorts &>> 16 : 0)
        case .sctpDestinationPort: UInt128(isIP ? contents.sctpPorts & 0xffff : 0)
        case .tcpFlags: UInt128(isIP ? contents.tcpFlags : 0)
        case .messageType: UInt128(isIP ? contents.messageWord &>> 8 : 0)
        case .messageCode: UInt128(isIP ? contents.messageWord & 0xff : 0)
        case .ipDSCP: UInt128(isIP ? dscp : 0)
        case .ipECN: UInt128(isIP ? contents.trafficClass & 3 : 0)
        case .ipTTL: UInt128(isIP ? contents.lifetime : 0)
        case .ipFragment: UInt128(isIP ? contents.fragmentBits : 0)
        case .ipv6Label: UInt128(network == .ipv6 ? contents.flowLabel : 0)
        case .arpOperation: UInt128(contents.arpWord(at: 6))
        case .arpSenderIP: UInt128(contents.arpAddress(at: 14))
        case .arpTargetIP: UInt128(contents.arpAddress(at: 24))
        case .arpSenderMAC: UInt128(contents.arpMAC(at: 8))
        case .arpTargetMAC: UInt128(contents.arpMAC(at: 18))
        }
    }

    /// The differentiated services code point. IP only.
    private var dscp: UInt8 {
        mutating get { edit.parts.contains(.dscp) ? edit.dscp : contents.trafficClass &>> 2 }
    }

    private var isIP: Bool { network == .ipv4 || network == .ipv6 }

    private var etherType: UInt16 {
        mutating get {
            switch network {
            case .ipv4: EtherType.ipv4
            case .ipv6: EtherType.ipv6
            case .arp, .foreignARP: EtherType.arp
            case .opaque, .malformed: contents.innerType
            }
        }
    }
}

extension Frame {
    /// The EtherType after all tags; 0x5ff for a length (IEEE 802.3 clause 3.2.6). Frames that are not short only.
    fileprivate var innerType: UInt16 {
        let type = bytes.integer16(at: networkOffset &- 2)
        return type < EtherType.minimum ? EtherType.minimum &- 1 : type
    }

    /// IP only: the octets of the fragment's offset; 0 if it is none, or the first.
    private var fragmentOffset: Int {
        guard isLaterFragment else { return 0 }
        guard network == .ipv4 else { return Int(bytes.integer16(at: transportOffset &- 6) & 0xfff8) }
        return Int(ipv4FragmentWord & 0x1fff) &* 8
    }

    /// IP only: whether the transport header, which a rule reads, is not all in this packet, though not behind it, or a
    /// later fragment begins in it.
    var hidesTransport: Bool {
        // No header that is read is longer; the least fragment of an honest host has 48 octets (RFC 791).
        if isLaterFragment { return fragmentOffset < TCPHeader.minimumByteCount }
        let least =
            switch transport {
            case IPProtocol.tcp: TCPHeader.minimumByteCount
            case IPProtocol.udp: UDPHeader.byteCount
            case IPProtocol.sctp: 12
            case IPProtocol.icmpv4: 8
            default: 4
            }
        return transportByteCount < least
    }

    /// IP only: the ports of SCTP (RFC 9260 section 3.1), as `ports`.
    fileprivate var sctpPorts: UInt32 {
        transport == IPProtocol.sctp && transportByteCount >= 12 ? bytes.integer32(at: transportOffset) : 0
    }

    /// IP only.
    fileprivate var tcpFlags: UInt16 {
        guard transport == IPProtocol.tcp, transportByteCount >= TCPHeader.minimumByteCount else { return 0 }
        return bytes.integer16(at: transportOffset &+ 12) & 0x0fff
    }

    /// IP only: type and code of ICMP.
    fileprivate var messageWord: UInt16 {
        switch transport {
        case IPProtocol.icmpv4 where transportByteCount >= 8: bytes.integer16(at: transportOffset)
        case IPProtocol.icmpv6 where transportByteCount >= 4: bytes.integer16(at: transportOffset)
        default: 0
        }
    }

    /// IP only.
    fileprivate var trafficClass: UInt8 {
        network == .ipv4
            ? bytes.integer8(at: networkOffset &+ 1)
            : UInt8(truncatingIfNeeded: bytes.integer16(at: networkOffset) &>> 4)
    }

    /// IP only: time to live or hop limit.
    fileprivate var lifetime: UInt8 { network == .ipv4 ? bytes.integer8(at: networkOffset &+ 8) : hopLimit }

    /// IP only: bit 0 for a fragment, bit 1 for one that is not the first.
    fileprivate var fragmentBits: UInt8 {
        if isLaterFragment { return 3 }
        return network == .ipv4 ? (ipv4FragmentWord & 0x2000 != 0 ? 1 : 0) : hasIPv6Fragment ? 1 : 0
    }

    /// `eth.type` IPv6 only.
    fileprivate var flowLabel: UInt32 { bytes.integer32(at: networkOffset) & 0xf_ffff }

    /// True if it is ARP, or RARP, for IPv4 over Ethernet.
    private var hasARP: Bool {
        if network == .arp { return true }
        guard network == .opaque, bytes.integer16(at: networkOffset &- 2) == EtherType.rarp,
            byteCount &- networkOffset >= ARPPacket.byteCount
        else { return false }
        return bytes.integer32(at: networkOffset) == 0x0001_0800 && bytes.integer16(at: networkOffset &+ 4) == 0x0604
    }

    fileprivate func arpWord(at offset: Int) -> UInt16 { hasARP ? bytes.integer16(at: networkOffset &+ offset) : 0 }
    fileprivate func arpAddress(at offset: Int) -> UInt32 { hasARP ? bytes.integer32(at: networkOffset &+ offset) : 0 }
    fileprivate func arpMAC(at offset: Int) -> UInt64 { hasARP ? bytes.macAddress(at: networkOffset &+ offset) : 0 }
}
