import JSON
import Match
import NetworkModel
import Southbound

/// The copies that hosts make of a traced frame for mirrors, of the port that sends it and of those that get it.
struct MirrorTrace {
    let database: NorthboundDatabase
    let frame: MatchFrame

    init(_ database: NorthboundDatabase, _ bytes: [UInt8]) {
        self.database = database
        frame = MatchFrame(bytes.span)
    }

    /// - Parameter delivered: The names of the ports that get the frame.
    func copies(from sender: Stored<LogicalSwitchPort>, to delivered: [String]) -> JSONValue {
        let receivers = delivered.compactMap { database.ports[.name($0)] }
        return .array(
            copies(of: sender, .fromPort) + receivers.flatMap { copies(of: $0, .toPort) }
        )
    }

    private func copies(
        of port: Stored<LogicalSwitchPort>,
        _ direction: MirrorSession.Direction
    ) -> [JSONValue] {
        guard let chassis = port.value.status.chassis else { return [] }
        return port.value.mirrors.compactMap { database.mirrors[$0]?.value }
            .filter { $0.filter == .both || $0.filter == direction }
            .map { mirror in
                let obstacle = obstacle(to: mirror, of: port, on: chassis)
                return [
                    "port": .string(port.value.name), "direction": .string(direction.rawValue),
                    "mirror": .string(mirror.name), "type": .string(mirror.type.rawValue),
                    "sink": .string(mirror.sink), "copied": .bool(obstacle == nil),
                    "detail": obstacle.map { .string($0) } ?? .null,
                ]
            }
    }

    /// The reason why the frame is not copied, for a person; `nil` if it is, as far as central knows.
    private func obstacle(
        to mirror: Mirror,
        of port: Stored<LogicalSwitchPort>,
        on chassis: String
    ) -> String? {
        for rule in Translation.session(of: mirror).rules {
            guard let expression = try? MatchExpression(rule.match), expression.matches(frame, in: PortNames()) else {
                continue
            }
            if rule.action == .mirror { break }
            return "The rule \(rule.priority), \(rule.match), skips the frame."
        }
        guard mirror.type == .logicalPort else { return nil }
        guard mirror.sink != port.value.name else { return "The mirror's port is the copied one." }
        guard let sink = database.ports[.name(mirror.sink)] else {
            return "There is no port \(mirror.sink)."
        }
        return sink.value.status.chassis == chassis ? nil : "The port \(mirror.sink) is not on the host \(chassis)."
    }
}
