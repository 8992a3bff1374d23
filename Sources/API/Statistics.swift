import HTTPTypes

/// A distribution of times, in the buckets of a Prometheus histogram.
public struct Histogram: Sendable {
    /// The upper ends of the buckets, in microseconds; all above falls into a last one.
    static let bounds: [Int64] = [
        250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000,
        60_000_000,
    ]

    private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    private(set) var microseconds: Int64 = 0

    public init() {}

    /// Counts something that took so long.
    public mutating func record(_ duration: Duration) {
        let time = duration.microseconds
        microseconds &+= time
        counts[Self.bounds.firstIndex { time <= $0 } ?? Self.bounds.count] += 1
    }

    mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        microseconds &+= other.microseconds
    }
}

/// The requests that were answered, by route and status: as many entries as the contract has, whatever clients send.
public struct RequestStatistics: Sendable {
    private struct Entry {
        let endpoint: Endpoint?
        /// By status: one or two for most routes.
        var counts: [(status: Int, count: UInt64)] = []
        var times = Histogram()

        mutating func add(_ count: UInt64, status: Int) {
            if let index = counts.firstIndex(where: { $0.status == status }) {
                counts[index].count += count
            } else {
                counts.append((status, count))
            }
        }
    }

    /// In the order of their first use. Every request searches them, and a linear search is faster than hashing.
    private var entries: [Entry] = []

    public init() {}

    /// Counts an answer.
    /// - Parameter endpoint: The route; `nil` if the request found none.
    public mutating func record(_ endpoint: Endpoint?, status: Int, _ duration: Duration) {
        let index = index(of: endpoint)
        entries[index].add(1, status: status)
        entries[index].times.record(duration)
    }

    /// Adds the counts of another thread.
    public mutating func add(_ other: RequestStatistics) {
        for entry in other.entries {
            let index = index(of: entry.endpoint)
            for (status, count) in entry.counts { entries[index].add(count, status: status) }
            entries[index].times.add(entry.times)
        }
    }

    private mutating func index(of endpoint: Endpoint?) -> Int {
        if let index = entries.firstIndex(where: { $0.endpoint == endpoint }) { return index }
        entries.append(Entry(endpoint: endpoint))
        return entries.count - 1
    }

    fileprivate func write(to text: inout MetricsText) {
        let routes: [Route?] = Routes.all + [nil]
        text.begin("heddle_http_requests_total", "counter", "Requests answered.")
        for route in routes {
            let counts = entries.first { $0.endpoint == route?.endpoint }?.counts ?? []
            for (status, count) in counts.sorted(by: { $0.status < $1.status }) {
                text.add(count, Self.labels(route) + [("code", String(status))])
            }
        }
        text.begin(
            "heddle_http_request_duration_seconds",
            "histogram",
            "Time from a whole request to its answer; of long polls with the time that they are held."
        )
        for route in routes {
            if let entry = entries.first(where: { $0.endpoint == route?.endpoint }) {
                text.add(entry.times, Self.labels(route))
            }
        }
    }

    private static func labels(_ route: Route?) -> [(String, String)] {
        [("route", route?.path ?? ""), ("method", route?.method.rawValue ?? "")]
    }
}

/// Everything that `/metrics` shows.
public struct Statistics: Sendable {
    /// Requests, of all threads that serve HTTP.
    public var requests: RequestStatistics
    /// The time of each group of commits until it was on disk.
    public var appends: Histogram
    /// Bytes of the commit log on disk.
    public var storeByteCount: Int
    /// Single numbers, in the order in which they are shown.
    public var gauges: [Gauge]

    /// A number that goes up and down, or only up.
    public struct Gauge: Sendable {
        var name: String
        var isCounter: Bool
        var help: String
        var values: [(label: (String, String)?, value: String)]

        public init(_ name: String, _ help: String, isCounter: Bool = false, _ value: UInt64) {
            self.init(name, help, isCounter: isCounter, values: [(nil, "\(value)")])
        }

        /// A number for each value of a label.
        public init(_ name: String, _ help: String, by label: String, _ values: [(String, Int)]) {
            self.init(name, help, isCounter: false, values: values.map { ((label, $0.0), "\($0.1)") })
        }

        /// A time for each value of a label, in seconds.
        public init(_ name: String, _ help: String, by label: String, _ values: [(String, Duration)]) {
            let seconds = values.map { ((label, $0.0), MetricsText.seconds($0.1.microseconds)) }
            self.init(name, help, isCounter: false, values: seconds)
        }

        private init(
            _ name: String,
            _ help: String,
            isCounter: Bool,
            values: [(label: (String, String)?, value: String)]
        ) {
            self.name = name
            self.help = help
            self.isCounter = isCounter
            self.values = values
        }
    }

    public init(requests: RequestStatistics, appends: Histogram, storeByteCount: Int, gauges: [Gauge]) {
        self.requests = requests
        self.appends = appends
        self.storeByteCount = storeByteCount
        self.gauges = gauges
    }

    /// The text that Prometheus scrapes (its text format 0.0.4).
    var text: [UInt8] {
        var text = MetricsText()
        text.begin("heddle_build_info", "gauge", "The version of this program.")
        text.add(1, [("version", API.version)])
        for gauge in gauges {
            text.begin(gauge.name, gauge.isCounter ? "counter" : "gauge", gauge.help)
            for (label, value) in gauge.values { text.line(gauge.name, label.map { [$0] } ?? [], value) }
        }
        text.begin("heddle_store_bytes", "gauge", "Bytes of the commit log on disk.")
        text.add(UInt64(clamping: storeByteCount), [])
        text.begin("heddle_store_append_duration_seconds", "histogram", "Time until a group of commits is on disk.")
        text.add(appends, [])
        requests.write(to: &text)
        return text.bytes
    }
}

extension Duration {
    /// Whole microseconds.
    fileprivate var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}

/// Writes Prometheus' text format.
private struct MetricsText {
    private(set) var bytes: [UInt8] = []
    private var name = ""

    mutating func begin(_ name: String, _ type: String, _ help: String) {
        self.name = name
        bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n".utf8
    }

    mutating func add(_ value: UInt64, _ labels: [(String, String)]) { line(name, labels, "\(value)") }

    mutating func add(_ histogram: Histogram, _ labels: [(String, String)]) {
        var count: UInt64 = 0
        for (index, bucket) in histogram.counts.enumerated() {
            count += bucket
            let bound = index < Histogram.bounds.count ? Self.seconds(Histogram.bounds[index]) : "+Inf"
            line(name + "_bucket", labels + [("le", bound)], "\(count)")
        }
        line(name + "_sum", labels, Self.seconds(histogram.microseconds))
        line(name + "_count", labels, "\(count)")
    }

    /// Label values are paths, methods and words of ours: nothing in them has to be escaped.
    mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
        let list = labels.map { "\($0.0)=\"\($0.1)\"" }.joined(separator: ",")
        bytes += "\(name)\(list.isEmpty ? "" : "{\(list)}") \(value)\n".utf8
    }

    static func seconds(_ microseconds: Int64) -> String {
        guard microseconds % 1_000_000 != 0 else { return "\(microseconds / 1_000_000)" }
        let fraction = String(microseconds % 1_000_000)
        var text = "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
        while text.hasSuffix("0") { text.removeLast() }
        return text
    }
}
