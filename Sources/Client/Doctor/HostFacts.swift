import HTTP
import JSON
import Netdev
import Wire

/// The observations of `heddle doctor`, before they are judged.
struct HostFacts: Sendable {
    /// The answer of central.
    enum Central: Sendable {
        /// It was not asked, and why.
        case notAsked(String)
        /// It did not answer.
        case silent(ClientError)
        case answered(CentralAnswer)
    }

    /// The details of a central that answered.
    struct CentralAnswer: Sendable {
        var url: String
        /// The reason why it is not ready; `nil` if it is.
        var unreadiness: Problem?
        var version: String?
        var revision: Int64?
        /// The seconds by which its clock is ahead of this host's.
        var secondsAhead: Int64?
    }

    /// A directory of the installation.
    struct Directory: Sendable {
        /// The state of the file at its path.
        enum State: Sendable {
            case missing
            /// It cannot be looked at: the error's number.
            case unreadable(Int32)
            case present(Contents)
        }

        /// The properties of a directory.
        struct Contents: Sendable {
            var mode: UInt32
            var freeBytes: UInt64
            var totalBytes: UInt64
            /// True if its file system takes no writes.
            var isReadOnly = false
            /// The names of files of ours in it that belong to another user than the directory.
            var strangers: [String] = []
            /// The name or number of the user whom the directory belongs to.
            var owner = ""
        }

        var path: String
        var state: State

        var isMissing: Bool { if case .missing = state { true } else { false } }
    }

    /// A certificate that one of our processes keeps.
    struct KeptCertificate: Sendable {
        var path: String
        /// The seconds since 1970 within which it holds; `nil` if the file cannot be used.
        var validity: ClosedRange<Int64>?
    }

    /// The file that central keeps everything in.
    enum Store: Sendable {
        /// There is none, or it may not be looked at.
        case unseen
        /// It begins as a database of SQLite has to.
        case whole
        /// It does not.
        case damaged
        /// It is one, and another program than central has locked it: the program's number.
        case locked(by: Int32)
    }

    /// The fate of datagrams to this host's own tunnel port.
    enum OwnPort: Sendable {
        /// Nothing was tried, or nobody can tell.
        case unknown
        /// The forwarder has counted them.
        case open
        /// They were sent and the forwarder has none of them.
        case silent
        /// They could not even be sent, or somebody said no.
        case refused(String)
    }

    /// The device file of TAPs.
    enum TunDevice: Sendable {
        case usable
        /// We can open it, but not the user that the agent runs as: the user's name.
        case closed(to: String)
        /// It cannot be opened: the error's number.
        case unusable(Int32)
    }

    /// The reason why the daemons of a host have ended, and what an agent that runs waits for before it serves.
    struct Ends: Sendable {
        var central: EndNote?
        var agent: EndNote?
        var forwarder: EndNote?
    }

    /// The path to another chassis.
    struct Peer: Sendable {
        var chassis: String
        var address: IPAddress
        /// The answers to pings from this host, one of them of `byteCount` bytes.
        var outcome: PathProbe.Outcome
        /// The longest packet of the underlay that gets there, as far as the agent knows.
        var byteCount: Int
        /// The source of that size: `found` if the other forwarder has answered a packet of this size.
        var pathState = "found"
        /// The refusal of a datagram to its tunnel port; `nil` if the port is open or nothing answered.
        var portRefusal: String?
    }

    /// A device that leads to a physical network.
    struct Wire: Sendable {
        /// The condition of a device.
        enum State: Sendable {
            case connected
            /// It is off, or nothing is at its other end.
            case silent
            case missing
        }

        var network: String
        var device: String
        var state: State
    }

    var version: String
    var isRoot: Bool
    var central: Central
    var stateDirectory: Directory
    /// True if the user has said where the agent is.
    var isAgentNamed: Bool
    /// The agent's status (`GET /v1/status`).
    var agent: Result<JSONValue, ClientError>
    /// The running processes, by their pid files.
    var agentProcess: RunningProcess?
    var forwarderProcess: RunningProcess?
    /// The central of this host's data directory.
    var centralProcess: RunningProcess?
    /// The reason why those that do not run have ended, as far as they could say.
    var ends = Ends()
    /// True if systemd runs here and has our units.
    var hasUnits: Bool
    /// True if the forwarder runs another file than the agent; `nil` if that cannot be seen.
    var forwarderRunsOtherProgram: Bool?
    /// True if agent and forwarder are in another network namespace than this program.
    var isElsewhere: Bool
    /// The MTU of the device that has the encap address; `nil` if none has.
    var underlayMTU: Int?
    /// True if that device is on and connected.
    var isUnderlayUp: Bool
    /// True if somebody has UDP port 6081 at the encap address, or at any if that is not known.
    var isTunnelPortTaken: Bool
    var ownPort: OwnPort
    var peers: [Peer]
    /// The chassis that have no address of the family of this host's encap address, and one that they have.
    var otherFamilies: [(chassis: String, address: IPAddress)] = []
    /// The reason why the other chassis are not known; `nil` if they are.
    var peersUnknown: String?
    /// The devices that lead to physical networks.
    var wires: [Wire] = []
    /// The ports that are not up, as the agent lists them.
    var downPorts: [JSONValue]
    var tunDevice: TunDevice
    /// `nil` if looking needs more privileges.
    var kernel: KernelFeatures?
    var dataDirectory: Directory
    /// The state of central's database there.
    var store: Store
    /// The key of central's authority, if it is missing beside its certificate.
    var missingKey: String?
    /// The certificates of agent and central that are on this host.
    var certificates: [KeptCertificate]
    /// This host's time, in seconds since 1970.
    var now: Int64

    /// The agent's status, if it answered.
    var status: JSONValue? { try? agent.get() }

    /// True if this host should have an agent.
    var expectsAgent: Bool { isAgentNamed || agentProcess != nil || status != nil || !stateDirectory.isMissing }

    /// The address that tunnels start from.
    var encapIP: IPAddress? { status.flatMap { IPAddress($0.text("encap_ip")) } }
}
