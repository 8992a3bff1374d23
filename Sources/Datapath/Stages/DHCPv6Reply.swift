import Wire

/// DHCPv6 (RFC 8415), by the conditions of OVN.
///
/// Differences from OVN: RENEW, REBIND and RELEASE are answered, too, and so is a rapid commit; associations that a
/// client asks for beyond one address are answered with a status; messages to another server go on to it. A CONFIRM of
/// another address than the port's is told that it does not belong to the link, so that the client asks anew.
enum DHCPv6Reply {
    static func decide(_ context: inout Context, _ tables: Tables) -> Step {
        let place = context.ingress.pointee.dhcpv6
        guard place != 0, context.ipv6Destination == DHCPv6Message.serversAddress,
            context.transport == IPProtocol.udp, context.ports == 546 << 16 | 547,
            let server = DHCPServer(at: place, tables), let offer = server.offer(to: context.source)
        else { return .next }
        let source = context.ipv6Source
        let frame = context.contents
        guard source != .any, !source.isMulticast, let payload = frame.datagramPayload else { return .next }
        let octets = frame.octets(payload)
        guard let message = try? DHCPv6Message(parsing: octets.span) else { return .drop(.dhcpMalformed) }
        guard let reply = Reply(context.reply) else { return .next }
        let answer = DHCPv6Answer(message, octets, frame, server, offer)
        if let serverID = message.serverID, !answer.isOwn(serverID) { return .next }
        let hasServerID = message.serverID != nil
        switch message.type {
        case .solicit:
            guard message.clientID != nil, !hasServerID else { return .drop(.dhcpMalformed) }
            if message.hasRapidCommit { return answer.step(.reply, .offer, reply) }
            return answer.step(.advertise, .offer, reply)
        case .request, .renew:
            guard message.clientID != nil, hasServerID else { return .drop(.dhcpMalformed) }
            return answer.step(.reply, .offer, reply)
        case .rebind:
            guard message.clientID != nil, !hasServerID else { return .drop(.dhcpMalformed) }
            return answer.step(.reply, .offer, reply)
        case .confirm:
            guard message.clientID != nil, !hasServerID else { return .drop(.dhcpMalformed) }
            // A server that cannot tell stays silent (RFC 8415 section 18.3.3).
            guard let isOwn = answer.isOfOwnAddress else { return .drop(.dhcpUnanswered) }
            return answer.step(.reply, isOwn ? .success : .notOnLink, reply)
        case .release, .decline:
            guard message.clientID != nil, hasServerID else { return .drop(.dhcpMalformed) }
            return answer.step(.reply, .success, reply)
        case .informationRequest:
            guard !message.hasAssociation else { return .drop(.dhcpMalformed) }
            return answer.step(.reply, .options, reply)
        case .advertise, .reply, .reconfigure: return .drop(.dhcpMalformed)
        }
    }
}

/// The making of an answer to one message.
struct DHCPv6Answer {
    private let request: DHCPv6Message
    private let octets: UnsafeBufferPointer<UInt8>
    private let frame: Frame
    private let server: DHCPServer
    private let offer: DHCPOfferRow

    /// The things that an answer says beside who talks to whom.
    enum Content {
        /// The address, and options.
        case offer
        /// Options only.
        case options
        /// A status.
        case success
        /// A status.
        case notOnLink
    }

    /// - Parameter octets: the request.
    init(
        _ request: DHCPv6Message,
        _ octets: UnsafeBufferPointer<UInt8>,
        _ frame: Frame,
        _ server: DHCPServer,
        _ offer: DHCPOfferRow
    ) {
        self.request = request
        self.octets = octets
        self.frame = frame
        self.server = server
        self.offer = offer
    }

    private var address: IPv6Address? {
        server.row.pointee.isStateless == 0 ? IPv6Address(high: offer.high, low: offer.low) : nil
    }

    /// DUID-LL of Ethernet (RFC 8415 section 11.4).
    private static let identifierType: UInt32 = 0x0003_0001
    private static let identifierByteCount = 10

    /// True if an identifier is the server's.
    func isOwn(_ identifier: OctetRange) -> Bool {
        guard identifier.count == Self.identifierByteCount, let base = octets.baseAddress else { return false }
        let bytes = UnsafeRawPointer(base)
        return bytes.integer32(at: identifier.start) == Self.identifierType
            && bytes.macAddress(at: identifier.start + 4) == server.row.pointee.serverMAC
    }

