import ArgumentParser
import Client
import Glibc

/// `heddle doctor`: says what is wrong with an installation.
struct DoctorCommand: ParsableCommand {
    /// The format of the report.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text
        case json
    }

    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at this host and its central; say what is wrong and what to do.",
        discussion: """
            Changes nothing. Looks at central (HEDDLE_NB), this host's agent and forwarder, versions, clocks, the \
            underlay's MTU and the paths to the other chassis, devices, the kernel, disk space and permissions. Run \
            it as root to see everything. Exit code 0: all is well; 1: there are findings.

            EXAMPLES:
              heddle doctor
              heddle doctor --state-dir /srv/heddle/agent
              heddle doctor -o json
            """
    )

    @Option(name: .shortAndLong, help: "How to print: text or json.")
    var output = Format.text

    @Option(
        help: ArgumentHelp(
            "The agent's state directory (default: that of HEDDLE_AGENT_SOCKET, or "
                + "\(AgentCommand.defaultStateDirectory)).",
            valueName: "dir"
        ),
        completion: .directory
    )
    var stateDir: String?

    @Option(help: ArgumentHelp("Central's data directory.", valueName: "dir"), completion: .directory)
    var dataDir = CentralCommand.defaultDataDirectory

    func run() throws {
        let socket = stateDir.map { $0 + "/agent.sock" } ?? environmentVariable("HEDDLE_AGENT_SOCKET")
        let agent = Server.agent(socket: socket ?? Server.defaultAgentSocket)
        let directory = stateDir ?? agentDirectory(ofSocket: socket ?? Server.defaultAgentSocket)
        // Without HEDDLE_NB it is the central of this host, if there is one.
        let isHere = environmentVariable("HEDDLE_NB") == nil && access(dataDir + "/northbound.sock", F_OK) == 0
        let central = Result<any Caller, ClientError> { () throws(ClientError) in
            try Connection.toCentral(dataDirectory: isHere ? dataDir : nil)
        }
        let inspection = HostInspection(
            version: Heddle.version,
            central: central,
            isCentralNamed: environmentVariable("HEDDLE_NB") != nil || isHere,
            agent: try Connection(to: agent, token: nil),
            isAgentNamed: socket != nil,
            stateDirectory: directory,
            dataDirectory: dataDir
        )
        let report = inspection.report()
        put(output == .json ? report.jsonText : report.text, hasStates: output == .text)
        if !report.isHealthy { throw ExitCode(ExitStatus.refused.rawValue) }
    }

    private func agentDirectory(ofSocket path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
