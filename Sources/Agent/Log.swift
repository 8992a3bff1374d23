import AgentCore
import Glibc

/// Lines on stderr: `agent: …`. The journal or the caller adds the time.
enum Log {
    /// Writes one line, whole.
    static func write(_ level: LogLevel, _ text: String) {
        let prefix =
            switch level {
            case .info: "agent: "
            case .warning: "agent: warning: "
            case .error: "agent: error: "
            }
        let line = Array((prefix + text + "\n").utf8)
        _ = line.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
