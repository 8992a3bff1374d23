import HTTP
import HTTPTypes
import JSON
import NetworkModel

/// Carries `heddle get --watch`: a list, then what changes, for as long as its user looks.
public struct ObjectWatch {
    /// The longest that central holds a request, in seconds: below what proxies tolerate.
    static let pollSeconds: Int64 = 20
    /// The time that a held request may take longer than it asked for, before central counts as gone.
    static let pollGrace = Duration.seconds(10)
    /// The pause after the first failure, and the most that it doubles to.
    static let pauseRange = Duration.milliseconds(100)...Duration.seconds(5)

    /// The pause before a list of what central derives is asked for again.
    static let relistPause = Duration.milliseconds(200)

    private let session: ObjectSession
    private let pause: (Duration) -> Void
    private let output: (String) -> Void
    private let warn: (String) -> Void

    /// A watch that prints to `output`, says to `warn` what goes on, and waits by `pause` before it tries again.
    public init(
        caller: any Caller,
        pause: @escaping (Duration) -> Void,
        output: @escaping (String) -> Void,
        warn: @escaping (String) -> Void
    ) {
        session = ObjectSession(caller: caller)
        self.pause = pause
        self.output = output
        self.warn = warn
    }

    /// Prints the objects of a kind, unless only changes are wanted, and from then on each change.
    ///
    /// Central may go away and come back meanwhile; if it cannot tell any more what has changed, the difference
    /// between two lists does.
    /// - Throws: ``ClientError`` if there is nothing to watch, or central refuses to tell; else it goes on for ever.
    public func run(
        _ kind: ShownKind,
        names: [String] = [],
        of logicalSwitch: String? = nil,
        selection: ObjectSelection = ObjectSelection(),
        format: OutputFormat = .table,
        onlyChanges: Bool = false
    ) throws(ClientError) -> Never {
        let switchName = try logicalSwitch.map { reference throws(ClientError) in
            try session.switchName(of: reference, for: kind)
        }
        var objects = WatchedObjects(kind, names: names, of: switchName, selection: selection)
        var listing = WatchListing(kind, format: format)
        let first = try list(objects)
        if let missing = first.missing.first { throw kind.notFound(missing) }
        let events = objects.replace(with: first.objects)
        if !onlyChanges { output(try listing.text(of: events)) }
        var place: HistoryPlace? = first.place
        var failureCount = 0
        while true {
            do throws(ClientError) {
                let events = try advance(&objects, &place)
                if failureCount > 0 { warn("\(session.caller.server.title) is back") }
                failureCount = 0
                output(try listing.text(of: events))
            } catch {
                guard error.mayPass else { throw error }
                if failureCount == 0 {
                    warn("\(error.reason(of: session.caller.server)); trying again until it is back")
                }
                pause(Self.pause(after: failureCount))
                failureCount += 1
            }
        }
    }

    /// Asks central for what comes after a place; `nil` asks for the whole list.
    private func advance(
        _ objects: inout WatchedObjects,
        _ place: inout HistoryPlace?
    ) throws(ClientError) -> [WatchedObjects.Event] {
        guard let from = place else {
            let list = try list(objects)
            place = list.place
            return objects.replace(with: list.objects)
        }
        let kinds = objects.kind.resource.map { "&kinds=\($0.names.row)" } ?? ""
        let call = Call(
            .get,
            "/v1/changes?\(from.query)\(kinds)&wait=\(Self.pollSeconds)",
            timeout: .seconds(Self.pollSeconds) + Self.pollGrace
        )
        let reply = try session.caller.send(call)
        if reply.status == 410 {
            warn("the changes since revision \(from.revision) are no longer kept; listing again")
            place = nil
            return []
        }
        guard reply.status == 200 else { throw .problem(Problem(status: reply.status, body: reply.body)) }
        guard let to = reply.body?["to"]?.integerValue, let changes = reply.body?["changes"]?.arrayValue else {
            throw .badAnswer(session.caller.server, "its changes have no revision")
        }
        if objects.kind.resource == nil, !changes.isEmpty {
            // Records that central derives have no changes of their own: they come and go with objects and hosts. The
            // changes of a moment cost one list.
            pause(Self.relistPause)
            let list = try list(objects)
            place = list.place
            return objects.replace(with: list.objects)
        }
        place = HistoryPlace(revision: to, epoch: from.epoch, hash: reply.body?["hash"]?.stringValue)
        return changes.compactMap { objects.apply($0) }
    }

    private func list(
        _ objects: WatchedObjects
    ) throws(ClientError) -> (objects: [JSONValue], missing: [String], place: HistoryPlace) {
        let ownNames = objects.kind.hasOwnPaths ? objects.names : []
        let snapshot = try session.snapshot(objects.kind, ownNames)
        guard let place = snapshot.place else {
            throw .badAnswer(session.caller.server, "it does not say which revision its list shows")
        }
        let missing = objects.names.filter { name in
            !objects.kind.hasOwnPaths && !snapshot.objects.contains { objects.kind.isNamed(name, $0) }
        }
        return (snapshot.objects, snapshot.missing + missing, place)
    }

    /// Doubles from the shortest to the longest.
    static func pause(after failureCount: Int) -> Duration {
        min(pauseRange.lowerBound * (1 << min(failureCount, 16)), pauseRange.upperBound)
    }
}

extension ClientError {
    /// True if it can go away by itself: central is being restarted, say.
    fileprivate var mayPass: Bool {
        switch self {
        case .unreachable, .insecure: true
        case .problem(let problem): [429, 500, 502, 503, 504].contains(problem.status.code)
        case .usage, .refused, .badAnswer, .timedOut: false
        }
    }

    /// The fault without its remedy.
    fileprivate func reason(of server: Server) -> String {
        if case .unreachable(_, let reason, _) = self { "lost \(server.title): \(reason)" } else { message }
    }
}
