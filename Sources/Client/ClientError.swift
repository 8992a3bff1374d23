import HTTP

/// The failure of a command, as one clear sentence for its user.
public enum ClientError: Error, Equatable, Sendable {
    /// The command line is wrong; no server was asked.
    case usage(String)
    /// The request contradicts the network as it is.
    case refused(String)
    /// The server answered with a problem document.
    case problem(Problem)
    /// No connection could be made, or it broke before the answer.
    case unreachable(Server, reason: String, mayHaveActed: Bool)
    /// The server could not be trusted, or does not speak TLS; nothing was asked of it.
    case insecure(Server, reason: String, remedy: String)
    /// The server's answer is not understood by this version.
    case badAnswer(Server, String)
    /// The wait took longer than the user allowed.
    case timedOut(String)

    public var exitStatus: ExitStatus {
        switch self {
        case .usage: .usage
        case .refused, .problem, .unreachable, .insecure, .badAnswer: .refused
        case .timedOut: .timedOut
        }
    }

    /// One sentence that says what is wrong and what to do.
    public var message: String {
        switch self {
        case .usage(let text), .refused(let text), .timedOut(let text): text
        case .problem(let problem): problem.sentence
        case .unreachable(_, _, mayHaveActed: false), .insecure, .badAnswer: "\(halves.detail); \(halves.remedy)"
        case .unreachable(let server, let reason, mayHaveActed: true):
            "lost the connection to \(server.title) before it answered: \(reason); the change may have been made: "
                + "check before you repeat it"
        }
    }

    /// The fault and the remedy, apart from each other.
    var halves: (detail: String, remedy: String) {
        switch self {
        case .unreachable(let server, let reason, _):
            ("cannot reach \(server.title): \(reason)", server.remedy(for: reason))
        case .insecure(let server, let reason, let remedy):
            ("no secure connection to \(server.title): \(reason)", remedy)
        case .badAnswer(let server, let text): ("cannot understand \(server.title): \(text)", server.identityRemedy)
        case .usage(let text): (text, "correct that and run this again")
        case .refused(let text), .timedOut(let text): (text, "see its log")
        case .problem(let problem): (problem.sentence, "see its log")
        }
    }
}

/// The exit status of a `heddle` command.
public enum ExitStatus: Int32, Sendable {
    case done = 0
    /// It was refused or could not be done; nothing was changed unless the message says so.
    case refused = 1
    /// The command line is wrong; nothing was tried.
    case usage = 2
    /// It was done, but what `--wait` waits for did not happen in time.
    case timedOut = 3
}
