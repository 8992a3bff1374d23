import ArgumentParser
import Client

/// `heddle agent accept`: lets in what this host's agent holds back of central.
struct AgentAcceptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "Use central's network, although it takes ports away.",
        discussion: """
            If central has another history than this host's (a backup was restored, or it is empty) that would take \
            plugged ports or most of the network away, the agent holds it back: packets go on as before, and 'heddle \
            doctor' and 'heddle get chassis' report it. If central is right, this command accepts it.

            EXAMPLES:
              heddle doctor
              heddle agent accept
            """
    )

    @Option(
        help: ArgumentHelp(
            "The agent's state directory (default: that of HEDDLE_AGENT_SOCKET, or "
                + "\(AgentCommand.defaultStateDirectory)).",
            valueName: "dir"
        )
    )
    var stateDir: String?

    /// It knows `--state-dir` too, and so may have taken it.
    @ParentCommand var agent: AgentCommand

    func run() throws {
        let given = stateDir ?? (agent.stateDir == AgentCommand.defaultStateDirectory ? nil : agent.stateDir)
        let connection =
            try given.map { try Connection(to: .agent(socket: $0 + "/agent.sock"), token: nil) }
            ?? Connection.toAgent()
        put(try AgentAcceptance(caller: connection).run())
    }
}
