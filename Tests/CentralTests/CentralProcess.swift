import Foundation
import Glibc
import HTTP
import HTTPTransport
import HTTPTypes
import JSON
import Reactor
import Security
import Testing

/// A real central: the program itself, on free ports, with a data directory of its own.
final class CentralProcess {
    let process: Process
    let northbound: HTTPEndpoint
    let southbound: HTTPEndpoint
    let readyLine: String
    private let output: LineReader

    /// Why a central did not come up.
    struct Failure: Error {
        var output: String
        var status: Int32
    }

    /// Starts central and waits until it is ready.
    /// - Parameter wrapper: A command that runs the program, such as `sh -c 'ulimit …; exec "$0" "$@"'`.
    /// - Parameter options: Further words of its command line.
    init(
        _ folder: DataFolder,
        _ options: [String] = [],
        wrapper: [String] = [],
        environment: [String: String] = [:]
    ) throws {
        let arguments = Self.arguments(folder.path) + options
        process = Self.process(arguments, wrapper: wrapper, environment: environment)
        let pipe = Pipe()
        process.standardError = pipe
        try process.run()
        output = LineReader(pipe.fileHandleForReading)
        guard let line = output.line(where: { $0.contains("ready") }) else {
            process.waitUntilExit()
            throw Failure(output: output.text, status: process.terminationStatus)
        }
        readyLine = line
        let words = line.split { $0 == " " || $0 == "," }
        let urls = words.filter { $0.hasPrefix("http://") || $0.hasPrefix("https://") }.map(String.init)
        try #require(urls.count == 2)
        northbound = try HTTPEndpoint(url: urls[0])
        southbound = try HTTPEndpoint(url: urls[1])
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    static let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/heddle"

    static func arguments(_ directory: String, northbound: String = "127.0.0.1:0") -> [String] {
        ["central", "--data-dir", directory, "--northbound", northbound, "--southbound", "127.0.0.1:0"]
    }

    static func process(
        _ arguments: [String],
        wrapper: [String] = [],
        environment: [String: String] = [:]
    ) -> Process {
        let words = wrapper + [program] + arguments
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return process
    }

    /// Runs a central that must not come up; what it says and how it ends.
    static func refusal(_ arguments: [String]) throws -> (text: String, status: Int32) {
        let process = process(arguments)
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (text, process.terminationStatus)
    }

    /// Sends a signal and waits for the end.
    @discardableResult
    func end(_ signal: Int32 = SIGTERM) -> Int32 {
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// All that it has said when it has ended.
    var log: String {
        process.waitUntilExit()
        _ = output.line { _ in false }
        return output.text
    }
}

/// Reads a process' output line by line.
private final class LineReader {
    private let handle: FileHandle
    private var rest: [UInt8] = []
    private(set) var text = ""

    init(_ handle: FileHandle) { self.handle = handle }

    /// The next line that `isWanted`, or `nil` at the end of the output.
    func line(where isWanted: (String) -> Bool) -> String? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: rest[..<end], as: UTF8.self)
                rest.removeSubrange(...end)
                text += line + "\n"
                if isWanted(line) { return line }
                continue
            }
            let data = handle.availableData
            if data.isEmpty { return nil }
            rest += data
        }
    }
}

/// A data directory, removed with what is in it.
final class DataFolder: Sendable {
    let path: String

    init() {
        var template = Array("\(NSTemporaryDirectory())/hd-central-XXXXXX".utf8CString)
        path = (mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent") + "/data"
    }

    deinit { try? FileManager.default.removeItem(atPath: String(path.dropLast("/data".count))) }
}

/// A client of one port that waits for each answer. For one thread.
final class BlockingClient {
    struct Answer {
        var status: Int
        var fields: HTTPFields
        var body: [UInt8]
        var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }
        subscript(name: String) -> String? { HTTPField.Name(name).flatMap { fields[$0] } }
    }

    private let loop: EventLoop
    private let client: HTTPClient

    init(_ endpoint: HTTPEndpoint, tls: TLSContext? = nil) throws {
        loop = try EventLoop()
        client = HTTPClient(loop: loop, endpoint: endpoint, tls: tls)
    }

    /// Sends a request and waits; throws if no whole answer came.
    @discardableResult
    func send(
        _ method: String,
        _ path: String,
        _ body: JSONValue? = nil,
        bytes: [UInt8]? = nil,
        fields: [HTTPField] = [],
        authority: String? = nil
    ) throws -> Answer {
        var request = HTTPRequest(
            method: HTTPRequest.Method(method) ?? .get,
            scheme: "http",
            authority: authority,
            path: path
        )
        request.headerFields.append(contentsOf: fields)
        if body != nil || bytes != nil { request.headerFields[.contentType] = "application/json" }
        var result: Result<HTTPClientResponse, HTTPClientError>?
        client.send(request, body: bytes ?? body?.bytes ?? [], timeout: .seconds(60)) {
            result = $0
            self.loop.stop()
        }
        loop.run()
        let response = try #require(result).get()
        return Answer(
            status: response.response.status.code,
            fields: response.response.headerFields,
            body: response.body
        )
    }

    /// Every item of a list, page by page.
    func items(_ path: String, limit: Int = 5000) throws -> [JSONValue] {
        var items: [JSONValue] = []
        var token: String?
        repeat {
            let page = try send("GET", "\(path)?limit=\(limit)" + (token.map { "&page_token=\($0)" } ?? ""))
            items += page.json["items"]?.arrayValue ?? []
            token = page.json["next_page_token"]?.stringValue
        } while token != nil
        return items
    }
}
