import HTTP
import JSON

/// Carries `heddle migrate` to central.
public struct MigrationSession {
    let caller: any Caller

    /// The longest that one request for changes is parked, in seconds: below what proxies tolerate.
    static let pollSeconds: Int64 = 20

    public init(caller: any Caller) { self.caller = caller }

    /// Lets a port's guest move.
    /// - Parameter strategy: the frames by which it announces itself; all kinds if there is none.
    /// - Returns: how far the move has come, as a line.
    public func begin(_ port: String, to target: String, strategy: [String] = []) throws(ClientError) -> String {
        var body = JSONObject()
        body["target"] = .string(target)
        if !strategy.isEmpty { body["strategy"] = .array(strategy.map { .string($0) }) }
        _ = try caller.require(Call(.post, path(port), body: .object(body)))
        return try progress(port)
    }

    /// Returns how far the move has come, as a line.
    public func progress(_ port: String) throws(ClientError) -> String {
        Self.line(try read(port).body ?? .null)
    }

    /// Ends the move at its target.
    public func complete(_ port: String) throws(ClientError) -> String {
        let status = try caller.require(Call(.post, path(port) + "/complete")).body?["status"]
        return "\(port): at \(status?.text("chassis") ?? "")\n"
    }

    /// Calls the move off.
    public func abort(_ port: String) throws(ClientError) -> String {
        let status = try caller.require(Call(.post, path(port) + "/abort")).body?["status"]
        return "\(port): called off, at \(status?.text("chassis") ?? "")\n"
    }

    /// Waits until the guest has announced itself at the target, then completes the move.
    /// - Parameter report: is told each line of progress that differs from the one before.
    /// - Throws: ``ClientError/timedOut(_:)`` at the deadline; the move goes on.
    public func wait(
        for port: String,
        until deadline: Deadline,
        report: (String) -> Void
    ) throws(ClientError) -> String {
        var last = ""
        while true {
            let reply = try read(port)
            let migration = reply.body ?? .null
            if migration.text("state") == "moved" { return try complete(port) }
            let line = Self.line(migration)
            if line != last { report(line) }
            last = line
            guard deadline.remaining != .zero else {
                throw .timedOut(
                    "after \(deadline.seconds ?? 0) s it has not moved yet, and still may: \(line.dropLast())"
                )
            }
            guard let place = HistoryPlace(reply, revision: reply.revision) else {
                throw .badAnswer(caller.server, "it has no revision")
            }
            let seconds = deadline.remaining.map { min($0.wholeSecondsRoundedUp, Self.pollSeconds) } ?? Self.pollSeconds
            let changes = "/v1/changes?\(place.query)&kinds=logical_switch_port&wait=\(seconds)"
            let timeout = Duration.seconds(seconds) + RealizationWait.pollGrace
            let answer = try caller.send(Call(.get, changes, timeout: timeout))
            // One that no longer has that revision has news.
            guard (200...299).contains(answer.status) || answer.status == 410 else {
                throw .problem(Problem(status: answer.status, body: answer.body))
            }
        }
    }

    private func read(_ port: String) throws(ClientError) -> Reply { try caller.require(Call(.get, path(port))) }

    private func path(_ port: String) -> String { "/v1/ports/\(percentEncoded(port))/migration" }

    private static func line(_ migration: JSONValue) -> String {
        let (source, target) = (migration.text("source"), migration.text("target"))
        let story =
            switch migration.text("state") {
            case "waiting": "waiting for \(target) to plug it in"
            case "preparing": "\(target) prepares its tables"
            case "ready": "ready: the guest can be started at \(target)"
            case "moved": "moved: the guest runs at \(target)"
            case let state: state
            }
        return "\(migration.text("port")): from \(source) to \(target), \(story)\n"
    }
}
