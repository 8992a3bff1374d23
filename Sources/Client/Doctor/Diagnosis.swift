import AgentCore
import HTTP
import JSON
import NetworkModel
import Wire

/// Judges what was seen on a host. No I/O: the same facts give the same report.
struct Diagnosis {
    /// The most seconds that two clocks may differ: beyond that logs are unreadable, certificates and tokens invalid.
    static let clockSkewMaximum: Int64 = 5
    /// The seconds after which a silent central is worth a word: one long poll and what it may be late by.
    static let silenceMaximum: Int64 = 60

    let facts: HostFacts

    /// Everything that there is to say, what others depend on first.
    var report: DoctorReport {
        DoctorReport(
            findings: central + versions + clock + certificates + store + agent + forwarder + ports + wires
                + underlay + host
        )
    }

    private var central: [Finding] {
        switch facts.central {
        case .notAsked where facts.dataDirectory.isMissing && !facts.expectsAgent: return [nothingSetUp]
        case .notAsked(let reason): return [.skipped("central", reason)]
        case .silent(let error):
            let (detail, remedy) = error.halves
            guard expectsCentral, facts.centralProcess == nil else {
                return [.failed("central", detail, remedy: remedy)]
            }
            return [
                .failed(
                    "central",
                    "\(detail); none runs with \(facts.dataDirectory.path)" + story(of: facts.ends.central),
                    remedy: revival(of: "central", facts.ends.central)
                )
            ]
        case .answered(let answer):
            if let problem = answer.unreadiness {
                return [
                    .failed(
                        "central",
                        "\(answer.url) is not ready: \(problem.sentence)",
                        remedy: Self.remedy(against: problem)
                    )
                ]
            }
            let revision = answer.revision.map { ", revision \($0)" } ?? ""
            return [.fine("central", "\(answer.url) is ready\(revision)")]
        }
    }

    /// The remedy for a central that answers and is not ready.
    private static func remedy(against problem: Problem) -> String {
        switch problem.code {
        case "too_many_connections", "too_many_bytes":
            "see who has them with 'ss -tnp' on both hosts; on central's, root can connect by DATA-DIR/northbound.sock"
                + ", and 'heddle central --help' lists the limits"
        case "too_many_attempts", "too_many_requests": "wait a minute, then use the right token"
        case "storage_full": "free room on the file system of central's data directory"
        default: "run this again in a moment; if that lasts, central's log says why: 'journalctl -u heddle-central'"
        }
    }

    /// True if this host has central's data.
    private var expectsCentral: Bool {
        if case .present = facts.dataDirectory.state { true } else { false }
    }

    /// A machine on which nothing has ever run.
    private var nothingSetUp: Finding {
        let units =
            "to run central here: 'systemctl enable --now heddle-central'; on a host of VMs: fill in "
            + "/etc/default/heddle-agent, then 'systemctl enable --now heddle-forwarder heddle-agent'"
        let programs = "'heddle central' starts a central, 'heddle agent' an agent: see their --help"
        return .failed(
            "setup",
            "nothing has run on this host yet: there is neither \(facts.dataDirectory.path) nor "
                + facts.stateDirectory.path,
            remedy: (facts.hasUnits ? units : programs) + "; to look at a central elsewhere: set HEDDLE_NB"
        )
    }

    private var versions: [Finding] {
        var (others, remedies): ([String], [String]) = ([], [])
        if case .answered(let answer) = facts.central, let version = answer.version, version != facts.version {
            others.append("central is \(version)")
            remedies.append("install one version on central's host and here, central's first")
        }
        if let version = facts.status?["version"]?.stringValue, version != facts.version {
            others.append("the agent is \(version)")
            remedies.append(start("agent"))
        }
        if facts.forwarderRunsOtherProgram == true {
            others.append("the forwarder runs another build than the agent")
            remedies.append(renewForwarder)
        }
        guard others.isEmpty else {
            return [
                .warning(
                    "versions",
                    "this program is \(facts.version), but \(others.joined(separator: ", "))",
                    remedy: remedies.joined(separator: "; ")
                )
            ]
        }
        return [.fine("versions", "\(facts.version) everywhere that could be asked")]
    }

    private var renewForwarder: String {
        if facts.hasUnits { return "'systemctl restart heddle-forwarder', which loses no packet" }
        let number = facts.forwarderProcess.map { "\($0.number)" } ?? "PROCESS"
        return "'kill \(number)': the agent starts the new one, and no packet is lost"
    }

