import Wire

/// One host, as far as an address tells: abuse is counted by it.
///
/// An IPv4 address is one host. Of IPv6 a host has all addresses of a /64 (RFC 4291 section 2.5.1), so that counting
/// each alone would count nothing.
public struct RemoteHost: Hashable, Sendable {
    private let address: IPAddress

    public init(_ address: IPAddress) {
        self.address =
            switch address {
            case .v4: address
            case .v6(let address): .v6(IPv6Address(high: address.high, low: 0))
            }
    }
}

/// Records about hosts, up to ``hostMaximum`` of them. When there are more, the quarter makes room whose
/// records were written longest ago; an attacker with so many hosts is bounded by what each of its connections may do.
///
/// Time is monotonic and comes with each call.
public struct HostTable<Record> {
    /// Hosts remembered at once: some hundred KiB, and more than an attack from few places comes from.
    public static var hostMaximum: Int { 4096 }

    private var entries: [RemoteHost: (record: Record, written: Duration)] = [:]

    public init() {}

    public var count: Int { entries.count }

    public subscript(host: RemoteHost) -> Record? { entries[host]?.record }

    /// Writes a host's record; if there is none, it begins with `first`.
    public mutating func update<Result>(
        _ host: RemoteHost,
        now: Duration,
        default first: @autoclosure () -> Record,
        _ body: (inout Record) -> Result
    ) -> Result {
        if entries[host] == nil, entries.count >= Self.hostMaximum { makeRoom() }
        var entry = entries[host] ?? (first(), now)
        entry.written = now
        defer { entries[host] = entry }
        return body(&entry.record)
    }

    /// Forgets a quarter, so that this is not done for each further host.
    private mutating func makeRoom() {
        let oldest = entries.sorted { $0.value.written < $1.value.written }.prefix(Self.hostMaximum / 4)
        for (host, _) in oldest { entries[host] = nil }
    }
}
