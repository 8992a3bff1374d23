/// The request of an agent: heartbeat, acknowledgement, claims, and the place from which its feed goes on.
///
/// `POST /v1/chassis/{name}/sync`. A newer agent may say more; what is unknown is ignored.
public struct SyncRequest: Equatable, Sendable {
    /// The random identity that the agent keeps in its state directory; 1 ... 64 bytes.
    public var chassisID: String
    /// The identity of this start of the agent; 1 ... 64 bytes.
    public var bootID: String
    /// Rises with each sync of one start.
    public var seq: UInt64
    /// The agent's version, for people.
    public var version = ""
    /// The features that the agent applies: ``Feature/all`` for this version.
    public var features = Feature.all
    /// The host's name, for `show`; may be empty.
    public var hostname = ""
    /// The epoch of `since` and `applied`; `nil` while the agent has none.
    public var epoch: UInt64?
    /// The revision that the feed is to go on from; 0 asks for a snapshot.
    public var since: UInt64 = 0
    /// The hash of the commit of `since`: evidence that its history is central's. `nil` if the agent knows none.
    public var hash: UInt64?
    /// The highest `to` that is in the forwarder's tables; 0 for none.
    public var applied: UInt64 = 0
    /// The seconds that central may hold the answer until there is news: 0 ... 60.
    public var wait: Int
    /// The page of a long answer that is asked for; `since` is then as it was for the first page.
    public var page: FeedPage?
    /// The host's tunnel endpoints; at least one.
    public var encaps: [Encap]
    /// Its public keys for the tags of datagrams (``Chassis/tunnelKeys``).
    public var tunnelKeys: [String] = []
    /// The names of the physical networks that the host has a device of, in order.
    public var physicalNetworks: [String] = []
    /// All that is plugged on the host, also ports that central does not know yet: in order, if they were read from
    /// JSON.
    public var ports: [PluggedPort] = []
    /// The errors on the host, for the log.
    public var errors: [HostError] = []
    /// The share that the host holds back; `nil` if there is none.
    public var held: HeldShare?
    /// A value that no copy of the state directory has under another kernel or path; 1 ... 64 bytes, `nil` if unknown.
    public var machine: String?
    /// True if this start of the agent says no more, so that another one may take its place at once.
    public var isLeaving = false

    /// A port that is plugged on a host.
    public struct PluggedPort: Hashable, Sendable {
        /// The logical switch port's name.
        public var logicalPort: String
        /// The interface's name on the host.
        public var interface: String
        /// A number that the agent raises with each plug, over all its ports, and keeps on disk.
        public var claim: UInt64
        /// True if the forwarder has the port and its tables.
        public var isUp: Bool
        /// True if the port was taken from this chassis since that plug: the claim takes it from nobody.
        public var isSetAside: Bool
        /// Of a virtual port: the logical port on the host that has announced its address; empty for other ports.
        public var parent: String
        /// The fence of the standby place here that the port's guest has activated; `nil` if there is none.
        public var activated: UInt64?

        /// A plugged port with the number of its plug.
        public init(
            logicalPort: String,
            interface: String,
            claim: UInt64,
            isUp: Bool,
            isSetAside: Bool = false,
            parent: String = "",
            activated: UInt64? = nil
        ) {
            self.logicalPort = logicalPort
            self.interface = interface
            self.claim = claim
            self.isUp = isUp
            self.isSetAside = isSetAside
            self.parent = parent
            self.activated = activated
        }

        /// True if one comes before another in the order of their names, and of their claims if the name is the same.
        public static func isInOrder(_ left: PluggedPort, _ right: PluggedPort) -> Bool {
            left.logicalPort == right.logicalPort ? left.claim < right.claim : left.logicalPort < right.logicalPort
        }
    }

    /// Something that went wrong on a host.
    public struct HostError: Hashable, Sendable {
        /// The logical switch port that it is about; empty for none.
        public var logicalPort: String
        /// One sentence.
        public var detail: String

        /// An error about a port, or with an empty name about the host.
        public init(logicalPort: String, detail: String) {
            self.logicalPort = logicalPort
            self.detail = detail
        }
    }

    /// The default time that central holds an answer, in seconds.
    public static let waitDefault = 20
    /// The longest that central holds an answer, in seconds.
    public static let waitMaximum = 60
    /// The most ports that one host may have plugged: what 16 MiB of sync bodies hold with long names.
    public static let portCountMaximum = 16_384
    public static let encapCountMaximum = 8
    /// The most errors that one sync may carry; the rest waits for the next.
    public static let errorCountMaximum = 256
    /// The most features that an agent may name.
    public static let featureCountMaximum = 64
    public static let identityByteCountMaximum = 64
    public static let textByteCountMaximum = 256

    public init(chassisID: String, bootID: String, seq: UInt64, wait: Int = waitDefault, encaps: [Encap]) {
        self.chassisID = chassisID
        self.bootID = bootID
        self.seq = seq
        self.wait = wait
        self.encaps = encaps
    }
}