    /// The seconds by which central's clock is ahead of this host's: each answer to the agent tells central's time.
    private var secondsAhead: Int64? {
        let told = facts.status?["central"]?["clock_seconds_ahead"]?.integerValue
        let asked: Int64? = if case .answered(let answer) = facts.central { answer.secondsAhead } else { nil }
        return asked ?? told
    }

    private var clock: [Finding] {
        guard let seconds = secondsAhead else { return [.skipped("clock", "central did not tell its time")] }
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

    private var certificates: [Finding] {
        if let key = facts.missingKey {
            return [
                .failed(
                    "certificates",
                    "\(key) is missing beside the certificate of central's authority, and central does not start "
                        + "without it",
                    remedy: "put it back as it was; 'heddle central restore' takes it from a backup. If it is lost, "
                        + "remove ca.crt, too, and start once with --new-authority: every host then has to join again"
                )
            ]
        }
        guard !facts.certificates.isEmpty else { return [.skipped("certificates", "there are none on this host")] }
        return facts.certificates.map(certificate)
    }

    /// Agents renew theirs after two thirds of its life; one that is much older shows that they cannot. Half of the
    /// time that it says to hold, or less, lies before it was made. What counts is central's clock, if it is known:
    /// a clock that differs from it is a finding by itself.
    private func certificate(_ certificate: HostFacts.KeptCertificate) -> Finding {
        let (check, path) = ("certificates", certificate.path)
        let isAuthority = path.hasSuffix("/ca.crt")
        guard let validity = certificate.validity else {
            return .failed(
                check,
                "\(path) holds no certificate",
                remedy: "put it back as it was" + (isAuthority ? ", with its ca.key" : "; or \(joining)")
            )
        }
        let (begin, end) = (validity.lowerBound, validity.upperBound)
        let now = facts.now + (secondsAhead ?? 0)
        if now < begin {
            return .failed(
                check,
                "\(path) is not valid before \(Timestamp(seconds: begin))",
                remedy: "set this host's clock: see 'timedatectl'"
            )
        }
        let another = "replace the authority as docs/operating.md describes"
        if now > end {
            return .failed(
                check,
                "\(path) expired on \(Timestamp(seconds: end))",
                remedy: "check that this host's clock is right ('timedatectl'); if it is, "
                    + (isAuthority ? another : joining)
            )
        }
        guard now <= end - (end - begin) / 12 else {
            return .warning(
                check,
                "\(path) \(isAuthority ? "" : "should have been renewed; it ")expires on \(Timestamp(seconds: end))",
                remedy: isAuthority ? another : "see why in the agent's log: \(log(of: "agent"))"
            )
        }
        return .fine(check, "\(path) is valid until \(Timestamp(seconds: end))")
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
                    remedy = "'kill -CONT \(process.number)' continues it"
                } else if mayLook {
                    let waits = facts.ends.agent
                    detail = "process \(process.number) runs, but does not answer: \(waits?.sentence ?? detail)"
                    remedy =
                        waits == nil
                        ? "it may wait for central to let it join: \(log(of: "agent")) says so"
                        : "check the URL in --central, that central runs there and that nothing blocks the way"
                }
            } else if mayLook {
                detail = "none runs with \(facts.stateDirectory.path)" + story(of: facts.ends.agent)
                remedy = revival(of: "agent", facts.ends.agent)
            }
            return [.failed("agent", detail, remedy: remedy)] + stateDirectory
        case .success(let status):
            return [agentLink(status)] + held(status) + stateDirectory
        }
    }

    /// A finding about the agent's connection to central.
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
                remedy: "packets still follow its last tables; \(remedy(forFailure: failure, of: chassis))"
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

    /// The remedy for an agent that central does not answer.
    private func remedy(forFailure failure: String, of chassis: String) -> String {
        let others = [
            ("not yet valid", "set this host's clock: see 'timedatectl'"),
            (
                "certificate has expired",
                "check if this host's clock is ahead ('timedatectl'), and central's certificate"
            ),
            ("mismatch", "give central the name in --central with 'heddle central --tls-name NAME'"),
            ("self-signed certificate", "central has another authority now: \(joining)"),
            ("revoked", joining),
            ("expired at", joining),
            (
                "The certificate is that of",
                "start the agent with the --chassis that it names; or \(joining)"
            ),
            (
                "a copy of its state directory",
                "if it is one, stop this agent, move the state directory away and join as another chassis with "
                    + "'heddle token create --chassis NAME'"
            ),
            ("newer start of the agent", "look for another host that runs as this chassis, with a copy of its state"),
        ]
        return others.first { failure.contains($0.0) }?.1
            ?? "check that central runs there and that nothing blocks the way"
    }

    /// The instruction by which this host joins central again.
    private var joining: String {
        let chassis = facts.status?.text("chassis") ?? "NAME"
        let token = "make a token on central's host with 'heddle token create --chassis \(chassis)'"
        return facts.hasUnits
            ? "\(token), put it into /etc/default/heddle-agent as HEDDLE_JOIN=TOKEN, and \(start("agent"))"
            : "\(token), and start the agent with --join TOKEN"
    }

    /// The reason why a daemon has ended, as far as it could say: what follows "none runs".
    func story(of end: EndNote?) -> String {
        end.map { "; the last one ended at \(Timestamp(seconds: $0.seconds)): \($0.sentence)" } ?? ""
    }

    /// The instruction that brings back a daemon that has ended.
    func revival(of daemon: String, _ end: EndNote?) -> String {
        end == nil ? "\(start(daemon)); \(log(of: daemon)) says why it has ended" : "repair that, then \(start(daemon))"
    }

    /// The command that starts or restarts a daemon of this host.
    func start(_ daemon: String) -> String {
        facts.hasUnits ? "'systemctl restart heddle-\(daemon)'" : "start 'heddle \(daemon)' again as it was started"
    }

    func log(of daemon: String) -> String {
        facts.hasUnits ? "'journalctl -u heddle-\(daemon)'" : "the output of 'heddle \(daemon)'"
    }

    /// True if this user sees which processes run: their numbers are in the state directory.
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
                    "\(facts.dataDirectory.path)/central.db is not an SQLite database any more",
                    remedy: "'heddle central restore FILE' puts a backup in its place"
                )
            ]
        case .locked(let process):
            return [
                .failed(
                    "store",
                    "process \(process) has locked \(facts.dataDirectory.path)/central.db, and it is not a central",
                    remedy: "see what it is with 'ps \(process)' and end it"
                )
            ]
        }
        return findings.isEmpty ? [.skipped("store", "central's is not on this host")] : findings
    }

    /// Findings about a directory's mode and room. None if it does not exist.
    private func directory(_ directory: HostFacts.Directory, check: String, holder: String) -> [Finding] {
        switch directory.state {
        case .missing: return []
        case .unreadable(let errno):
            return [.skipped(check, "cannot look at \(directory.path): \(errorText(errno)); run this as root")]
        case .present(let contents):
            var findings: [Finding] = []
            if let finding = writability(directory.path, contents, check: check, holder: holder) {
                findings.append(finding)
            }
            let mebibytes = contents.freeBytes >> 20
            if !contents.isReadOnly, mebibytes < Self.freeMebibytesMinimum {
                findings.append(
                    .failed(
                        check,
                        "\(directory.path) has \(mebibytes) MiB left, and \(holder) cannot write without room",
                        remedy: "free at least \(Self.freeMebibytesMinimum) MiB on that file system"
                    )
                )
            }
            guard findings.isEmpty else { return findings }
            let total = Double(contents.totalBytes)
            let percent = total == 0 ? 100 : Double(contents.freeBytes) / total * 100
            return [.fine(check, "\(directory.path), \(mebibytes) MiB (\(Int(percent)) %) free")]
        }
    }

    /// True if those who should can write what is in a directory, and nobody else can read it.
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
                "others may read \(path), which has mode \(String(contents.mode & 0o7777, radix: 8))",
                remedy: "'chmod 700 \(path)'"
            )
        }
        if let stranger = contents.strangers.first {
            return .failed(
                check,
                "\(path) belongs to \(contents.owner), but \(stranger) in it to another user: \(holder) may not use it",
                remedy: "'chown -R \(contents.owner): \(path)'"
            )
        }
        return nil
    }

    /// The least room on a file system in MiB: some commits of the largest size and SQLite's log of them.
    static let freeMebibytesMinimum: UInt64 = 128
}