    /// True if the request has the client's address and no other; `nil` if it has none, or none is given.
    ///
    /// Another one of the same network is of no use: a client that kept it, for ever, would be cut off.
    var isOfOwnAddress: Bool? {
        guard let address else { return nil }
        var isOwn: Bool?
        forEachOption(from: DHCPv6Message.headerByteCount, to: octets.count) { option in
            guard option.code == DHCPv6Message.Code.addresses else { return }
            forEachAddress(of: option) { isOwn = (isOwn ?? true) && $0 == address }
        }
        return isOwn
    }

    /// Writes the answer.
    func step(_ kind: DHCPv6Message.Kind, _ content: Content, _ reply: Reply) -> Step {
        let start = Reply.payloadOffset(isIPv6: true)
        var writer = ReplyWriter(reply, from: start, limit: EthernetHeader.untaggedByteCount + 1280)
        guard let header = writer.reserve(DHCPv6Message.headerByteCount) else { return .next }
        var span = header.mutableSpan
        DHCPv6Message(type: kind, transaction: request.transaction).write(to: &span)
        guard write(content, kind, to: &writer) else { return .drop(.dhcpMalformed) }
        let datagram = DatagramHeader(
            sourceMAC: server.row.pointee.serverMAC,
            destinationMAC: frame.source,
            sourcePort: DHCPv6Message.serverPort,
            destinationPort: DHCPv6Message.clientPort
        )
        let source = MACAddress(truncating: server.row.pointee.serverMAC).linkLocalAddress
        let count = reply.finish(datagram, from: source, to: frame.ipv6Source, end: writer.end)
        return .answer(kind == .advertise ? .dhcpv6Advertisement : .dhcpv6Reply, byteCount: count)
    }

    /// - Returns: `false` if the request has more associations than an answer has room for.
    private func write(_ content: Content, _ kind: DHCPv6Message.Kind, to writer: inout ReplyWriter) -> Bool {
        var fits = true
        if let clientID = request.clientID {
            fits =
                writer.append(DHCPv6Message.Code.clientID) && writer.append(UInt16(clientID.count))
                && writer.append(UnsafeBufferPointer(rebasing: octets[clientID.start..<clientID.end]))
        }
        fits =
            fits && writer.append(DHCPv6Message.Code.serverID)
            && writer.append(UInt16(Self.identifierByteCount)) && writer.append(Self.identifierType)
            && writer.append(UInt16(truncatingIfNeeded: server.row.pointee.serverMAC &>> 32))
            && writer.append(UInt32(truncatingIfNeeded: server.row.pointee.serverMAC))
        switch content {
        case .offer:
            if request.hasRapidCommit, kind == .reply, request.type == .solicit {
                fits = fits && writer.append(DHCPv6Message.Code.rapidCommit) && writer.append(0 as UInt16)
            }
            fits = fits && writeAssociations(to: &writer)
            if fits { writeOptions(to: &writer) }
        case .options: if fits { writeOptions(to: &writer) }
        case .success: fits = fits && Self.append(status: DHCPv6Message.Status.success, to: &writer)
        case .notOnLink: fits = fits && Self.append(status: DHCPv6Message.Status.notOnLink, to: &writer)
        }
        return fits
    }

    /// Answers each association: the first for addresses with the port's, all others with a status.
    private func writeAssociations(to writer: inout ReplyWriter) -> Bool {
        var address = address
        var fits = true
        forEachOption(from: DHCPv6Message.headerByteCount, to: octets.count) { option in
            guard fits else { return }
            let start = writer.end
            switch option.code {
            case DHCPv6Message.Code.addresses:
                fits = writeAssociation(option, address, to: &writer)
                address = nil
            case DHCPv6Message.Code.temporaryAddresses:
                fits =
                    Self.append(head: option, octets, idByteCount: 4, to: &writer)
                    && Self.append(status: DHCPv6Message.Status.noAddresses, to: &writer)
            case DHCPv6Message.Code.prefixes:
                fits =
                    Self.append(head: option, octets, idByteCount: 4, to: &writer) && writer.append(0 as UInt64)
                    && Self.append(status: DHCPv6Message.Status.noPrefixes, to: &writer)
            default: return
            }
            if fits { writer.store(UInt16(truncatingIfNeeded: writer.end - start - 4), at: start + 2) }
        }
        return fits
    }

