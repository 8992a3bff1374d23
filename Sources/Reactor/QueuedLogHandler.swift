import Glibc
import Logging

/// Puts messages into a queue as lines: time, level, label, module, text.
public struct QueuedLogHandler: LogHandler {
    /// The least level that is said.
    public var logLevel = Logger.Level.info
    /// The metadata of every message, beside its own.
    public var metadata = Logger.Metadata()
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let queue: LogQueue

    public init(label: String, queue: LogQueue = .standardError) {
        self.label = label
        self.queue = queue
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Says a message. After a critical one the process ends, so it waits for it to be written, within a bound.
    public func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let facts = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        queue.write("\(Self.time()) \(event.level) \(label):\(facts) [\(event.source)] \(event.message)")
        if event.level == .critical { queue.flush() }
    }

    private static func time() -> String {
        var now = time_t()
        _ = Glibc.time(&now)
        var parts = tm()
        localtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S%z", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
