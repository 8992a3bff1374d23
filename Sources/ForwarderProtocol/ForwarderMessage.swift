import Wire

/// One message between agent and forwarder.
///
/// On the wire: u16 type, u16 zero, u32 length of the body, body; all integers little-endian; strings and lists
/// begin with their count as u32. A message begins at a packet's start and goes on in the next packets
/// when it has more bytes than one may have.
public enum ForwarderMessage: Hashable, Sendable {
    // Forwarder to agent

    case greeting(Greeting)
    /// Descriptors that the forwarder holds; they ride along, so that the agent gets its duplicates back.
    case held(HeldDescriptor)
    /// All held descriptors have been told.
    case heldEnd
    /// The slots of the ports that are there; follows `heldEnd`.
    case slots([LocalPort])
    /// Every frame from now on is forwarded by the tables of this commit, or of a later one.
    case acknowledged(epoch: UInt64, revision: UInt64)
    /// A port's device failed with this errno and was detached; the port is forwarded no more.
    case portFailed(name: String, errno: Int32)
    /// The counters since the forwarder started, as asked for by `requestStatistics`.
    case statistics(ForwarderStatistics)
    /// The kernel has refused a datagram as too long for the path to this host, though it is not longer than was said;
    /// told once until the agent says something of the path.
    case pathRefused(IPAddress)
    /// The answer to `beginCapture`: every frame of the port from now on is captured, or nothing is.
    case capturing(number: UInt64, isOn: Bool)
    /// The port with this name has announced the address of a virtual port that it is a parent of.
    case virtualClaimed(name: String, virtualPort: ObjectID)

    /// The guest of a standby port has announced itself: the port is open since. Told of all such ports to a new agent,
    /// and then once of each.
    case portActivated(PortActivation)
    /// Facts about members of multicast groups that ports have told, here and on other hosts.
    case membersReported([MembershipReport])

    // Agent to forwarder

    /// Opens a commit, which will stand for this revision. A snapshot replaces all ports and keys; what it does not
    /// name goes at its commit. The underlay socket and the devices of ports that stay are kept.
    case begin(epoch: UInt64, revision: UInt64, isSnapshot: Bool)
    /// The tables that are in force from the commit on. Their file's descriptor rides along if it is another one than
    /// that of the tables before.
    case tables(TablePlace)
    /// The underlay's UDP sockets ride along, bound to this address, port 6081; they replace those before at the
    /// commit.
    case underlay(IPAddress)
    /// The keys for the tags of what this host and the one with this encap send to each other; the first is for what it
    /// sends itself. Without any, datagrams from there need no tag.
    case putTunnelKeys(address: IPAddress, keys: [SipHashKey])
    /// A port of this host is new or has changed; the descriptors of the TAP's queues, or of the guest's memory and
    /// rings, ride along unless the forwarder holds them.
    case putPort(LocalPort)
    /// A port of this host is gone; its descriptors are closed at the commit.
    case deletePort(name: String)
    /// Puts everything since `begin` into force at once; answered by `acknowledged`.
    case commit
    /// The size that the path to a host carries from now on; outside or inside a commit.
    case pathMTU(PathMTU)
    case requestStatistics
    /// The file of the MACs that this host learns rides along; outside or inside a commit.
    case learntMACs
    /// The file of the connections of this host's ports rides along; outside or inside a commit.
    case connections
    /// The file that ACLs write their decisions to rides along; outside or inside a commit. The first one is kept.
    case filterRecord
    /// Asks that the frames of a port be captured into the ring whose descriptor rides along. Captures end with the
    /// agent's connection.
    case beginCapture(CaptureOrder)
    /// Ends a capture.
    case endCapture(number: UInt64)
    /// The mirrors of all ports, in place of those before. The sockets to collectors ride along: the one over IPv4, if
    /// there are any such, then the one over IPv6.
    case mirrors([MirrorOrder])
    /// The limits of what guests send, of all ports that have any, in place of those before.
    case sendingRates([PortRate])
}

