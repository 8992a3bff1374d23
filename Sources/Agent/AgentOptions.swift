import AgentCore
import Netdev
import Reactor
import Wire

/// The options of `heddle agent`.
public struct AgentOptions: Equatable, Sendable {
    /// Central's southbound URL: `https://HOST:6642`, or `http://HOST:6642` on loopback and in labs.
    public var central: String
    /// The chassis' name; `nil` is the host's name.
    public var chassis: String?
    /// The address of this host that tunnels start from.
    public var encapIP: IPAddress
    /// The directory of the agent's state and sockets; made if missing.
    public var stateDirectory: String
    /// The directory of the forwarder's socket; a relative path is one from the state directory, of which `nil` is the
    /// folder `forwarder`.
    public var forwarderDirectory: String?
    /// The token that this host joins central with, unless it has.
    public var join: String?
    /// True if plain HTTP may go beyond loopback.
    public var isInsecure = false
    /// True if a forwarder is started when none answers; else another program does, and the agent waits for it.
    public var startsForwarder = true
    /// Queues of each TAP, and sockets of the underlay; `nil` for what suits the processors.
    public var queueCount: Int?
    /// Octets that the queues of a port may hold together.
    public var queuedByteCount = AgentOptions.standardQueuedByteCount
    /// The use of tags: datagrams get one, and have to have one if they come from chassis that do the same.
    public var authenticatesTunnels = false
    /// The devices of this host by the physical networks that they lead to.
    public var physicalNetworks: [String: String] = [:]
    /// The release, for people.
    public var version: String

    /// The physical network and the device of `NAME=DEVICE`; `nil` if either is none.
    public static func physicalNetwork(_ text: String) -> (name: String, device: String)? {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, Configuration.isChassisName(parts[0]), Link.isValidName(parts[1]) else { return nil }
        return (parts[0], parts[1])
    }

    /// Octets that the queues of a port may hold together unless told otherwise.
    public static let standardQueuedByteCount = TAPDevice.queuedByteCount

    public init(central: String, encapIP: IPAddress, stateDirectory: String, version: String) {
        self.central = central
        self.encapIP = encapIP
        self.stateDirectory = stateDirectory
        self.version = version
    }
}

/// The reason why an agent could not start or go on: one sentence with the remedy.
public struct AgentFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Runs a system call or several; an error becomes the sentence `WHAT: ERROR`.
func explaining<Value>(_ what: String, _ body: () throws(SystemError) -> Value) throws(AgentFailure) -> Value {
    do throws(SystemError) {
        return try body()
    } catch {
        throw AgentFailure("\(what): \(error)")
    }
}
