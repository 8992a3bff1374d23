import JSON
import Wire

/// The counters of ports, each with the name that the agent gives it, at one moment.
struct PortCounters {
    struct Key: Hashable {
        /// The port's name on its host.
        let port: String
        /// The fate of the frames: `received`, `answered`, `dropped`.
        let fate: String
        /// The kind of answer or the reason of a drop; empty for the rest.
        let reason: String
    }

    struct Count: Equatable {
        var frames: Int64
        /// `nil` if only frames are counted.
        var bytes: Int64?
    }

    /// The counters in the order in which they are printed: by port, and within it from the wire of the guest inwards.
    private(set) var rows: [(key: Key, count: Count)] = []

    /// Takes the counters out of the agent's answer; of ports whose forwarder did not tell them, none.
    init(_ answer: JSONValue) {
        for port in PortTable.ports(of: answer) {
            guard let statistics = port["statistics"] else { continue }
            let name = port.text("name")
            func append(_ fate: String, _ reason: String = "", frames: JSONValue?, bytes: JSONValue? = nil) {
                guard let frames = frames?.integerValue else { return }
                let key = Key(port: name, fate: fate, reason: reason)
                rows.append((key, Count(frames: frames, bytes: bytes?.integerValue)))
            }
            func appendAll(_ fate: String, _ member: String) {
                for count in statistics[member]?.objectValue?.members ?? [] {
                    append(fate, count.name, frames: count.value)
                }
            }
            append("received", frames: statistics["rx_frames"], bytes: statistics["rx_bytes"])
            // The agent counts frames that were answered among those that went out.
            let answers = (statistics["answers"]?.objectValue?.members ?? []).compactMap(\.value.integerValue)
            let answered = answers.reduce(0) { $0 &+ $1 }
            let forwarded = statistics["forwarded_frames"]?.integerValue.map { max($0 &- answered, 0) }
            append("forwarded", frames: forwarded.map { .integer($0) })
            appendAll("answered", "answers")
            appendAll("dropped", "drops")
            appendAll("not_to_all", "partly_dropped")
            append("sent", frames: statistics["tx_frames"], bytes: statistics["tx_bytes"])
            append("unsent", frames: statistics["unsent_frames"])
        }
    }

    /// A line for each counter that is not 0.
    var text: String {
        var table = TextTable(["NAME", "COUNTER", "REASON", "FRAMES", "BYTES"])
        for (key, count) in rows where count.frames != 0 { table.append(Self.cells(key, count)) }
        return table.text
    }

    /// A line for each counter that has risen since an earlier moment, with its rise in a second; empty if none has.
    ///
    /// A counter that is lower than before began anew with its forwarder, at 0.
    /// - Parameter elapsed: the time since then.
    func rises(since earlier: PortCounters, in elapsed: Duration) -> String {
        let former = Dictionary(earlier.rows.map { ($0.key, $0.count) }, uniquingKeysWith: { first, _ in first })
        var table = TextTable(["NAME", "COUNTER", "REASON", "FRAMES", "BYTES", "FRAMES/S", "BYTES/S"])
        func rate(_ now: Int64, _ then: Int64) -> String {
            let rise = now >= then ? Double(now) - Double(then) : Double(now)
            return String(Int64((rise / max(elapsed / .seconds(1), 0.001)).rounded()))
        }
        for (key, count) in rows {
            let then = former[key] ?? Count(frames: 0, bytes: count.bytes.map { _ in 0 })
            guard count != then, count.frames != 0 else { continue }
            table.append(
                Self.cells(key, count) + [
                    rate(count.frames, then.frames), count.bytes.map { rate($0, then.bytes ?? 0) } ?? "",
                ]
            )
        }
        return table.rows.count > 1 ? table.text : ""
    }

    private static func cells(_ key: Key, _ count: Count) -> [String] {
        [key.port, key.fate, key.reason.printable, String(count.frames), count.bytes.map { String($0) } ?? ""]
    }
}