/// A capture of one port's frames; a port has one at most.
public struct CaptureOrder: Hashable, Sendable {
    /// The capture's number, which the agent gives.
    public var number: UInt64
    /// The port's name on this host.
    public var port: String
    /// The most octets that are kept of a frame.
    public var snapByteCount: UInt32

    public init(number: UInt64, port: String, snapByteCount: UInt32) {
        self.number = number
        self.port = port
        self.snapByteCount = snapByteCount
    }
}

/// The first message of a forwarder.
public struct Greeting: Hashable, Sendable {
    public var version: UInt16
    public var processID: Int32
    /// The epoch of the tables in force; 0 with revision 0 means none.
    public var epoch: UInt64
    /// The revision of the tables in force.
    public var revision: UInt64
    /// The number of `held` messages that follow.
    public var heldCount: UInt32

    public init(version: UInt16, processID: Int32, epoch: UInt64, revision: UInt64, heldCount: UInt32) {
        self.version = version
        self.processID = processID
        self.epoch = epoch
        self.revision = revision
        self.heldCount = heldCount
    }
}

/// The purpose of held descriptors.
public enum HeldDescriptor: Hashable, Sendable {
    /// The UDP sockets bound to this address.
    case underlay(IPAddress)
    /// The queues of the TAP of the port with this name.
    case port(String)
    /// The file of the MACs that this host has learnt. Forwarders of version 2 tell of another file so, which is not
    /// taken for one.
    case learntMACs
    /// The file of the connections of ports.
    case connections
    /// The file that ACLs write their decisions to.
    case filterRecord
}

/// A standby port whose guest has announced itself.
public struct PortActivation: Hashable, Sendable {
    /// The port's name on this host.
    public var name: String
    /// The mark of the standby place that the tables had.
    public var mark: UInt64

    public init(name: String, mark: UInt64) {
        self.name = name
        self.mark = mark
    }
}

/// Tables in a file.
public struct TablePlace: Hashable, Sendable {
    /// The offset of their root from the file's beginning, in bytes.
    public var root: UInt64
    /// The length of the part of the file that belongs to them, in bytes.
    public var length: UInt64

    public init(root: UInt64, length: UInt64) {
        self.root = root
        self.length = length
    }
}

/// The size that the path to another host carries.
public struct PathMTU: Hashable, Sendable {
    /// The host's encap.
    public var address: IPAddress
    /// The longest packet of a guest, in bytes after the Ethernet header.
    public var mtu: UInt32
    /// True if that has been found out about the whole path; else it is what this host's devices and routes allow,
    /// which bounds what was found and what will be.
    public var isFound: Bool

    public init(address: IPAddress, mtu: UInt32, isFound: Bool) {
        self.address = address
        self.mtu = mtu
        self.isFound = isFound
    }
}

/// A port plugged on this host.
public struct LocalPort: Hashable, Sendable {
    /// The port's name on this host, the key among its ports.
    public var name: String
    /// The number by which tables and counters know it, below `ForwarderProtocol.portCountMaximum`. One that was given
    /// up is free when the commit that has done so is acknowledged.
    public var slot: UInt16
    /// The rings of a vhost-user port, if its descriptors ride along.
    public var rings: RingLayout?
    /// True if it has no device of its own: the tables tell the port whose device it shares.
    public var isNested = false
    /// The VLAN of a packet socket that has the frames of one VLAN, without their tags; 0 for others.
    public var tag: UInt16

    /// The highest VLAN (IEEE 802.1Q table 9-2).
    public static let tagMaximum: UInt16 = 4094

    public init(name: String, slot: UInt16, rings: RingLayout? = nil, isNested: Bool = false, tag: UInt16 = 0) {
        self.name = name
        self.slot = slot
        self.tag = tag
        self.rings = rings
        self.isNested = isNested
    }
}
