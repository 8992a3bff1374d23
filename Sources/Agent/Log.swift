import AgentCore
import Reactor

/// Lines on stderr: `agent: …`. The journal or the caller adds the time.
enum Log {
    /// Says one line, and waits for nobody to read it.
    static func write(_ level: LogLevel, _ text: String) {
        let prefix =
            switch level {
            case .info: "agent: "
            case .warning: "agent: warning: "
            case .error: "agent: error: "
            }
        LogQueue.standardError.write(prefix + text)
    }
}
