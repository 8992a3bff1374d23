import ForwarderProtocol
import HTTP
import Southbound
import Wire

/// Something that has happened to the agent.
public enum Event: Sendable {
    /// The agent begins; the core emits its first effects.
    case started
    /// The time that was set with `setTimer` has come; harmless when early.
    case timer
    case stopping

    // Central

    /// An answer of central to the sync with this number.
    case syncAnswered(sequence: UInt64, FeedAnswer)
    /// An answer of central told its time; beside it this host's, both in seconds since 1970.
    case centralTime(Int64, host: Int64)
    /// The sync with this number has no answer that counts.
    case syncFailed(sequence: UInt64, SyncFailure)

    // The forwarder

    /// A forwarder has said who it is and what it holds; `wasSpawned` when we started the process.
    case forwarderConnected(Greeting, held: [HeldDescriptor], slots: [LocalPort] = [], wasSpawned: Bool)
    /// The connection has ended, or none could be made.
    case forwarderLost(reason: String)
    /// A message of the connected forwarder, other than greeting, held and heldEnd.
    case forwarderSaid(ForwarderMessage)

    // Requests at the socket

    case portAdd(Ticket, PortRequest)
    case portDelete(Ticket, name: String)
    /// List the ports, with their counters if asked for.
    case portList(Ticket, withStatistics: Bool)
    case status(Ticket)
    /// Capture a port's frames, until the user goes or a limit is reached.
    case capture(Ticket, CaptureRequest)
    /// A capture has come to its limit.
    case captureEnded(Ticket)
    /// Go by what is held.
    case accept(Ticket)
    /// Whoever asked is gone; what was asked for goes on.
    case disconnected(Ticket)

    // Devices

    /// The device of a port is there and its descriptor in our hands, or it is not.
    case deviceOpened(port: String, Result<Device, Problem>)
    /// The device of a port is gone (made by us) or given back (already there), or it is not.
    case deviceRemoved(port: String, failure: String?)
    /// The devices that were asked about, and how they are.
    case devicesChecked([String: DeviceCondition])

    /// The VMM of a vhost-user port has said what rings there are, that they are others, or that there are none.
    case guestChanged(port: String, isServed: Bool, takesSuperpackets: Bool)

    // Paths

    /// Devices, addresses or routes of this host have changed.
    case underlayChanged
    /// The kernel has said what routes and devices allow, as asked for by `measurePaths`.
    case pathsMeasured(PathMeasurement)
    /// The other end of a path has answered the probe with this nonce.
    case probeAnswered(IPAddress, nonce: UInt64)

    // Files

    case portsSaved(save: UInt64, failure: String?)
    /// A save of the share has ended; `isFull` asks that the next one be of all of it.
    case shareSaved(failure: String?, isFull: Bool = false)
}

/// The number of a request at the socket, given by the edge.
public typealias Ticket = UInt64

/// A device as it was found or made.
public struct Device: Hashable, Sendable {
    /// True if it was made by us, now or earlier.
    public var isOwned: Bool
    /// The MAC of the guest's side, if we can see it.
    public var mac: MACAddress?
    /// The place of its namespace.
    public var place: DevicePlace

    public init(isOwned: Bool, mac: MACAddress?, place: DevicePlace = DevicePlace()) {
        self.isOwned = isOwned
        self.mac = mac
        self.place = place
    }
}

/// The namespace that a device was opened for.
public struct DevicePlace: Hashable, Sendable {
    /// The number of the namespace that the port's `netns` led to; `nil` for a port in the agent's own.
    public var namespace: UInt64?
    /// True if our descriptors keep the namespace alive: they were opened in it, as a device can be opened again only
    /// there. Then only the end of its name tells that its guest has ended.
    public var isPinned: Bool

    public init(namespace: UInt64? = nil, isPinned: Bool = false) {
        self.namespace = namespace
        self.isPinned = isPinned
    }
}

/// The condition of a device whose descriptor the agent holds, or that it waits for.
public enum DeviceCondition: Hashable, Sendable {
    /// It is there, as far as can be told.
    case present
    /// It is there, and the kernel cuts superpackets for it, as its other side takes none.
    case presentWithoutSuperpackets
    /// It was deleted.
    case gone
    /// The port's `netns` leads nowhere any more.
    case namespaceGone
    /// The port's `netns` leads to another namespace than when the device was opened.
    case namespaceReplaced

    var isPresent: Bool { self == .present || self == .presentWithoutSuperpackets }
}

/// The reason why a sync has no answer that counts.
public enum SyncFailure: Hashable, Sendable {
    /// 410: the revision is too old; a snapshot is due.
    case resyncRequired
    /// 410: central has lived through another history than this host; a snapshot is due.
    case historyDiffers
    /// 409 because the chassis is live elsewhere: one of the two hosts has a copy of the other's state directory.
    case chassisElsewhere(String)
    /// 409 because another host has the chassis' name or an encap address; central's sentence about it.
    case chassisConflict(String)
    /// 409 because central has heard a later sync; its sentence about it.
    case staleSequence(String)
    /// Central cannot be reached or cannot answer; with the delay that it asked for, if it did.
    case unavailable(String, retryAfter: Duration?)
    /// Central's host answers at once that nobody listens there: most often central is being restarted.
    case connectionRefused(String)
    /// Central refuses the request for another reason, or its answer cannot be read.
    case refused(String)
}
