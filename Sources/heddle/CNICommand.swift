import ArgumentParser
import Client
import Glibc
import Reactor

/// `heddle cni`: a plugin of the Container Network Interface.
struct CNICommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cni",
        abstract: "Connect containers (a container runtime starts this).",
        discussion: """
            A plugin of the Container Network Interface, versions 0.3.1 to 1.1.0: the command is in CNI_COMMAND, the \
            network's configuration on the standard input. A copy of this program, or a link to it, named 'heddle' in \
            the runtime's folder of plugins does the same without an argument.

            ADD makes a logical port on the switch, unless "port" names one, and a veth pair, and waits until the port \
            is up. Addresses come from the switch's subnet, or from the runtime ("ips", "mac"). DEL and GC remove both.

            EXAMPLE of a configuration:
              {"cniVersion": "1.1.0", "name": "net1", "type": "heddle", "switch": "ls1",
               "central": "https://central:6641", "ca": "/etc/heddle/ca.crt", "token_file": "/etc/heddle/cni.token",
               "gateway": "172.16.255.1", "routes": [{"dst": "0.0.0.0/0"}]}
            """
    )

    func run() throws {
        var input: [UInt8] = []
        do throws(CNIError) {
            let command = try CNIRequest.command(environmentVariable)
            input = try Self.readInput()
            let result = try Self.carryOut(command, input)
            put(result)
        } catch {
            put(error.text(version: CNIConfiguration.version(in: input)))
            throw ExitCode(ExitStatus.refused.rawValue)
        }
    }

    private static func readInput() throws(CNIError) -> [UInt8] {
        var input: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(STDIN_FILENO, &part, part.count)
            if count == 0 { return input }
            if count < 0, errno == EINTR { continue }
            guard count > 0, input.count + count <= CNIRequest.inputByteCountMaximum else {
                throw CNIError(.inputFailure, "the configuration cannot be read from the standard input")
            }
            input += part[..<count]
        }
    }

    private static func carryOut(_ command: CNIRequest.Command, _ input: [UInt8]) throws(CNIError) -> String {
        if command == .version { return CNIPlugin.versions }
        let request = try CNIRequest(command, environment: environmentVariable, input: input)
        let connections = try connections(request.configuration)
        return try CNIPlugin(
            request,
            central: connections.central,
            agent: connections.agent,
            pause: connections.agent.pause
        ).run()
    }

    /// Central and the agent as the configuration names them, else as the environment or the defaults do.
    private static func connections(
        _ configuration: CNIConfiguration
    ) throws(CNIError) -> (central: Connection, agent: Connection) {
        do throws(ClientError) {
            let socket = configuration.agentSocket.map { Server.agent(socket: $0) }
            let agent = try Connection(to: socket ?? .agent(from: environmentVariable), token: nil)
            guard let url = configuration.central else { return (try Connection.toCentral(), agent) }
            var token = configuration.token ?? Server.token(from: environmentVariable)
            if let file = configuration.tokenFile { token = try readToken(file) }
            let authorities = configuration.authorities ?? Server.authorities(from: environmentVariable)
            return (try Connection(to: .central(url: url), token: token, authorities: authorities), agent)
        } catch {
            throw CNIError(.invalidConfiguration, "central or the agent cannot be asked", details: error.message)
        }
    }

    private static func readToken(_ path: String) throws(ClientError) -> String {
        do throws(SystemError) {
            let bytes = try readFile(path, maximum: 1 << 16)
            return String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace }.first.map(String.init) ?? ""
        } catch {
            throw .refused("the token cannot be read: \(error)")
        }
    }
}
