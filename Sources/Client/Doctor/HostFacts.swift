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
        var unreadiness: String?
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
            case present(mode: UInt32, freeBytes: UInt64, totalBytes: UInt64)
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

    /// The device file of TAPs.
    enum TunDevice: Sendable {
        case usable
        /// It cannot be opened: the error's number.
        case unusable(Int32)
    }

    /// How frames of the tunnels' full size get to another chassis.
    struct Peer: Sendable {
        var chassis: String
        var address: IPAddress
        var outcome: PathProbe.Outcome
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
    var agentProcess: Int32?
    var forwarderProcess: Int32?
    /// Whether the forwarder runs another file than the agent; `nil` where that cannot be seen.
    var forwarderRunsOtherProgram: Bool?
    /// Whether agent and forwarder are in another network namespace than this program.
    var isElsewhere: Bool
    /// The MTU of the device that has the encap address; `nil` where none has.
    var underlayMTU: Int?
    /// Whether somebody has UDP port 6081 at the encap address, or at any where that is not known.
    var isTunnelPortTaken: Bool
    var peers: [Peer]
    /// The bytes of the IP packets that the peers were probed with.
    var probeByteCount: Int
    var tunDevice: TunDevice
    /// `nil` where looking needs more privileges.
    var kernel: KernelFeatures?
    /// Central's data directory.
    var dataDirectory: Directory
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
