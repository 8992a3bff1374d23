import ArgumentParser
import Client
import Glibc
import Reactor

/// The one binary: reads its arguments, runs the subcommand, ends with the exit code that the user is promised.
@main struct Heddle: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heddle",
        abstract: "A virtual network for plain IP hosts.",
        discussion: """
            EXAMPLES:
              heddle nb ls-add ls1 -- lsp-add ls1 ls1-vm1
              heddle port add vm1 --logical-port ls1-vm1
              heddle nb show
              heddle describe port ls1-vm1

            ENVIRONMENT:
              HEDDLE_NB            central's northbound URL (default: this host's)
              HEDDLE_CA            the file of central's authority, for https
              HEDDLE_TOKEN         says to central who asks
              HEDDLE_AGENT_SOCKET  this host's agent, for 'heddle port' and 'heddle mac'
              NO_COLOR             no colours at a terminal; --color=auto, always or never says otherwise
            """,
        version: version,
        subcommands: [
            CentralCommand.self, AgentCommand.self, ForwarderCommand.self, CNICommand.self, Nb.self, Sb.self,
            Port.self, MACCommand.self, MulticastCommand.self, ConnectionCommand.self, ACLCommand.self,
            TokenCommand.self, GetCommand.self, DescribeCommand.self, DeleteCommand.self, MigrateCommand.self,
            TraceCommand.self,
            DoctorCommand.self, ApplyCommand.self, ExportCommand.self, ImportCommand.self,
            CompletionCommand.self, ManualCommand.self,
        ]
    )

    static func main() {
        _ = DaemonEnd.startedByManager
        let words = Array(CommandLine.arguments.dropFirst())
        // A container runtime starts its plugins without arguments.
        let isPlugin = words.isEmpty && environmentVariable("CNI_COMMAND") != nil
        let status = run(isPlugin ? [CNICommand.configuration.commandName ?? ""] : words)
        LogQueue.standardError.flush()
        Glibc.exit(status.rawValue)
    }

    /// Runs a command line; what goes wrong is one sentence on the standard error.
    static func run(_ words: [String]) -> ExitStatus {
        do {
            var command = try parseAsRoot(helpAsOption(try takingColor(from: words)))
            try command.run()
            return .done
        } catch let error as ClientError {
            complain(error.message)
            return DaemonEnd(words).note(error.message, error.exitStatus)
        } catch let code as ExitCode {
            // The command has said why.
            return ExitStatus(rawValue: code.rawValue) ?? .refused
        } catch  where exitCode(for: error) == .success {
            put(fullMessage(for: error) + "\n")
            return .done
        } catch {
            let (path, stranger) = subcommand(in: words)
            let sentence = stranger ?? oneSentence(message(for: error))
            let message = sentence + (sentence.hasSuffix("?") ? " " : "; ") + "see '\(path) --help'"
            complain(message)
            return DaemonEnd(words).note(message, .usage)
        }
    }

    /// The library's message, which may have a list in lines of its own, as one line without a full stop.
    private static func oneSentence(_ message: String) -> String {
        var sentence = ""
        for line in message.split(separator: "\n") {
            let words = line.drop { $0 == " " }
            if words.hasPrefix("- ") {
                sentence += (sentence.hasSuffix(":") ? " " : ", ") + words.dropFirst(2)
            } else {
                sentence += (sentence.isEmpty ? "" : " ") + words
            }
        }
        sentence = sentence.replacing(". Did you mean", with: "; did you mean")
            .replacing(". Please provide", with: "; please provide")
        if sentence.dropFirst().first?.isLowercase == true {
            sentence = sentence.prefix(1).lowercased() + sentence.dropFirst()
        }
        return sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
    }

    /// The words without `--color[=WHEN]`, which every command takes before its `--`.
    private static func takingColor(from words: [String]) throws(ClientError) -> [String] {
        let end = words.firstIndex(of: "--") ?? words.endIndex
        guard let index = words[..<end].lastIndex(where: { $0 == "--color" || $0.hasPrefix("--color=") }) else {
            return words
        }
        let value = words[index] == "--color" ? "always" : String(words[index].dropFirst("--color=".count))
        guard ["auto", "always", "never"].contains(value) else {
            throw .usage("--color takes auto, always or never, not '\(value)'")
        }
        setenv(colorVariable, value, 1)
        var others = words
        others.remove(at: index)
        return others
    }

    /// `heddle help nb lsp-add` as `heddle nb lsp-add --help`, so that there is one way to help; and `version` as other
    /// programs have it.
    private static func helpAsOption(_ words: [String]) -> [String] {
        if words == ["version"] || words == ["-V"] { return ["--version"] }
        return words.first == "help" ? words.dropFirst() + ["--help"] : words
    }

    /// The subcommand that the words name, for a hint at its help, and what is wrong if the word after it names
    /// none.
    private static func subcommand(in words: [String]) -> (path: String, stranger: String?) {
        var names = ["heddle"]
        var command: any ParsableCommand.Type = Self.self
        for word in words {
            let subcommands = command.configuration.subcommands
            guard let next = subcommands.first(where: { $0._commandName == word }) else {
                let isStranger = !subcommands.isEmpty && !word.hasPrefix("-")
                guard isStranger else { return (names.joined(separator: " "), nil) }
                let others = names.count == 1 ? ["help", "version"] : []
                let hint = suggestion(for: word, among: subcommands.map { $0._commandName } + others)
                let stranger = "unknown command '\(word)'" + (hint.isEmpty ? "" : "; \(hint.dropLast())")
                return (names.joined(separator: " "), stranger)
            }
            names.append(word)
            command = next
        }
        return (names.joined(separator: " "), nil)
    }
}
