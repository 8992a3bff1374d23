import Wire

/// DHCPv4 (RFC 2131), by the conditions of OVN.
///
/// Differences from OVN: a REQUEST for another server's offer goes on to that server; RELEASE and DECLINE, which OVN
/// floods, and malformed messages go nowhere; an answer is no longer than the client takes (option 57), with the
/// options that it asks for first; a NAK goes to all (RFC 2131 section 4.1) and says which server sends it.
enum DHCPv4Reply {
    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let place = context.ingress.pointee.dhcpv4
        guard place != 0, let server = DHCPServer(at: place, tables) else { return .next }
        let destination = context.ipv4Destination
        guard destination == ~0 || destination == server.row.pointee.serverID,
            context.transport == IPProtocol.udp, context.ports == 68 << 16 | 67,
            let offer = server.offer(to: context.source)
        else { return .next }
        let offered = UInt32(truncatingIfNeeded: offer.low)
        guard context.ipv4Source == 0 || context.ipv4Source == offered else { return .next }
        let frame = context.contents
        guard let payload = frame.datagramPayload else { return .next }
        let octets = frame.octets(payload)
        guard let message = try? DHCPv4Message(parsing: octets.span), message.operation == 1,
            message.hardwareByteCount <= 16
        else { return .drop(.dhcpMalformed) }
        guard let reply = Reply(context.reply) else { return .next }
        let answer = DHCPv4Answer(message, octets, frame, server, offered: offered, mtu: tables.innerMTU)
        switch message.type {
        case .discover: return .answer(.dhcpOffer, byteCount: answer.write(.offer, to: reply))
        case .request:
            if let chosen = message.serverID, chosen.rawValue != server.row.pointee.serverID { return .next }
            let asked = message.requestedAddress ?? message.clientAddress
            if asked.rawValue != offered { return .answer(.dhcpRefusal, byteCount: answer.write(.refuse, to: reply)) }
            return .answer(.dhcpAcknowledgement, byteCount: answer.write(.acknowledge, to: reply))
        case .inform: return .answer(.dhcpAcknowledgement, byteCount: answer.write(.acknowledge, to: reply))
        case .release, .decline: return .drop(.dhcpUnanswered)
        case .offer, .acknowledge, .refuse: return .drop(.dhcpMalformed)
        }
    }
}

/// The making of an answer to one message.
struct DHCPv4Answer {
    private let request: DHCPv4Message
    private let octets: UnsafeBufferPointer<UInt8>
    private let frame: Frame
    private let server: DHCPServer
    private let offered: UInt32
    private let mtu: Int

    /// - Parameters:
    ///   - octets: the request.
    ///   - mtu: of the port's path.
    init(
        _ request: DHCPv4Message,
        _ octets: UnsafeBufferPointer<UInt8>,
        _ frame: Frame,
        _ server: DHCPServer,
        offered: UInt32,
        mtu: Int
    ) {
        self.request = request
        self.octets = octets
        self.frame = frame
        self.server = server
        self.offered = offered
        self.mtu = mtu
    }

    /// Octets of a message, at least (RFC 1542 section 2.1).
    private static let messageByteCountMinimum = 300

    /// Writes the answer.
    /// - Returns: its octets.
    func write(_ kind: DHCPv4Message.Kind, to reply: Reply) -> Int {
        let isRefusal = kind == .refuse
        let isInform = request.type == .inform
        var message = request
        message.operation = 2
        message.clientAddress = isRefusal || kind == .offer ? .any : request.clientAddress
        message.yourAddress = isRefusal || isInform ? .any : IPv4Address(offered)
        message.nextServer = isRefusal ? .any : IPv4Address(server.row.pointee.nextServer)
        let start = Reply.payloadOffset(isIPv6: false)
        let most = max(Int(request.maximumByteCount ?? 0), DHCPv4Message.packetByteCountMinimum)
        var writer = ReplyWriter(reply, from: start, limit: EthernetHeader.untaggedByteCount + most)
        guard let header = writer.reserve(DHCPv4Message.headerByteCount) else { return 0 }
        var span = header.mutableSpan
        message.write(to: &span)
        write(kind, to: &writer)
        while writer.end - start < Self.messageByteCountMinimum, writer.append(0 as UInt8) {}
        let datagram = DatagramHeader(
            sourceMAC: server.row.pointee.serverMAC,
            destinationMAC: frame.source,
            sourcePort: DHCPv4Message.serverPort,
            destinationPort: DHCPv4Message.clientPort
        )
        let serverID = IPv4Address(server.row.pointee.serverID)
        return reply.finish(datagram, from: serverID, to: destination(isRefusal, isInform), end: writer.end)
    }

    private func destination(_ isRefusal: Bool, _ isInform: Bool) -> IPv4Address {
        if isRefusal || request.flags & DHCPv4Message.broadcastFlag != 0 { return .broadcast }
        guard isInform else { return IPv4Address(offered) }
        return request.clientAddress == .any ? .broadcast : request.clientAddress
    }

