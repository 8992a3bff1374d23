import JSON
import Wire

/// One thing that `heddle doctor` has looked at.
public struct Finding: Equatable, Sendable {
    /// The result.
    public enum Level: String, Sendable {
        /// As it should be.
        case fine = "ok"
        /// Not looked at, and why.
        case skipped
        /// It works, but not as well as it could, or not for long.
        case warning
        /// It does not work.
        case failed
    }

    /// The subject, one word: `central`.
    public var check: String
    public var level: Level
    /// The observation, one clause.
    public var detail: String
    public var remedy: String?

    static func fine(_ check: String, _ detail: String) -> Finding {
        Finding(check: check, level: .fine, detail: detail)
    }

    static func skipped(_ check: String, _ detail: String) -> Finding {
        Finding(check: check, level: .skipped, detail: detail)
    }

    static func warning(_ check: String, _ detail: String, remedy: String) -> Finding {
        Finding(check: check, level: .warning, detail: detail, remedy: remedy)
    }

    static func failed(_ check: String, _ detail: String, remedy: String) -> Finding {
        Finding(check: check, level: .failed, detail: detail, remedy: remedy)
    }

    /// True if somebody should do something about it.
    public var needsAttention: Bool { level == .warning || level == .failed }
}

/// The report of `heddle doctor`.
public struct DoctorReport: Equatable, Sendable {
    /// Everything that was looked at, in order.
    public var findings: [Finding]

    /// True if nothing needs attention.
    public var isHealthy: Bool { !findings.contains(where: \.needsAttention) }

    /// Lines for people: level, check and detail, the remedy below.
    public var text: String {
        let checkWidth = (findings.map(\.check.count).max() ?? 0) + 2
        let levelWidth = Finding.Level.warning.rawValue.count + 2
        var text = ""
        for finding in findings {
            text += finding.level.rawValue.padded(to: levelWidth) + finding.check.padded(to: checkWidth)
            text += finding.detail.printable + "\n"
            guard let remedy = finding.remedy else { continue }
            text += String(repeating: " ", count: levelWidth + checkWidth) + "-> \(remedy.printable)\n"
        }
        let count = findings.count(where: \.needsAttention)
        return text + (count == 0 ? "\nAll is well.\n" : "\n\(count) finding\(count == 1 ? "" : "s").\n")
    }

    /// The same for programs.
    public var jsonText: String { json.indentedText }

    /// `{"healthy", "findings": [{"check", "level", "detail", "remedy"}]}`; a remedy may be null.
    var json: JSONValue {
        [
            "healthy": .bool(isHealthy),
            "findings": .array(
                findings.map { finding in
                    [
                        "check": .string(finding.check), "level": .string(finding.level.rawValue),
                        "detail": .string(finding.detail), "remedy": finding.remedy.map { .string($0) } ?? .null,
                    ]
                }
            ),
        ]
    }
}
