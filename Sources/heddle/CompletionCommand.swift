import ArgumentParser
import Client

/// `heddle completion`: the shell's part of completion.
struct CompletionCommand: ParsableCommand {
    /// The shells that there is a script for.
    enum Shell: String, CaseIterable, ExpressibleByArgument {
        case bash
        case zsh
        case fish
    }

    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print a script that completes commands in your shell.",
        discussion: """
            Names of switches, ports and chassis are completed, too, by asking central (HEDDLE_NB).

            EXAMPLES:
              source <(heddle completion bash)
              heddle completion bash > /etc/bash_completion.d/heddle
              heddle completion zsh > ~/.zsh/completions/_heddle
              heddle completion fish > ~/.config/fish/completions/heddle.fish
            """
    )

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        let script = Heddle.completionScript(for: kind)
        let whole =
            switch shell {
            case .bash: BashCompletion.withColons(script)
            case .zsh: ZshCompletion.withColons(script)
            case .fish: script
            }
        put(whole + "\n")
    }
}
