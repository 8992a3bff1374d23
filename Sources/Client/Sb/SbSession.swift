import HTTP
import Reactor

/// Carries a command line of `heddle sb` to central.
public struct SbSession {
    private let caller: DeadlineCaller
    private let line: ControlCommandLine<SbCommand>
    private let output: (String) -> Void

    public init(
        _ line: ControlCommandLine<SbCommand>,
        caller: any Caller,
        clock: @escaping @Sendable () -> Duration = Clock.monotonic,
        output: @escaping (String) -> Void
    ) {
        self.line = line
        self.caller = DeadlineCaller(caller: caller, deadline: Deadline(seconds: line.timeout, now: clock))
        self.output = output
    }

    /// Does the commands one after the other; the first that fails ends it.
    public func run() throws(ClientError) {
        var tableCount = 0
        for (_, command) in line.commands {
            switch command {
            case .database(let command):
                output(try DatabaseReader(caller: caller).text(command, line.style, after: &tableCount))
            case .show:
                let chassis = try caller.list("/v1/chassis")
                output(SbListing.show(chassis: chassis, portBindings: try caller.list("/v1/southbound/port-bindings")))
            case .chassisDel(let name, let ifExists):
                let reply = try caller.send(Call(.delete, "/v1/chassis/" + percentEncoded(name)))
                if reply.status == 404 {
                    guard ifExists else { throw .refused("no chassis named \(name)") }
                } else if !(200...299).contains(reply.status) {
                    throw .problem(Problem(status: reply.status, body: reply.body))
                }
            }
        }
    }
}
