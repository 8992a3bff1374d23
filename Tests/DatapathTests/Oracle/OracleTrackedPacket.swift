import Wire

/// A packet as one of a connection, read octet by octet.
struct OracleTrackedPacket {
    /// The two ends as the packet has them.
    struct Ends: Hashable {
        var source: [UInt8]
        var destination: [UInt8]
        var sourcePort = 0
        var destinationPort = 0
        var transport: Int
        /// The type of an ICMP query.
        var query = 0
        /// The identification, for what is remembered of a fragmented packet.
        var identification: Int?

        var reversed: Ends {
            var ends = self
            (ends.source, ends.destination) = (destination, source)
            (ends.sourcePort, ends.destinationPort) = (destinationPort, sourcePort)
            return ends
        }
    }

    enum Kind { case untracked, invalid, packet, laterFragment, error }

    private(set) var kind = Kind.invalid
    private(set) var ends: Ends
    private(set) var segment = OracleTCP.Segment()
    private(set) var chunk = 0
    private(set) var isAnswer = false
    /// The name of the packet that it is the first fragment of.
    private(set) var fragments: Ends?

    /// IP only; of IPv6 with at most a fragment header.
    init(_ frame: OracleFrame) {
        let at = frame.start
        let isIPv6 = frame.ipv6 != nil
        ends = Ends(
            source: Array(isIPv6 ? frame.bytes[at + 8..<at + 24] : frame.bytes[at + 12..<at + 16]),
            destination: Array(isIPv6 ? frame.bytes[at + 24..<at + 40] : frame.bytes[at + 16..<at + 20]),
            transport: Int(frame.protocolNumber)
        )
        var name = ends
        if let ipv4 = frame.ipv4, ipv4.isFragment { name.identification = Int(ipv4.identification) }
        if isIPv6, frame.bytes[at + 6] == 44 {
            let header = frame.bytes[at + 40..<at + 48].map { Int($0) }
            if header[2] << 8 | header[3] & 0xf9 != 0 {
                name.identification = header[4] << 24 | header[5] << 16 | header[6] << 8 | header[7]
            }
        }
        if name.identification != nil { fragments = name }
        guard let octets = frame.transport else {
            (kind, ends, fragments) = (.laterFragment, name, nil)
            return
        }
        read(octets.map { Int($0) }, isIPv6)
    }

    private mutating func read(_ octets: [Int], _ isIPv6: Bool) {
        switch ends.transport {
        case 6: readTCP(octets)
        case 17 where octets.count >= 8: readPorts(octets)
        case 132 where octets.count >= 16:
            readPorts(octets)
            chunk = octets[12]
        case 17, 132: break
        case 1 where !isIPv6, 58 where isIPv6: readMessage(octets, isIPv6)
        default: kind = .packet
        }
    }

    private mutating func readPorts(_ octets: [Int]) {
        ends.sourcePort = octets[0] << 8 | octets[1]
        ends.destinationPort = octets[2] << 8 | octets[3]
        kind = .packet
    }

    private mutating func readTCP(_ octets: [Int]) {
        guard octets.count >= 20, octets[12] >> 4 >= 5, octets[12] >> 4 * 4 <= octets.count else { return }
        func word(_ at: Int) -> Int { octets[at] << 24 | octets[at + 1] << 16 | octets[at + 2] << 8 | octets[at + 3] }
        let header = octets[12] >> 4 * 4
        segment.sequence = word(4)
        segment.acknowledgment = word(8)
        segment.window = octets[14] << 8 | octets[15]
        segment.count = octets.count - header
        let flags = octets[13]
        (segment.isFIN, segment.isSYN) = (flags & 1 != 0, flags & 2 != 0)
        (segment.isRST, segment.isACK) = (flags & 4 != 0, flags & 16 != 0)
        if segment.isSYN, segment.isFIN || segment.isRST { return }
        if segment.isRST, segment.isFIN { return }
        if !segment.isSYN, !segment.isRST, !segment.isACK { return }
        var options = Array(octets[20..<header])
        while segment.isSYN, let kind = options.first, kind != 0 {
            if kind == 1 {
                options.removeFirst()
                continue
            }
            guard options.count >= 2, options[1] >= 2, options[1] <= options.count else { break }
            if kind == 3, options[1] == 3 { segment.scale = min(14, options[2]) }
            options.removeFirst(options[1])
        }
        readPorts(octets)
    }

    private mutating func readMessage(_ octets: [Int], _ isIPv6: Bool) {
        guard octets.count >= 8 else {
            if isIPv6, octets.count >= 4 { kind = .untracked }
            return
        }
        let identifier = octets[4] << 8 | octets[5]
        if isIPv6 ? (1...4).contains(octets[0]) : [3, 4, 5, 11, 12].contains(octets[0]) {
            return readError(Array(octets[8...]), isIPv6)
        }
        guard let query = Self.query(octets[0], isIPv6) else {
            kind = .untracked
            return
        }
        isAnswer = query != octets[0]
        ends.query = query
        if isAnswer { ends.destinationPort = identifier } else { ends.sourcePort = identifier }
        kind = .packet
    }

    /// The query that a type is of; `nil` for others.
    static func query(_ type: Int, _ isIPv6: Bool) -> Int? {
        let queries = isIPv6 ? [128: 128, 129: 128] : [8: 8, 0: 8, 13: 13, 14: 13, 15: 15, 16: 15, 17: 17, 18: 17]
        return queries[type]
    }

    private mutating func readError(_ inner: [Int], _ isIPv6: Bool) {
        let header = isIPv6 ? 40 : 20
        guard inner.count >= header, inner[0] >> 4 == (isIPv6 ? 6 : 4) else { return }
        let length = isIPv6 ? 40 : (inner[0] & 15) * 4
        if !isIPv6, length < 20 || inner[6] & 0x1f != 0 || inner[7] != 0 { return }
        func octets(_ range: Range<Int>) -> [UInt8] { inner[range].map { UInt8($0) } }
        var about = Ends(
            source: isIPv6 ? octets(8..<24) : octets(12..<16),
            destination: isIPv6 ? octets(24..<40) : octets(16..<20),
            transport: isIPv6 ? inner[6] : inner[9]
        )
        guard about.source == ends.destination else { return }
        let rest = Array(inner.dropFirst(length))
        if [6, 17, 132, 1, 58].contains(about.transport) {
            guard rest.count >= 8 else { return }
            if about.transport == 1 || about.transport == 58 {
                let echoes = isIPv6 ? [128, 129] : [8, 0]
                guard echoes.contains(rest[0]) else { return }
                about.query = echoes[0]
                let identifier = rest[4] << 8 | rest[5]
                if rest[0] == echoes[0] { about.sourcePort = identifier } else { about.destinationPort = identifier }
            } else {
                about.sourcePort = rest[0] << 8 | rest[1]
                about.destinationPort = rest[2] << 8 | rest[3]
            }
        }
        (kind, ends) = (.error, about)
    }
}
