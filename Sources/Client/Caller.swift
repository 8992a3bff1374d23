import HTTP
import JSON

/// One request to a server.
public struct Call: Equatable, Sendable {
    /// The HTTP methods in use.
    public enum Method: String, Sendable {
        /// Read.
        case get = "GET"
        /// Create or replace.
        case put = "PUT"
        /// Carry out.
        case post = "POST"
        /// Remove.
        case delete = "DELETE"
    }

    /// The default time for an answer. Central answers in milliseconds; a disk that is being
    /// synced by others can take seconds.
    public static let timeoutDefault = Duration.seconds(30)

    public var method: Method
    /// The path with its query, percent-encoded.
    public var path: String
    public var body: JSONValue?
    /// The longest wait for the answer.
    public var timeout: Duration

    /// A request; see the members.
    public init(_ method: Method, _ path: String, body: JSONValue? = nil, timeout: Duration = timeoutDefault) {
        self.method = method
        self.path = path
        self.body = body
        self.timeout = timeout
    }
}

/// A server's answer to one request.
public struct Reply: Equatable, Sendable {
    public var status: Int
    /// The revision of the network that the answer shows (`Heddle-Revision`), if central gave one.
    public var revision: Int64?
    /// The epoch of that revision (`Heddle-Epoch`), if central gave one.
    public var epoch: String?
    /// The hash of the revision's commit (`Heddle-Hash`), if central gave one.
    public var hash: String?
    /// The server's time of the answer, in seconds since 1970.
    public var date: Int64?
    /// The JSON of the body, if it has any; a text that is none is a string.
    public var body: JSONValue?
}

/// Whoever can carry a request to a server and bring back the answer: ``Connection``, or a test.
public protocol Caller {
    var server: Server { get }

    /// Sends a request and waits for the answer, whatever its status.
    /// - Throws: ``ClientError`` if there is no answer.
    func send(_ call: Call) throws(ClientError) -> Reply
}

extension Caller {
    /// Sends a request that must succeed.
    /// - Throws: ``ClientError/problem(_:)`` for any status but 2xx.
    public func require(_ call: Call) throws(ClientError) -> Reply {
        let reply = try send(call)
        guard (200...299).contains(reply.status) else {
            throw .problem(Problem(status: reply.status, body: reply.body))
        }
        return reply
    }

    /// The object at a path, `nil` if there is none.
    public func object(_ path: String) throws(ClientError) -> Reply? {
        let reply = try send(Call(.get, path))
        if reply.status == 404 { return nil }
        guard reply.status == 200 else { throw .problem(Problem(status: reply.status, body: reply.body)) }
        return reply
    }

    /// All objects of a collection, page after page.
    public func list(_ path: String) throws(ClientError) -> [JSONValue] { try snapshot(path).items }

    /// All objects of a collection, and the place in central's history that all pages show.
    func snapshot(_ path: String) throws(ClientError) -> (items: [JSONValue], place: HistoryPlace?) {
        var items: [JSONValue] = []
        var place: HistoryPlace?
        var token: String?
        repeat {
            let mark = path.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
            let query = mark + "limit=\(listPageSize)" + (token.map { "&page_token=" + percentEncoded($0) } ?? "")
            let reply = try require(Call(.get, path + query))
            guard let page = reply.body?["items"]?.arrayValue else {
                throw .badAnswer(server, "its list \(path) has no items")
            }
            items += page
            place = HistoryPlace(reply, revision: reply.body?["revision"]?.integerValue)
            token = reply.body?["next_page_token"]?.stringValue
        } while token != nil
        return (items, place)
    }
}

/// A place in central's history, from which changes are asked for.
struct HistoryPlace: Equatable {
    var revision: Int64
    var epoch: String
    /// Evidence that central still has the history that the place is in; `nil` if an older central told none.
    var hash: String?

    init(revision: Int64, epoch: String, hash: String?) {
        self.revision = revision
        self.epoch = epoch
        self.hash = hash
    }

    /// The place that an answer shows; `nil` if it does not say.
    init?(_ reply: Reply, revision: Int64?) {
        guard let revision, let epoch = reply.epoch else { return nil }
        self.init(revision: revision, epoch: epoch, hash: reply.hash)
    }

    /// The parameters that ask for what comes after it.
    var query: String { "since=\(revision)&epoch=\(epoch)" + (hash.map { "&hash=\($0)" } ?? "") }
}

/// The objects asked for at once: the most that central gives.
let listPageSize = 5000

/// The query of a target with its `?`: the parameters that have a value; empty if none has.
func query(of parameters: [(name: String, value: String?)]) -> String {
    let given = parameters.compactMap { name, value in value.map { "\(name)=\(percentEncoded($0))" } }
    return given.isEmpty ? "" : "?" + given.joined(separator: "&")
}