    private func write(_ kind: DHCPv4Message.Kind, to writer: inout ReplyWriter) {
        let row = server.row.pointee
        _ = Self.append(DHCPv4Message.Code.type, kind.rawValue, to: &writer)
        _ = Self.append(DHCPv4Message.Code.serverID, row.serverID, to: &writer)
        if request.clientID.count > 0 {
            let clientID = UnsafeBufferPointer(rebasing: octets[request.clientID.start..<request.clientID.end])
            _ = Self.append(DHCPv4Message.Code.clientID, clientID, to: &writer)
        }
        if kind != .refuse {
            if request.type != .inform {
                _ = Self.append(DHCPv4Message.Code.leaseTime, row.leaseTime, to: &writer)
                if row.renewalTime != 0 {
                    _ = Self.append(DHCPv4Message.Code.renewalTime, row.renewalTime, to: &writer)
                }
                if row.rebindingTime != 0 {
                    _ = Self.append(DHCPv4Message.Code.rebindingTime, row.rebindingTime, to: &writer)
                }
            }
            writeOptions(to: &writer)
        }
        _ = writer.append(DHCPv4Message.Code.end)
    }

    /// Writes those that the client asks for in its order, then the others in theirs, as far as they fit.
    private func writeOptions(to writer: inout ReplyWriter) {
        var left = CodeSet()
        forEachOption { code, _ in left.insert(code) }
        left.insert(DHCPv4Message.Code.mtu)
        if request.type == .inform { left.remove(DHCPv4Message.Code.netmask) }
        // Of two boot files the alternative one is for clients that are not iPXE yet, as OVN has it.
        var bootFile = DHCPv4Message.Code.bootFile
        if left.contains(DHCPOption.alternativeBootFile), !request.isIPXE || !left.contains(bootFile) {
            bootFile = DHCPOption.alternativeBootFile
            left.insert(DHCPv4Message.Code.bootFile)
        }
        left.remove(DHCPOption.alternativeBootFile)
        for index in request.parameters.start..<request.parameters.end {
            write(octets[index], &left, bootFile: bootFile, to: &writer)
        }
        for code in 1..<255 as Range<UInt8> { write(code, &left, bootFile: bootFile, to: &writer) }
    }

    /// Writes the options of one code, if any are left.
    /// - Parameter bootFile: the code by which the record has the boot file.
    private func write(_ code: UInt8, _ left: inout CodeSet, bootFile: UInt8, to writer: inout ReplyWriter) {
        guard left.contains(code) else { return }
        left.remove(code)
        let start = writer.end
        let known = code == DHCPv4Message.Code.bootFile ? bootFile : code
        var isThere = false
        var fits = true
        forEachOption { other, value in
            guard other == known, fits else { return }
            isThere = true
            fits = Self.append(code, value, to: &writer)
        }
        if code == DHCPv4Message.Code.mtu, !isThere {
            fits = Self.append(code, UInt16(clamping: mtu), to: &writer)
        }
        if !fits { writer.retreat(to: start) }
    }

    @inline(__always)
    private func forEachOption(_ body: (UInt8, UnsafeBufferPointer<UInt8>) -> Void) {
        let options = server.options
        var offset = 0
        while options.count - offset >= 2 {
            let end = offset + 2 + Int(options[offset + 1])
            guard end <= options.count else { return }
            body(options[offset], UnsafeBufferPointer(rebasing: options[offset + 2..<end]))
            offset = end
        }
    }

    // An octet stays for the end.

    private static func append(
        _ code: UInt8,
        _ value: UnsafeBufferPointer<UInt8>,
        to writer: inout ReplyWriter
    ) -> Bool {
        guard value.count <= 255, writer.limit - writer.end > 2 + value.count else { return false }
        return writer.append(code) && writer.append(UInt8(value.count)) && writer.append(value)
    }

    private static func append(_ code: UInt8, _ value: UInt8, to writer: inout ReplyWriter) -> Bool {
        guard writer.limit - writer.end > 3 else { return false }
        return writer.append(code) && writer.append(1 as UInt8) && writer.append(value)
    }

    private static func append(_ code: UInt8, _ value: UInt16, to writer: inout ReplyWriter) -> Bool {
        guard writer.limit - writer.end > 4 else { return false }
        return writer.append(code) && writer.append(2 as UInt8) && writer.append(value)
    }

    private static func append(_ code: UInt8, _ value: UInt32, to writer: inout ReplyWriter) -> Bool {
        guard writer.limit - writer.end > 6 else { return false }
        return writer.append(code) && writer.append(4 as UInt8) && writer.append(value)
    }
}

/// A set of option codes.
private struct CodeSet {
    private var words = SIMD4<UInt64>()

    func contains(_ code: UInt8) -> Bool { words[Int(code &>> 6)] &>> UInt64(code & 63) & 1 != 0 }
    mutating func insert(_ code: UInt8) { words[Int(code &>> 6)] |= 1 &<< UInt64(code & 63) }
    mutating func remove(_ code: UInt8) { words[Int(code &>> 6)] &= ~(1 &<< UInt64(code & 63)) }
}
