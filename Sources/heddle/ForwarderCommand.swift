import ArgumentParser
import Client
import Forwarder

/// `heddle forwarder`: the process that moves packets. The agent starts it.
struct ForwarderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forwarder",
        abstract: "Move packets (started by the agent).",
        discussion: """
            It starts empty: the agent passes it descriptors and tables through DIR/forwarder.sock. If started as \
            root, it becomes the user \(ForwarderProcess.userName), or one without a name if there is none. It keeps \
            no capability, opens no file any more, and has only the system calls that moving packets takes. It \
            outlives the agent and ends on SIGTERM.

            EXAMPLE:
              heddle forwarder --forwarder-dir /var/lib/heddle/forwarder
            """
    )

    @Option(help: ArgumentHelp("The agent's state directory.", valueName: "dir"))
    var stateDir = AgentCommand.defaultStateDirectory

    @Option(
        help: ArgumentHelp(
            "Where its socket and process id are; made if missing (default: forwarder in the state directory).",
            valueName: "dir"
        )
    )
    var forwarderDir: String?

    @Option(help: AgentCommand.queuesHelp)
    var queues: Int?

    func validate() throws {
        try AgentCommand.check(queues: queues, of: "heddle forwarder")
    }

    func run() throws {
        let directory = forwarderDir ?? stateDir + "/forwarder"
        do throws(ForwarderProcess.StartFailure) {
            try ForwarderProcess.run(directory: directory, queueCount: queues)
        } catch {
            throw ClientError.refused(error.description)
        }
    }
}
