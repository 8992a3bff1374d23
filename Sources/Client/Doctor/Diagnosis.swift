import AgentCore
import JSON
import Northbound
import Wire

/// Judges what was seen on a host. No I/O: the same facts give the same report.
struct Diagnosis {
    /// The most seconds that two clocks may differ: logs of several hosts are unreadable beyond that, and certificates
    /// and tokens may not be valid yet, or no longer.
    static let clockSkewMaximum: Int64 = 5
    /// The seconds after which a silent central is worth a word: one long poll and what it may be late by.
    static let silenceMaximum: Int64 = 60

    let facts: HostFacts

    /// Everything that there is to say, what others depend on first.
    var report: DoctorReport {
        DoctorReport(
            findings: central + versions + clock + certificates + store + agent + forwarder + ports + underlay + host
        )
    }

    private var central: [Finding] {
        switch facts.central {
        case .notAsked(let reason): return [.skipped("central", reason)]
        case .silent(let error):
            let (detail, remedy) = error.halves
            guard expectsCentral, facts.centralProcess == nil else {
                return [.failed("central", detail, remedy: remedy)]
            }
            return [
                .failed(
                    "central",
                    "\(detail); none runs with \(facts.dataDirectory.path)",
                    remedy: "'systemctl start heddle-central'; 'journalctl -u heddle-central' says why it has ended"
                )
            ]
        case .answered(let answer):
            if let reason = answer.unreadiness {
                return [
                    .failed(
                        "central",
                        "\(answer.url) is not ready: \(reason)",
                        remedy: "see 'journalctl -u heddle-central' on its host; a full disk must be freed"
                    )
                ]
            }
            let revision = answer.revision.map { ", revision \($0)" } ?? ""
            return [.fine("central", "\(answer.url) is ready\(revision)")]
        }
    }

    /// Whether this host has central's data.
    private var expectsCentral: Bool {
        if case .unseen = facts.store { false } else { true }
    }

    private var versions: [Finding] {
        var others: [String] = []
        if case .answered(let answer) = facts.central, let version = answer.version, version != facts.version {
            others.append("central \(version)")
        }
        if let version = facts.status?["version"]?.stringValue, version != facts.version {
            others.append("the agent \(version)")
        }
        if facts.forwarderRunsOtherProgram == true { others.append("the forwarder another build than the agent") }
        guard others.isEmpty else {
            return [
                .warning(
                    "versions",
                    "this program is \(facts.version), but \(others.joined(separator: ", "))",
                    remedy: "install one version everywhere, then restart what is older; "
                        + "'heddle agent stop --all' and a start renew both agent and forwarder"
                )
            ]
        }
        return [.fine("versions", "\(facts.version) everywhere that could be asked")]
    }

    private var clock: [Finding] {
        // The agent hears central's time with each answer.
        let told = facts.status?["central"]?["clock_seconds_ahead"]?.integerValue
        let asked: Int64? = if case .answered(let answer) = facts.central { answer.secondsAhead } else { nil }
        guard let seconds = asked ?? told else { return [.skipped("clock", "central did not tell its time")] }
        guard seconds.magnitude > UInt64(Self.clockSkewMaximum) else {
            return [.fine("clock", "agrees with central's")]
        }
        return [
            .warning(
                "clock",
                "central's is \(seconds.magnitude) s \(seconds > 0 ? "ahead of" : "behind") this host's",
                remedy: "let both hosts keep time by NTP: see 'timedatectl' on either"
            )
        ]
    }

    /// Agents renew theirs after two thirds of its life; one that is much older shows that they cannot. Half of the time
    /// that it says to hold, or less, lies before it was made.
    private var certificates: [Finding] {
        guard !facts.certificates.isEmpty else { return [.skipped("certificates", "there are none on this host")] }
        return facts.certificates.map { certificate in
            let path = certificate.path
            guard let validity = certificate.validity else {
                return .failed(
                    "certificates",
                    "\(path) holds no certificate",
                    remedy: "put it back from a copy, or join anew"
                )
            }
            let (begin, end) = (validity.lowerBound, validity.upperBound)
            if facts.now < begin {
                return .failed(
                    "certificates",
                    "\(path) does not hold before \(Timestamp(seconds: begin))",
                    remedy: "set this host's clock: see 'timedatectl'"
                )
            }
            if facts.now > end {
                return .failed(
                    "certificates",
                    "\(path) has expired on \(Timestamp(seconds: end))",
                    remedy: "let this host join anew with a fresh token"
                )
            }
            guard facts.now <= end - (end - begin) / 12 else {
                return .warning(
                    "certificates",
                    "\(path) should have been renewed; it expires on \(Timestamp(seconds: end))",
                    remedy: "see why in 'journalctl -u heddle-agent'"
                )
            }
            return .fine("certificates", "\(path) holds until \(Timestamp(seconds: end))")
        }
    }

    private var agent: [Finding] {
        guard facts.expectsAgent else {
            return [
                .skipped("agent", "there is none on this host: \(facts.stateDirectory.path) is missing")
            ]
        }
        switch facts.agent {
        case .failure(let error):
            var (detail, remedy) = error.halves
            if let process = facts.agentProcess {
                if process.isStopped {
                    detail = "process \(process.number) is stopped"
                    remedy = "'kill -CONT \(process.number)' lets it go on"
                }
            } else if mayLook {
                remedy = "'systemctl start heddle-agent'; 'journalctl -u heddle-agent' says why it has ended"
            }
            return [.failed("agent", detail, remedy: remedy)] + stateDirectory
        case .success(let status):
            return [agentLink(status)] + stateDirectory
        }
    }

