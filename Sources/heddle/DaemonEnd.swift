import ArgumentParser
import Client
import Glibc

/// The end of a daemon by a refusal: a note is left for `heddle doctor`, and a service manager that would
/// start it again is made to wait.
struct DaemonEnd {
    /// The time that a refused daemon waits before it ends, in microseconds: units start a killed daemon again
    /// within a tenth of a second, and what cannot start is not to be tried ten times a second.
    static let pause: UInt32 = 1_000_000

    private let daemon: String?
    private let directory: String
    private let isManaged: Bool

    /// The daemon that a command line starts, if it starts one.
    init(_ words: [String]) {
        let daemons = [
            "central": ("--data-dir", CentralCommand.defaultDataDirectory),
            "agent": ("--state-dir", AgentCommand.defaultStateDirectory),
            "forwarder": ("--state-dir", AgentCommand.defaultStateDirectory),
        ]
        let commands = AgentCommand.configuration.subcommands + CentralCommand.configuration.subcommands
        let subcommands = commands.map { $0._commandName } + ["help"]
        guard let name = words.first, let (option, standard) = daemons[name],
            !subcommands.contains(words.dropFirst().first ?? "")
        else {
            (daemon, directory, isManaged) = (nil, "", false)
            return
        }
        daemon = name
        let own = Self.value(of: option, in: words) ?? standard
        directory =
            name == "forwarder" ? Self.value(of: "--forwarder-dir", in: words) ?? own + "/forwarder" : own
        isManaged = Self.startedByManager
    }

    private static func value(of option: String, in words: [String]) -> String? {
        words.last { $0.hasPrefix(option + "=") }.map { String($0.dropFirst(option.count + 1)) }
            ?? words.lastIndex(of: option).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }

    /// True if a service manager has started this process; it is asked for before anybody takes the variable away.
    static let startedByManager = environmentVariable("NOTIFY_SOCKET") != nil

    /// Notes why it has ended, and gives the status to end with.
    func note(_ sentence: String, _ status: ExitStatus) -> ExitStatus {
        guard let daemon else { return status }
        EndNote.write(sentence, of: daemon, in: directory)
        if isManaged, status == .refused { usleep(Self.pause) }
        return status
    }
}
