import Glibc
import HTTP
import JSON
import Netdev
import Reactor
import Security
import Wire

/// Carries out the calls of a container runtime: logical ports at central, devices at this host's agent.
///
/// A logical port and a port of the host that are made for a container have one name, which follows from the chassis,
/// the network and the attachment: so every call finds what an earlier one has left, also one that was killed, and
/// nothing has to be remembered anywhere else.
public struct CNIPlugin {
    /// The time that a port may take to come up.
    static let patience = Duration.seconds(20)
    /// The label of logical ports that are made for containers; its value is the beginning of their names.
    static let label = "cni.dev/network"
    /// The label that tells the chassis; after a host has died for good, its ports are found by it.
    static let chassisLabel = "cni.dev/chassis"
    /// Characters that the names of ports of one network on one host begin with: `cni-` and 48 bits.
    static let namePrefixLength = 16

    let request: CNIRequest
    let central: any Caller
    let agent: any Caller
    /// Waits before something is tried again.
    let pause: (Duration) -> Void

    var configuration: CNIConfiguration { request.configuration }

    public init(
        _ request: CNIRequest,
        central: any Caller,
        agent: any Caller,
        pause: @escaping (Duration) -> Void
    ) {
        self.request = request
        self.central = central
        self.agent = agent
        self.pause = pause
    }

    /// Does what was asked.
    /// - Returns: The result for the runtime; empty for none.
    public func run() throws(CNIError) -> String {
        switch request.command {
        case .add: return try add().indentedText
        case .delete: try delete()
        case .check: try check()
        case .status: try checkStatus()
        case .collect: try collect()
        case .version: return Self.versions
        }
        return ""
    }

    /// The answer to VERSION.
    public static let versions: String = {
        let versions = CNIConfiguration.versions.map { JSONValue.string($0) }
        let answer: JSONValue = ["cniVersion": "1.1.0", "supportedVersions": .array(versions)]
        return answer.indentedText
    }()

    // Names

    /// The chassis of this host.
    func chassis() throws(CNIError) -> String {
        let status = try ask("this host's agent does not answer") { () throws(ClientError) in
            try agent.require(Call(.get, "/v1/status"))
        }
        guard let chassis = status.body?["chassis"]?.stringValue else {
            throw CNIError(.tryAgainLater, "the agent does not tell its chassis")
        }
        return chassis
    }

    /// The beginning of the names of this network's ports on a host.
    func namePrefix(on chassis: String) -> String {
        "cni-\(Self.hash([chassis, configuration.name], digits: Self.namePrefixLength - 4))"
    }

    /// The name of this attachment's ports.
    func name(on chassis: String) -> String { Self.name(namePrefix(on: chassis), request.attachment) }

    static func name(_ prefix: String, _ attachment: CNIConfiguration.Attachment) -> String {
        prefix + "-" + hash([attachment.containerID, attachment.interface], digits: 24)
    }

    private static func hash(_ parts: [String], digits: Int) -> String {
        // A zero is in no part.
        String(hexadecimal(SHA256.hash(parts.map { Array($0.utf8) + [0] })).prefix(digits))
    }

    // Deleting

    private func delete() throws(CNIError) {
        let name = name(on: try chassis())
        try unplug(name)
        try deleteLogicalPort(name)
    }

    /// Unplugs a port of this host; one that is not there is fine.
    func unplug(_ name: String) throws(CNIError) {
        var pauses = Pauses()
        while true {
            let reply = try ask("the agent does not unplug \(name)") { () throws(ClientError) in
                try agent.send(Call(.delete, "/v1/ports/\(name)"))
            }
            if (200...299).contains(reply.status) || reply.status == 404 { return }
            let problem = Problem(status: reply.status, body: reply.body)
            // It is just being plugged, by a call that was killed, or its device is busy for a moment.
            let passes = ["port_opening", "device_busy", "devices_busy"].contains(problem.code)
            guard passes, let next = pauses.next() else {
                throw CNIError(.problem(problem), "the agent does not unplug \(name)")
            }
            pause(next)
        }
    }

    /// Deletes the logical port that was made for a container; one that is not there is fine.
    func deleteLogicalPort(_ name: String) throws(CNIError) {
        let reply = try ask("central does not delete \(name)") { () throws(ClientError) in
            try central.send(Call(.delete, "/v1/ports/\(name)"))
        }
        guard (200...299).contains(reply.status) || reply.status == 404 else {
            let problem = Problem(status: reply.status, body: reply.body)
            throw CNIError(.problem(problem), "central does not delete \(name)")
        }
    }

