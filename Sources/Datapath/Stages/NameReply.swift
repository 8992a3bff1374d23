import Wire

/// Tables `ls_in_dns_lookup` and `ls_in_dns_response`: DNS queries over UDP, to whatever address, for names that are
/// known on the switch are answered by it.
///
/// Differences from OVN: names of ports are known by themselves; a query for a type that a name of its own does not
/// have gets an empty answer, also for types other than addresses; an answer repeats the name by a pointer, is
/// authoritative and has an OPT record if the query has one. What is malformed goes to the server that it is for, and
/// so does what comes from a physical network: each of its hosts would answer.
enum NameReply: Stage {
    static var name: StaticString { "ls_in_dns_lookup" }

    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        guard context.datapath.pointee.services.contains(.names), context.network == .ipv4 || context.network == .ipv6,
            !context.isMulticast, !context.isFromWire, !context.isInVLAN, context.transport == IPProtocol.udp,
            UInt16(truncatingIfNeeded: context.ports) == DNSQuery.port
        else { return .next }
        let frame = context.contents
        guard frame.isToAndFromOneHost, let payload = frame.datagramPayload else { return .next }
        let octets = frame.octets(payload)
        guard let query = try? DNSQuery(parsing: octets.span), let base = octets.baseAddress,
            let name = tables.name(
                UnsafeBufferPointer(start: base + query.name.start, count: query.name.count),
                in: context.datapath
            ),
            let reply = Reply(context.reply)
        else { return .next }
        let count = NameAnswer(query, octets, frame, name.pointee, tables).write(to: reply)
        return count > 0 ? .answer(.name, byteCount: count) : .next
    }
}

extension Frame {
    /// True if an IP packet says of both ends that they are hosts, which an answer has to.
    fileprivate var isToAndFromOneHost: Bool {
        guard network == .ipv4 else {
            return ipv6Source != .any && !ipv6Source.isMulticast && !ipv6Destination.isMulticast
        }
        return ipv4Source != 0 && ipv4Source >> 28 < 14 && ipv4Destination >> 28 < 14
    }
}

/// The making of an answer to one query.
struct NameAnswer {
    private let query: DNSQuery
    private let octets: UnsafeBufferPointer<UInt8>
    private let frame: Frame
    private let name: NameRow
    private let tables: Tables

    init(
        _ query: DNSQuery,
        _ octets: UnsafeBufferPointer<UInt8>,
        _ frame: Frame,
        _ name: NameRow,
        _ tables: Tables
    ) {
        self.query = query
        self.octets = octets
        self.frame = frame
        self.name = name
        self.tables = tables
    }

    /// The seconds that an answer may be kept: OVN's, of which nobody has asked for another.
    private static let time: UInt32 = 3600
    /// Octets of a message that an OPT record says: what fits IPv6's minimum MTU.
    private static let messageByteCountMaximum: UInt16 = 1232

    /// Writes the answer, with as many records as fit.
    /// - Returns: its octets; 0 if there is none.
    func write(to reply: Reply) -> Int {
        let start = Reply.payloadOffset(isIPv6: frame.network == .ipv6)
        let extensionCount = query.hasExtension ? DNSQuery.extensionByteCount : 0
        let most = min(query.answerByteCountMaximum, Int(Self.messageByteCountMaximum)) - extensionCount
        var writer = ReplyWriter(reply, from: start, limit: start + most)
        guard let header = writer.reserve(DNSQuery.headerByteCount),
            writer.append(UnsafeBufferPointer(rebasing: octets[DNSQuery.headerByteCount..<query.questionEnd]))
        else { return 0 }
        let count = writeRecords(to: &writer)
        guard count > 0 || name.isOwned != 0 else { return 0 }
        var span = header.mutableSpan
        query.writeAnswerHeader(answerCount: count, to: &span)
        var end = writer.end
        if query.hasExtension {
            span = reply.octets(at: end, count: extensionCount).mutableSpan
            DNSQuery.writeExtension(byteCountMaximum: Self.messageByteCountMaximum, to: &span)
            end += extensionCount
        }
        return finish(reply, end: end)
    }

    private func finish(_ reply: Reply, end: Int) -> Int {
        let ports = frame.ports
        let datagram = DatagramHeader(
            sourceMAC: frame.destination,
            destinationMAC: frame.source,
            sourcePort: UInt16(truncatingIfNeeded: ports),
            destinationPort: UInt16(truncatingIfNeeded: ports >> 16)
        )
        if frame.network == .ipv6 {
            return reply.finish(datagram, from: frame.ipv6Destination, to: frame.ipv6Source, end: end)
        }
        let source = IPv4Address(frame.ipv4Destination)
        return reply.finish(datagram, from: source, to: IPv4Address(frame.ipv4Source), end: end)
    }

    /// - Returns: the number of records.
    private func writeRecords(to writer: inout ReplyWriter) -> UInt16 {
        var count: UInt16 = 0
        if isAsked(DNSQuery.RecordType.ipv4Address) {
            for address in tables.rows(UInt32.self, name.ipv4) {
                guard begin(DNSQuery.RecordType.ipv4Address, byteCount: 4, &writer), writer.append(address) else {
                    return count
                }
                count += 1
            }
        }
        if isAsked(DNSQuery.RecordType.ipv6Address) {
            for address in tables.rows(IPv6Row.self, name.ipv6) {
                guard begin(DNSQuery.RecordType.ipv6Address, byteCount: 16, &writer), writer.append(address.high),
                    writer.append(address.low)
                else { return count }
                count += 1
            }
        }
        let target = tables.rows(UInt8.self, name.target)
        if target.count > 0, isAsked(DNSQuery.RecordType.pointer),
            begin(DNSQuery.RecordType.pointer, byteCount: target.count, &writer), writer.append(target)
        {
            count += 1
        }
        return count
    }

    private func isAsked(_ type: UInt16) -> Bool { query.type == type || query.type == DNSQuery.RecordType.any }

    /// Writes a record's head if there is room for all of it.
    private func begin(_ type: UInt16, byteCount: Int, _ writer: inout ReplyWriter) -> Bool {
        guard writer.limit - writer.end >= DNSQuery.recordHeaderByteCount + byteCount,
            let head = writer.reserve(DNSQuery.recordHeaderByteCount)
        else { return false }
        var span = head.mutableSpan
        DNSQuery.writeRecordHeader(type: type, time: Self.time, byteCount: byteCount, to: &span)
        return true
    }
}
