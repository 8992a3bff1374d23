import ArgumentParser
import Client
import Forwarder

/// `heddle forwarder`: the process that moves packets. The agent starts it.
struct ForwarderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forwarder",
        abstract: "Move packets (started by the agent).",
        discussion: """
            Starts with nothing: the agent hands it descriptors and tables through DIR/forwarder.sock. Outlives the \
            agent; ends on SIGTERM.

            EXAMPLE:
              heddle forwarder --state-dir /var/lib/heddle/agent
            """
    )

    @Option(help: ArgumentHelp("The agent's state directory.", valueName: "dir"))
    var stateDir = AgentCommand.defaultStateDirectory

    @Option(help: AgentCommand.queuesHelp)
    var queues: Int?

    @Option(help: .hidden)
    var journal: Int32?

    func validate() throws {
        try AgentCommand.check(queues: queues, of: "heddle forwarder")
    }

    func run() throws {
        do throws(ForwarderProcess.StartFailure) {
            try ForwarderProcess.run(stateDirectory: stateDir, queueCount: queues, journal: journal)
        } catch {
            throw ClientError.refused(error.description)
        }
    }
}
