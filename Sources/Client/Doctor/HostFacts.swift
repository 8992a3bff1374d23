import JSON
import Netdev
import Wire

/// What `heddle doctor` has seen, before it is judged.
struct HostFacts: Sendable {
    /// How central answered.
    enum Central: Sendable {
        /// It was not asked, and why.
        case notAsked(String)
        /// It did not answer.
        case silent(ClientError)
        /// It answered.
        case answered(CentralAnswer)
    }

    /// What central says of itself.
    struct CentralAnswer: Sendable {
        /// Its URL.
        var url: String
        /// Why it is not ready; `nil` where it is.
        var unreadiness: Problem?
        var version: String?
        var revision: Int64?
        /// How much its clock is ahead of this host's, in seconds.
        var secondsAhead: Int64?
    }

    /// A directory of the installation.
    struct Directory: Sendable {
        /// What is under its path.
        enum State: Sendable {
            case missing
            /// It cannot be looked at: the error's number.
            case unreadable(Int32)
            case present(Contents)
        }

        /// What a directory is like.
        struct Contents: Sendable {
            var mode: UInt32
            var freeBytes: UInt64
            var totalBytes: UInt64
            /// Whether its file system takes no writes.
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
        /// The seconds since 1970 within which it holds; `nil` where the file cannot be used.
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

    /// What has come of datagrams to this host's own tunnel port.
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

    /// Why the daemons of a host have ended, and what an agent that runs waits for before it serves.
    struct Ends: Sendable {
        var central: EndNote?
        var agent: EndNote?
        var forwarder: EndNote?
    }

    /// How packets get to another chassis.
    struct Peer: Sendable {
        var chassis: String
        var address: IPAddress
        /// What was answered to pings of this host's own, one of them of `byteCount` bytes.
        var outcome: PathProbe.Outcome
        /// The longest packet of the underlay that gets there, as far as the agent knows.
        var byteCount: Int
        /// How the agent knows that: `found` where the other forwarder has answered a packet of this size.
        var pathState = "found"
        /// What was said to a datagram for its tunnel port: nothing, where it is open or nobody answers for it.
        var portRefusal: String?
    }

    /// The version of this program.
    var version: String
    var isRoot: Bool
    var central: Central
    /// The agent's state directory.
    var stateDirectory: Directory
    /// Whether the user has said where the agent is.
    var isAgentNamed: Bool
    /// What the agent says of itself (`GET /v1/status`).
    var agent: Result<JSONValue, ClientError>
    /// The running processes, by their pid files.
    var agentProcess: RunningProcess?
    var forwarderProcess: RunningProcess?
    /// The central of this host's data directory.
    var centralProcess: RunningProcess?
    /// Why those that do not run have ended, as far as they could say.
    var ends = Ends()
    /// Whether systemd runs here and has our units.
    var hasUnits: Bool
    /// Whether the forwarder runs another file than the agent; `nil` where that cannot be seen.
    var forwarderRunsOtherProgram: Bool?
    /// Whether agent and forwarder are in another network namespace than this program.
    var isElsewhere: Bool
    /// The MTU of the device that has the encap address; `nil` where none has.
    var underlayMTU: Int?
    /// Whether that device is on and connected.
    var isUnderlayUp: Bool
    /// Whether somebody has UDP port 6081 at the encap address, or at any where that is not known.
    var isTunnelPortTaken: Bool
    var ownPort: OwnPort
    var peers: [Peer]
    /// The chassis that have no address of the family of this host's encap address, and one that they have.
    var otherFamilies: [(chassis: String, address: IPAddress)] = []
    /// Why the other chassis are not known; `nil` where they are.
    var peersUnknown: String?
    /// The ports that are not up, as the agent lists them.
    var downPorts: [JSONValue]
    var tunDevice: TunDevice
    /// `nil` where looking needs more privileges.
    var kernel: KernelFeatures?
    /// Central's data directory.
    var dataDirectory: Directory
    /// What central keeps there.
    var store: Store
    /// The key of central's authority, where it is missing beside its certificate.
    var missingKey: String?
    /// The certificates of agent and central that are on this host.
    var certificates: [KeptCertificate]
    /// This host's time, in seconds since 1970.
    var now: Int64

    /// What the agent says of itself, where it answered.
    var status: JSONValue? { try? agent.get() }

    /// Whether this host should have an agent.
    var expectsAgent: Bool { isAgentNamed || agentProcess != nil || status != nil || !stateDirectory.isMissing }

    /// The address that tunnels start from.
    var encapIP: IPAddress? { status.flatMap { IPAddress($0.text("encap_ip")) } }
}
