import Wire

/// Remembers the addresses whose connections were ended for abuse, and shuts those out for a while that go on.
///
/// Time is monotonic and comes with each call.
struct AbuseTable {
    /// Connections of one address ended for abuse within ``windowTime`` until it is shut out.
    static let endedConnectionMaximum = 16
    /// How long an ended connection counts, and how long an address is shut out.
    static let windowTime: Duration = .seconds(60)
    /// Addresses remembered at once. More: those make room that have been quiet for longest; an attacker with so many
    /// addresses is bounded by what each connection may do.
    static let addressMaximum = 4096

    private struct Record {
        var endedCount = 0
        var last: Duration
    }

    private var records: [IPAddress: Record] = [:]

    /// How many addresses are remembered.
    var count: Int { records.count }

    /// Takes note of a connection that was ended for abuse.
    mutating func note(_ address: IPAddress, now: Duration) {
        let key = address.ofOneHost
        if records[key] == nil, records.count >= Self.addressMaximum { makeRoom(now: now) }
        var record = records[key] ?? Record(last: now)
        if now - record.last > Self.windowTime { record.endedCount = 0 }
        record.endedCount += 1
        record.last = now
        records[key] = record
    }

    /// Whether connections of an address are not taken now.
    func shutsOut(_ address: IPAddress, now: Duration) -> Bool {
        guard !records.isEmpty, let record = records[address.ofOneHost] else { return false }
        return record.endedCount >= Self.endedConnectionMaximum && now - record.last <= Self.windowTime
    }

    /// Forgets a quarter, so that this is not done for each further address.
    private mutating func makeRoom(now: Duration) {
        let oldest = records.sorted { $0.value.last < $1.value.last }.prefix(Self.addressMaximum / 4)
        for (address, _) in oldest { records[address] = nil }
    }
}

extension IPAddress {
    /// One host has a whole /64 of IPv6 addresses (RFC 4291 section 2.5.1).
    fileprivate var ofOneHost: IPAddress {
        switch self {
        case .v4: self
        case .v6(let address): .v6(IPv6Address(high: address.high, low: 0))
        }
    }
}