    /// How the agent gets on with central.
    private func agentLink(_ status: JSONValue) -> Finding {
        let chassis = status.text("chassis")
        let url = status["central"]?.text("url") ?? ""
        let silence = status["central"]?["seconds_since_answer"]?.integerValue
        let failure = status["central"]?.text("failure") ?? ""
        if status["central"]?["connected"]?.boolValue != true {
            let since = silence.map { ", last heard \($0) s ago" } ?? ", never heard"
            return .failed(
                "agent",
                "chassis \(chassis) does not reach \(url): \(failure.isEmpty ? "no answer yet" : failure)\(since)",
                remedy: "packets go on by what it knows; \(Self.remedy(forFailure: failure))"
            )
        }
        if let silence, silence > Self.silenceMaximum {
            return .warning(
                "agent",
                "chassis \(chassis) has not heard from \(url) for \(silence) s",
                remedy: "check that central runs there and that nothing cuts idle connections on the way"
            )
        }
        return .fine("agent", "chassis \(chassis), in touch with \(url)")
    }

    /// What to do about an agent that central does not answer.
    private static func remedy(forFailure failure: String) -> String {
        let remedies = [
            ("not yet valid", "set this host's clock: see 'timedatectl'"),
            (
                "certificate has expired",
                "see whether this host's clock is ahead ('timedatectl'), and central's certificate"
            ),
            ("mismatch", "let central know the name in --central by 'heddle central --tls-name NAME'"),
            (
                "self-signed certificate",
                "central has another authority now: let this host join anew, with a fresh token"
            ),
            ("revoked", "let this host join anew, with a fresh token"),
            ("newer start of the agent", "look for another host that runs as this chassis, with a copy of its state"),
        ]
        return remedies.first { failure.contains($0.0) }?.1
            ?? "check that central runs there and that nothing blocks the way"
    }

    /// Whether this user sees which processes run: their numbers are in the state directory.
    var mayLook: Bool {
        if case .unreadable = facts.stateDirectory.state { false } else { true }
    }

    private var stateDirectory: [Finding] {
        directory(facts.stateDirectory, check: "state dir", holder: "the agent")
    }

    private var store: [Finding] {
        let findings = directory(facts.dataDirectory, check: "store", holder: "central")
        switch facts.store {
        case .unseen, .whole: break
        case .damaged:
            return [
                .failed(
                    "store",
                    "\(facts.dataDirectory.path)/central.db is no database of SQLite any more",
                    remedy: "stop central, put the directory back from a copy, start it"
                )
            ]
        case .locked(let process):
            return [
                .failed(
                    "store",
                    "process \(process) has locked \(facts.dataDirectory.path)/central.db, and it is no central",
                    remedy: "see what it is with 'ps \(process)' and end it"
                )
            ]
        }
        return findings.isEmpty ? [.skipped("store", "central's is not on this host")] : findings
    }

    /// Who may read a directory, and whether it has room left. Nothing where there is none.
    private func directory(_ directory: HostFacts.Directory, check: String, holder: String) -> [Finding] {
        switch directory.state {
        case .missing: return []
        case .unreadable(let errno):
            return [.skipped(check, "cannot look at \(directory.path): \(errorText(errno)); run this as root")]
        case .present(let contents):
            let (free, total) = (contents.freeBytes, contents.totalBytes)
            if let finding = writability(directory.path, contents, check: check, holder: holder) { return [finding] }
            let mebibytes = free >> 20
            guard mebibytes >= Self.freeMebibytesMinimum else {
                return [
                    .failed(
                        check,
                        "\(directory.path) has \(mebibytes) MiB left, and \(holder) cannot write without room",
                        remedy: "free at least \(Self.freeMebibytesMinimum) MiB on that file system"
                    )
                ]
            }
            let percent = total == 0 ? 100 : Double(free) / Double(total) * 100
            return [.fine(check, "\(directory.path), \(mebibytes) MiB (\(Int(percent)) %) free")]
        }
    }

    /// Whether those who should can write what is in a directory, and nobody else can read it.
    private func writability(
        _ path: String,
        _ contents: HostFacts.Directory.Contents,
        check: String,
        holder: String
    ) -> Finding? {
        if contents.isReadOnly {
            return .failed(
                check,
                "\(path) is on a file system that takes no writes",
                remedy: "see 'dmesg' for why, then 'mount -o remount,rw' it"
            )
        }
        if contents.mode & 0o077 != 0 {
            return .warning(
                check,
                "others may look into \(path), which has mode \(String(contents.mode & 0o7777, radix: 8))",
                remedy: "chmod 700 \(path)"
            )
        }
        if let stranger = contents.strangers.first {
            return .failed(
                check,
                "\(path) belongs to \(contents.owner), but \(stranger) in it to another user: \(holder) may not use it",
                remedy: "chown -R \(contents.owner): \(path)"
            )
        }
        return nil
    }

    /// The least room on a file system in MiB: some commits of the largest size and SQLite's log of them.
    static let freeMebibytesMinimum: UInt64 = 128
}
