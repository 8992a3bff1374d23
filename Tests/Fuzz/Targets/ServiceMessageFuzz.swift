import Wire

/// Any octets are a message of a service that hosts answer or not; what is parsed lies within them.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzServiceMessage(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start else { return 0 }
    let octets = UnsafeBufferPointer(start: start, count: count)
    func check(_ range: OctetRange?) {
        guard let range else { return }
        precondition(range.start >= 0 && range.count >= 0 && range.end <= count)
    }
    if let message = try? DHCPv4Message(parsing: octets.span) {
        check(message.parameters)
        check(message.clientID)
    }
    if let message = try? DHCPv6Message(parsing: octets.span) {
        check(message.clientID)
        check(message.serverID)
    }
    if let query = try? DNSQuery(parsing: octets.span) {
        check(query.name)
        precondition(query.questionEnd <= count)
    }
    for family in [MembershipMessage.Family.igmp, .mld] {
        guard let message = try? MembershipMessage(parsing: octets.span, family) else { continue }
        var recordCount = 0
        message.forEachRecord(of: octets.span) { _ in recordCount += 1 }
        precondition(recordCount == message.recordCount)
    }
    _ = try? RouterMessage(parsingSolicitation: octets.span)
    let text = String(decoding: octets, as: UTF8.self)
    if let name = DomainName(text) { precondition(name.octets.count <= DomainName.byteCountMaximum) }
    for family in [DHCPOption.Family.v4, .v6] {
        for option in DHCPOption.all(of: family) {
            guard let value = try? option.octets(text) else { continue }
            precondition(!value.isEmpty && value.count <= DHCPOption.octetCountMaximum)
        }
    }
    return 0
}
