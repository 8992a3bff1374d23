import Foundation
import HTTP
import HTTPTransport
import HTTPTypes
import JSON
import Netdev
import Reactor
import Southbound
import Testing

/// A host: a namespace with an underlay device, a central that says what a test wants, and the built `heddle` as its
/// agent. Everything goes with it.
final class TestHost {
    /// The host's address on its underlay, whose device has an MTU of 1500.
    static let encapIP = "10.99.7.1"

    let namespace: String
    let stateDirectory: String
    let central: ScriptedCentral
    private(set) var agent: Process?
    private var guests: [String] = []

    /// True if tests may make namespaces here.
    static let isPossible = geteuid() == 0

    init() throws {
        let unique = "\(getpid())-\(UInt16.random(in: 0 ... .max))"
        namespace = "hd-ag\(unique)"
        stateDirectory = "\(NSTemporaryDirectory())/hd-ag\(unique)"
        try run("ip", "netns", "add", namespace)
        do {
            try run("ip", "-n", namespace, "link", "set", "lo", "up")
            try run("ip", "-n", namespace, "link", "add", "ul", "type", "veth", "peer", "name", "ulp")
            try run("ip", "-n", namespace, "addr", "add", "\(Self.encapIP)/24", "dev", "ul")
            try run("ip", "-n", namespace, "link", "set", "ul", "up")
            central = try ScriptedCentral(in: try NetworkNamespace(namespace))
        } catch {
            try? run("ip", "netns", "del", namespace)
            throw error
        }
    }

    deinit {
        agent?.terminate()
        agent?.waitUntilExit()
        if let process = forwarderProcess { kill(process, SIGKILL) }
        for name in guests + [namespace] { try? run("ip", "netns", "del", name) }
        try? FileManager.default.removeItem(atPath: stateDirectory)
    }

    /// A namespace for a guest on this host.
    func addGuest() throws -> String {
        let name = "\(namespace)-g\(guests.count)"
        try run("ip", "netns", "add", name)
        guests.append(name)
        return name
    }

    /// Starts the agent and returns when it says that it is ready; what it said if it ends instead.
    @discardableResult
    func startAgent(chassis: String = "hv1", isAwaited: Bool = true) throws -> String? {
        let process = agentProcess(chassis: chassis)
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        agent = process
        var text = ""
        while !text.contains("agent: ready") {
            let bytes = errors.fileHandleForReading.availableData
            guard !bytes.isEmpty else {
                process.waitUntilExit()
                return text
            }
            text += String(decoding: bytes, as: UTF8.self)
        }
        // Later output does not matter, but must not fill the pipe.
        errors.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
        return nil
    }

    private func agentProcess(chassis: String) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "ip", "netns", "exec", namespace, Self.heddle, "agent", "--central", central.url, "--chassis", chassis,
            "--encap-ip", Self.encapIP, "--state-dir", stateDirectory,
        ]
        return process
    }

    /// Ends the agent as a crash does.
    func killAgent() {
        guard let agent else { return }
        kill(agent.processIdentifier, SIGKILL)
        agent.waitUntilExit()
    }

    var forwarderProcess: pid_t? {
        guard let text = try? String(contentsOfFile: "\(stateDirectory)/forwarder/forwarder.pid", encoding: .utf8)
        else {
            return nil
        }
        guard let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)), kill(process, 0) == 0 else {
            return nil
        }
        return process
    }

    /// The device of a guest, if it is there.
    func link(_ name: String, in namespace: String) throws -> Link? {
        try Link.find(named: name, in: try NetworkNamespace(namespace))
    }

    /// Asks the agent over its socket.
    func call(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: JSONValue? = nil
    ) throws -> (status: Int, json: JSONValue) {
        let loop = try EventLoop()
        let client = HTTPClient(loop: loop, endpoint: .unix(path: "\(stateDirectory)/agent.sock"))
        var outcome: Result<HTTPClientResponse, HTTPClientError>?
        let request = HTTPRequest(method: method, scheme: nil, authority: nil, path: path)
        client.send(request, body: body?.bytes ?? [], timeout: .seconds(20)) {
            outcome = $0
            loop.stop()
        }
        loop.run()
        client.closeIdleConnections()
        let answer = try #require(try outcome?.get())
        let json = answer.body.isEmpty ? .null : try JSONParser.parse(answer.body)
        return (answer.response.status.code, json)
    }

    func port(_ name: String) throws -> JSONValue? {
        let list = try call(.get, "/v1/ports").json
        return list["ports"]?.arrayValue?.first { $0["name"]?.stringValue == name }
    }

    /// Asks until a port is in a state; what it is in at last.
    func waitForPort(_ name: String, toBe state: String) throws -> String? {
        var last: String?
        for _ in 0..<2000 {
            last = try port(name)?["state"]?.stringValue
            if last == state { break }
            usleep(5000)
        }
        return last
    }

    /// Waits until the last sync is as it should be; `nil` if it does not become so.
    func waitForSync(_ isRight: (SyncRequest) -> Bool) -> SyncRequest? {
        for _ in 0..<2000 {
            if let last = central.syncs.last, isRight(last) { return last }
            usleep(5000)
        }
        return nil
    }

    /// The built program, beside the tests' own bundle.
    static let heddle: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("heddle").path
    }()
}

struct CommandFailure: Error {
    let words: [String]
}

/// Runs a program to its end.
func run(_ words: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CommandFailure(words: words) }
}
