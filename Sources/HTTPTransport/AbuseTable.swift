/// Remembers the hosts whose connections were ended for abuse, and shuts out for a while those that go on.
///
/// Time is monotonic and comes with each call.
struct AbuseTable {
    /// Connections of one host ended for abuse within ``windowTime`` until it is shut out.
    static let endedConnectionMaximum = 16
    /// The time that an ended connection counts, and that a host is shut out.
    let windowTime: Duration

    private struct Record {
        var endedCount = 0
        var last: Duration
    }

    private var records = HostTable<Record>()

    init(windowTime: Duration) {
        self.windowTime = windowTime
    }

    /// Takes note of a connection that was ended for abuse.
    mutating func note(_ host: RemoteHost, now: Duration) {
        records.update(host, now: now, default: Record(last: now)) { record in
            if now - record.last > windowTime { record.endedCount = 0 }
            record.endedCount += 1
            record.last = now
        }
    }

    /// True if connections of a host are not taken now.
    func shutsOut(_ host: RemoteHost, now: Duration) -> Bool {
        guard records.count > 0, let record = records[host] else { return false }
        return record.endedCount >= Self.endedConnectionMaximum && now - record.last <= windowTime
    }
}
