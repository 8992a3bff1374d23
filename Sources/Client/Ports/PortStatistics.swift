import HTTP
import JSON
import Reactor
import Wire

/// Carries `heddle port stats`: the counters of this host's ports, once or for as long as its user looks.
public struct PortStatistics {
    private let caller: any Caller
    private let names: [String]

    /// - Parameter names: the ports that are wanted; all if empty.
    public init(caller: any Caller, names: [String] = []) {
        self.caller = caller
        self.names = names
    }

    /// The counters of now: a line for each that is not 0, or the agent's answer about these ports.
    /// - Throws: ``ClientError`` if the agent does not answer, or has no port of one of the names.
    public func text(as format: CountersFormat = .table) throws(ClientError) -> String {
        let answer = try ask()
        return switch format {
        case .table: PortCounters(answer).text
        case .json: answer.indentedText
        }
    }

    /// Prints the counters, then every `interval` those that have risen, until printing ends it; as JSON, the counters
    /// of all wanted ports on one line.
    /// - Parameters:
    ///   - pause: waits for so long.
    ///   - clock: the time on a clock that never goes back.
    /// - Throws: ``ClientError`` if the agent does not answer; else it goes on for ever.
    public func watch(
        every interval: Duration,
        as format: CountersFormat,
        pause: (Duration) -> Void,
        clock: () -> Duration = Clock.monotonic,
        output: (String) -> Void
    ) throws(ClientError) -> Never {
        var answer = try ask()
        var (counters, time) = (PortCounters(answer), clock())
        output(format == .table ? counters.text : answer.text.printableDocument + "\n")
        while true {
            pause(interval)
            answer = try ask()
            let (former, before) = (counters, time)
            (counters, time) = (PortCounters(answer), clock())
            switch format {
            case .table:
                let rises = counters.rises(since: former, in: time - before)
                if !rises.isEmpty { output("\n" + rises) }
            case .json: output(answer.text.printableDocument + "\n")
            }
        }
    }

    /// The answer `{"ports": [...]}` with the wanted ports alone.
    private func ask() throws(ClientError) -> JSONValue {
        let reply = try caller.require(Call(.get, "/v1/ports?stats=true"))
        let ports = PortTable.ports(of: reply.body ?? .null)
        for name in names where !ports.contains(where: { $0.text("name") == name }) {
            throw PortSession.missing(name)
        }
        return ["ports": .array(ports.filter { names.isEmpty || names.contains($0.text("name")) })]
    }
}

/// The output format of `heddle port stats`.
public enum CountersFormat: String, CaseIterable, Sendable {
    case table
    /// The agent's answer about the ports: indented, or one line a moment where it goes on.
    case json
}