    /// Removes all that was made for attachments of this network on this host, but for the valid ones.
    private func collect() throws(CNIError) {
        guard let valid = configuration.validAttachments else {
            throw .invalid("GC needs \"cni.dev/valid-attachments\"")
        }
        let prefix = namePrefix(on: try chassis())
        let kept = Set(valid.map { Self.name(prefix, $0) })
        var failure: CNIError?
        func attempt(_ body: () throws(CNIError) -> Void) {
            do throws(CNIError) {
                try body()
            } catch {
                failure = failure ?? error
            }
        }
        let plugged = try ask("the agent does not list its ports") { () throws(ClientError) in
            try agent.require(Call(.get, "/v1/ports")).body?["ports"]?.arrayValue ?? []
        }
        for name in plugged.compactMap({ $0["name"]?.stringValue })
        where name.hasPrefix(prefix) && !kept.contains(name) {
            attempt { () throws(CNIError) in try unplug(name) }
        }
        let logical = try ask("central does not list its ports") { () throws(ClientError) in
            try central.list("/v1/ports?label=\(percentEncoded("\(Self.label)=\(prefix)"))")
        }
        for name in logical.compactMap({ $0["name"]?.stringValue })
        where name.hasPrefix(prefix) && !kept.contains(name) {
            attempt { () throws(CNIError) in try deleteLogicalPort(name) }
        }
        if let failure { throw failure }
    }

    // Looking

    private func checkStatus() throws(CNIError) {
        let status: JSONValue
        do throws(ClientError) {
            status = try agent.require(Call(.get, "/v1/status")).body ?? .null
            if let name = configuration.logicalSwitch {
                let found = try central.object("/v1/switches/\(percentEncoded(name))")
                if found == nil { throw .refused("central has no switch \(name)") }
            }
        } catch {
            throw CNIError(.notAvailable, "no container can be connected now", details: error.message)
        }
        guard status["central"]?["connected"]?.boolValue == true else {
            let reason = status["central"]?["failure"]?.stringValue ?? "it has not heard from it yet"
            throw CNIError(.notAvailable, "the agent has no connection to central", details: reason)
        }
    }

    private func check() throws(CNIError) {
        guard let result = configuration.previousResult else { throw .invalid("CHECK needs \"prevResult\"") }
        let name = name(on: try chassis())
        guard let port = try report(of: name) else { throw CNIError(.notAsExpected, "the port \(name) is not plugged") }
        guard port["state"]?.stringValue == "up" else {
            throw CNIError(.notAsExpected, "the port \(name) is not up", details: port.text("detail"))
        }
        let interface = request.attachment.interface
        let (link, addresses) = try inside { () throws(SystemError) in
            let link = try Link.find(named: interface)
            return (link, try Link.addresses().filter { $0.index == link?.index }.map(\.prefix))
        }
        guard let link else { throw CNIError(.notAsExpected, "the container has no interface \(interface)") }
        let mac = result["interfaces"]?.arrayValue?.first { $0["name"]?.stringValue == interface }?["mac"]?.stringValue
        guard link.isUp, mac.flatMap({ MACAddress($0) }) == link.mac || mac == nil else {
            throw CNIError(.notAsExpected, "the interface \(interface) is down or has another MAC address")
        }
        let expected = (result["ips"]?.arrayValue ?? []).compactMap { $0["address"]?.stringValue }
        for text in expected {
            guard let prefix = IPPrefix(text), addresses.contains(prefix) else {
                throw CNIError(.notAsExpected, "the interface \(interface) has no address \(text.printable)")
            }
        }
    }

    // Both

    /// The port of this host as its agent tells it.
    func report(of name: String) throws(CNIError) -> JSONValue? {
        let ports = try ask("the agent does not list its ports") { () throws(ClientError) in
            try agent.require(Call(.get, "/v1/ports")).body?["ports"]?.arrayValue ?? []
        }
        return ports.first { $0["name"]?.stringValue == name }
    }

    /// Does something in the container's namespace.
    func inside<Value: Sendable>(
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) throws(CNIError) -> Value {
        do throws(SystemError) {
            return try NetworkNamespace(request.netns ?? "").run(body)
        } catch {
            let isGone = error.errno == ENOENT
            throw CNIError(
                isGone ? .unknownContainer : .inputFailure,
                isGone ? "the container's namespace is gone" : "the container's interface cannot be set up",
                details: "\(error)"
            )
        }
    }

    func ask<Value>(_ message: String, _ body: () throws(ClientError) -> Value) throws(CNIError) -> Value {
        do throws(ClientError) {
            return try body()
        } catch {
            throw CNIError(error, message)
        }
    }
}

/// Pauses that grow from 5 to 200 ms, until ``CNIPlugin/patience`` is over.
struct Pauses {
    private var length = Duration.milliseconds(5)
    private var total = Duration.zero

    mutating func next() -> Duration? {
        guard total < CNIPlugin.patience else { return nil }
        defer { length = min(length * 2, .milliseconds(200)) }
        total += length
        return length
    }
}
