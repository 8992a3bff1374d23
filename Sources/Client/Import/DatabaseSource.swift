import Glibc
import JSON
import OVSDB
import Reactor
import Security

/// The place of a database of ovsdb-server: a file, or the socket of a server.
public enum DatabaseSource: Equatable, Sendable {
    case file(String)
    case socket(String)

    /// The largest file: it is read at once.
    private static let fileByteCountMaximum = 512 << 20
    /// The longest answer of a server.
    private static let answerByteCountMaximum = 256 << 20
    /// The time for each step of a conversation.
    private static let patience = Duration.seconds(30)

    /// `unix:SOCKET`, or the path of a file.
    /// - Throws: ``ClientError/usage(_:)`` for the address of a server that is reached otherwise.
    public init(_ text: String) throws(ClientError) {
        for scheme in ["tcp:", "ssl:", "ptcp:", "pssl:", "punix:"] where text.hasPrefix(scheme) {
            throw .usage(
                "'\(text)' is not read from here: run this on its machine with unix:SOCKET, "
                    + "/var/run/ovn/ovnnb_db.sock as is usual, or give the database's file"
            )
        }
        self = text.hasPrefix("unix:") ? .socket(String(text.dropFirst(5))) : .file(text)
    }

    /// Reads all rows.
    /// - Returns: The rows, and what a reader should know besides.
    public func contents() throws(ClientError) -> (DatabaseContents, remarks: [String]) {
        switch self {
        case .file(let path):
            let bytes: [UInt8]
            do throws(SystemError) {
                bytes = try readFile(path, maximum: Self.fileByteCountMaximum)
            } catch {
                throw .usage("cannot read the database: \(error)")
            }
            do throws(DatabaseError) {
                let file = try DatabaseFile(bytes) { SHA1.hash($0) }
                return (file.contents, file.remarks)
            } catch {
                throw .refused("\(path): \(error.reason)")
            }
        case .socket(let path):
            do throws(DatabaseError) {
                return (try Self.served(at: path), [])
            } catch {
                throw .refused("the server at \(path): \(error.reason)")
            }
        }
    }

    private static func served(at path: String) throws(DatabaseError) -> DatabaseContents {
        let server = try DatabaseServer(path: path, patience: patience, byteCountMaximum: answerByteCountMaximum)
        let database: JSONValue = "OVN_Northbound"
        var contents = DatabaseContents()
        try contents.take(schema: try server.call("get_schema", [database]))
        let tables = contents.schema.keys.sorted()
        // One transaction, so that all rows are of one moment.
        let selections = tables.map { table -> JSONValue in ["op": "select", "table": .string(table), "where": []] }
        let answers = try server.call("transact", .array([database] + selections)).arrayValue ?? []
        guard answers.count >= tables.count else { throw DatabaseError("it has not answered for all tables") }
        for (table, answer) in zip(tables, answers) {
            guard let rows = answer["rows"]?.arrayValue else {
                throw DatabaseError("it refuses to show the table \(table): \(answer.text.prefix(200))")
            }
            for row in rows {
                guard let id = row["_uuid"]?.arrayValue?.last?.stringValue else {
                    throw DatabaseError("a row of \(table) has no UUID")
                }
                try contents.put(row, id, of: table)
            }
        }
        return contents
    }
}

/// A conversation with an ovsdb-server (RFC 7047 section 4), one question after the other.
private final class DatabaseServer {
    private let descriptor: Int32
    private let patience: Duration
    private var stream: JSONStream
    private var lastID: Int64 = 0

    init(path: String, patience: Duration, byteCountMaximum: Int) throws(DatabaseError) {
        self.patience = patience
        stream = JSONStream(byteCountMaximum: byteCountMaximum)
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let octets = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard octets.count < capacity else { throw DatabaseError("the path is longer than \(capacity - 1) bytes") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw DatabaseError("cannot be reached: \(reason)")
        }
    }

    deinit { close(descriptor) }

    /// The result of a method.
    func call(_ method: String, _ parameters: JSONValue) throws(DatabaseError) -> JSONValue {
        lastID += 1
        try send(["method": .string(method), "params": parameters, "id": .integer(lastID)])
        let end = Clock.monotonic() + patience
        while true {
            let message = try next(until: end)
            // The server asks whether this program is there.
            if message["method"] == "echo", let id = message["id"] {
                try send(["result": message["params"] ?? [], "error": .null, "id": id])
            } else if message["id"]?.integerValue == lastID, message["method"] == nil {
                if let error = message["error"], error != .null {
                    throw DatabaseError("it refuses \(method): \(error.text.prefix(200))")
                }
                return message["result"] ?? .null
            }
        }
    }

    private func send(_ message: JSONValue) throws(DatabaseError) {
        var rest = message.bytes[...]
        let end = Clock.monotonic() + patience
        while !rest.isEmpty {
            try wait(for: Int16(POLLOUT), until: end)
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw DatabaseError("the connection broke: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
    }

    private func next(until end: Duration) throws(DatabaseError) -> JSONValue {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if let message = try stream.next() { return message }
            try wait(for: Int16(POLLIN), until: end)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else {
                throw DatabaseError(
                    count == 0
                        ? "it ended the conversation" : "the connection broke: \(String(cString: strerror(errno)))"
                )
            }
            stream.append(Array(buffer[..<count]))
        }
    }

    private func wait(for events: Int16, until end: Duration) throws(DatabaseError) {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        while true {
            let left = end - Clock.monotonic()
            guard left > .zero else { throw DatabaseError("it did not answer within \(patience.components.seconds) s") }
            let milliseconds = left.components.seconds * 1000 + 1
            let count = poll(&entry, 1, Int32(clamping: milliseconds))
            if count > 0 { return }
            guard count == 0 || errno == EINTR else {
                throw DatabaseError("the connection broke: \(String(cString: strerror(errno)))")
            }
        }
    }
}
