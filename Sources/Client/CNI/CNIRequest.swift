import Netdev
import Wire

/// A call of a container runtime: its variables of the environment and the configuration (CNI 1.1.0, section 2).
public struct CNIRequest: Equatable, Sendable {
    /// The longest configuration in bytes that is read.
    public static let inputByteCountMaximum = 4 << 20

    /// The value of `CNI_COMMAND`.
    public enum Command: String, Sendable, CaseIterable {
        case add = "ADD"
        case delete = "DEL"
        case check = "CHECK"
        case status = "STATUS"
        case collect = "GC"
        case version = "VERSION"

        /// True if it is about one container's interface.
        var isOfAttachment: Bool {
            switch self {
            case .add, .delete, .check: true
            case .status, .collect, .version: false
            }
        }
    }

    public var command: Command
    /// The attachment; empty if the command is about none.
    public var attachment: CNIConfiguration.Attachment
    /// The path of the container's namespace.
    public var netns: String?
    /// The pairs of `CNI_ARGS`.
    public var arguments: [String: String]
    public var configuration: CNIConfiguration

    /// Reads a call; for VERSION only its command is of interest.
    /// - Throws: codes 1, 2, 4, 6 and 7 of the specification.
    public init(_ command: Command, environment: (String) -> String?, input: [UInt8]) throws(CNIError) {
        self.command = command
        attachment = CNIConfiguration.Attachment(containerID: "", interface: "")
        arguments = [:]
        if command.isOfAttachment {
            attachment.containerID = try Self.required("CNI_CONTAINERID", environment, Self.isContainerID)
            attachment.interface = try Self.required("CNI_IFNAME", environment, Link.isValidName)
            netns = environment("CNI_NETNS")
            if command != .delete { netns = try Self.required("CNI_NETNS", environment) { $0.hasPrefix("/") } }
        }
        configuration = try CNIConfiguration(input)
        for pair in (environment("CNI_ARGS") ?? "").split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                let message = "CNI_ARGS must be KEY=VALUE;KEY=VALUE"
                throw CNIError(.invalidEnvironment, message, details: String(pair).printable)
            }
            arguments[String(parts[0])] = String(parts[1])
        }
        try takeArguments()
    }

    public static func command(_ environment: (String) -> String?) throws(CNIError) -> Command {
        guard let word = environment("CNI_COMMAND") else {
            throw CNIError(.invalidEnvironment, "CNI_COMMAND is missing", details: "A container runtime starts this.")
        }
        guard let command = Command(rawValue: word) else {
            let commands = Command.allCases.map(\.rawValue).joined(separator: ", ")
            throw CNIError(.invalidEnvironment, "CNI_COMMAND must be one of \(commands)", details: word.printable)
        }
        return command
    }

    /// The wishes that older runtimes tell by CNI_ARGS: IP, MAC, and a logical port's name.
    private mutating func takeArguments() throws(CNIError) {
        if let text = arguments["IP"] {
            guard let prefix = IPPrefix(text), prefix.address.isOfOneHost else {
                throw CNIError(.invalidEnvironment, "IP in CNI_ARGS must be ADDRESS/LENGTH", details: text.printable)
            }
            configuration.addresses.append(prefix)
        }
        if let text = arguments["MAC"] {
            guard let mac = MACAddress(text), !mac.isMulticast, !mac.isZero else {
                throw CNIError(.invalidEnvironment, "MAC in CNI_ARGS is no MAC address", details: text.printable)
            }
            configuration.mac = mac
        }
        if let port = arguments["HEDDLE_PORT"] { configuration.logicalPort = port }
    }

    private static func required(
        _ name: String,
        _ environment: (String) -> String?,
        _ isValid: (String) -> Bool
    ) throws(CNIError) -> String {
        guard let value = environment(name) else { throw CNIError(.invalidEnvironment, "\(name) is missing") }
        guard isValid(value) else {
            throw CNIError(.invalidEnvironment, "\(name) is not valid", details: value.printable)
        }
        return value
    }

    /// An alphanumeric character, then also `_`, `.` and `-`.
    private static func isContainerID(_ text: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: false
            }
        }
        guard let first = text.utf8.first, isAlphanumeric(first), text.utf8.count <= 1024 else { return false }
        return text.utf8.allSatisfy { isAlphanumeric($0) || "_.-".utf8.contains($0) }
    }
}