    private func writeAssociation(
        _ option: DHCPv6Message.Option,
        _ address: IPv6Address?,
        to writer: inout ReplyWriter
    ) -> Bool {
        guard Self.append(head: option, octets, idByteCount: 4, to: &writer) else { return false }
        guard let address else {
            return writer.append(0 as UInt64) && Self.append(status: DHCPv6Message.Status.noAddresses, to: &writer)
        }
        let lifetime = server.row.pointee.leaseTime
        let times = server.row.pointee
        // 0.5 and 0.8 of the time, as RFC 8415 section 21.4 recommends.
        let isForever = lifetime == .max
        let renewal = times.renewalTime != 0 ? times.renewalTime : isForever ? .max : lifetime / 2
        let rebinding =
            times.rebindingTime != 0 ? times.rebindingTime : isForever ? .max : max(renewal, lifetime / 5 &* 4)
        var fits = writer.append(renewal) && writer.append(rebinding)
        fits = fits && Self.append(address, lifetime: lifetime, to: &writer)
        // Addresses that the client has and shall not use any more (RFC 8415 section 18.3.4).
        forEachAddress(of: option) { former in
            if former != address { fits = fits && Self.append(former, lifetime: 0, to: &writer) }
        }
        return fits
    }

    private func writeOptions(to writer: inout ReplyWriter) {
        let options = server.options
        let alternative = UInt16(DHCPOption.alternativeBootFile)
        var hasBootFile = false
        var hasAlternative = false
        Self.forEachOption(in: options, from: 0, to: options.count) { option in
            hasBootFile = hasBootFile || option.code == DHCPv6Message.Code.bootFile
            hasAlternative = hasAlternative || option.code == alternative
        }
        // Of two boot files the alternative one is for clients that are not iPXE yet, as OVN has it.
        let left = hasAlternative && !(request.isIPXE && hasBootFile) ? DHCPv6Message.Code.bootFile : alternative
        Self.forEachOption(in: options, from: 0, to: options.count) { option in
            guard option.code != left else { return }
            let code = option.code == alternative ? DHCPv6Message.Code.bootFile : option.code
            guard writer.limit - writer.end >= 4 + option.value.count else { return }
            _ =
                writer.append(code) && writer.append(UInt16(option.value.count))
                && writer.append(UnsafeBufferPointer(rebasing: options[option.value.start..<option.value.end]))
        }
    }

    private func forEachAddress(of association: DHCPv6Message.Option, _ body: (IPv6Address) -> Void) {
        guard let base = octets.baseAddress else { return }
        forEachOption(from: association.value.start + 12, to: association.value.end) { option in
            guard option.code == DHCPv6Message.Code.address,
                option.value.count >= DHCPv6Message.addressByteCount
            else { return }
            body(UnsafeRawPointer(base).ipv6Address(at: option.value.start))
        }
    }

    private func forEachOption(from start: Int, to end: Int, _ body: (DHCPv6Message.Option) -> Void) {
        Self.forEachOption(in: octets, from: start, to: end, body)
    }

    @inline(__always)
    private static func forEachOption(
        in octets: UnsafeBufferPointer<UInt8>,
        from start: Int,
        to end: Int,
        _ body: (DHCPv6Message.Option) -> Void
    ) {
        var offset = start
        while let option = DHCPv6Message.option(at: offset, before: end, in: octets.span) {
            body(option)
            offset = option.value.end
        }
    }

    /// Appends an option's code, a length of 0 for now, and the first octets of the request's option.
    private static func append(
        head option: DHCPv6Message.Option,
        _ octets: UnsafeBufferPointer<UInt8>,
        idByteCount: Int,
        to writer: inout ReplyWriter
    ) -> Bool {
        let start = option.value.start
        return writer.append(option.code) && writer.append(0 as UInt16)
            && writer.append(UnsafeBufferPointer(rebasing: octets[start..<start + idByteCount]))
    }

    private static func append(_ address: IPv6Address, lifetime: UInt32, to writer: inout ReplyWriter) -> Bool {
        writer.append(DHCPv6Message.Code.address) && writer.append(UInt16(DHCPv6Message.addressByteCount))
            && writer.append(address.high) && writer.append(address.low) && writer.append(lifetime)
            && writer.append(lifetime)
    }

    private static func append(status: UInt16, to writer: inout ReplyWriter) -> Bool {
        writer.append(DHCPv6Message.Code.status) && writer.append(2 as UInt16) && writer.append(status)
    }
}
