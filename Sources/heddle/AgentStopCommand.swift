import ArgumentParser
import Client

/// `heddle agent stop`: ends this host's agent.
struct AgentStopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "End the agent and wait until it is gone.",
        discussion: """
            The forwarder keeps moving packets unless --all is given.

            EXAMPLES:
              heddle agent stop
              heddle agent stop --all --state-dir /var/lib/heddle/agent
            """
    )

    @Flag(help: "End the forwarder too: this host's ports go silent.")
    var all = false

    @Option(
        help: ArgumentHelp(
            "The agent's state directory (default: \(AgentCommand.defaultStateDirectory)).",
            valueName: "dir"
        )
    )
    var stateDir: String?

    /// It knows `--state-dir` too, and so may have taken it.
    @ParentCommand var agent: AgentCommand

    func run() throws {
        try AgentStop(stateDirectory: stateDir ?? agent.stateDir).run(all: all)
    }
}
