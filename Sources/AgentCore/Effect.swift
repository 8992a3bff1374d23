import ForwarderProtocol
import HTTP
import Southbound
import Wire

/// Something that the agent's edge shall do.
public enum Effect: Sendable {
    // Central

    /// Send a sync on a connection of its own; it is answered within its wait plus some seconds, or has failed.
    case sendSync(SyncRequest)
    /// Reply to a question, on another connection.
    case reply(HostQuery)

    // The forwarder

    /// Connect to a running forwarder, else start one and connect to that.
    case startForwarder
    /// End the forwarder with this process id, whose descriptors we have taken over; its connection ends with it.
    case replaceForwarder(processID: Int32)
    /// Change the tables that the next commit tells the forwarder of.
    case compile(TableChange)
    case forward([ForwarderOrder])

    // Devices

    /// Find or make the device of a port and open it.
    case openDevice(PortSpecification, DeviceOrder)
    /// Look whether these ports' devices are still there and where they were.
    case checkDevices([PortSpecification: DevicePlace])
    /// Send these frames to wires, as far as those take them.
    case announce([Announcement])
    /// Close the descriptor of a port's device that is gone.
    case releaseDevice(port: String)
    /// Take the descriptor of a port's device out of our hands, and the device away if it is ours.
    case removeDevice(PortSpecification, isOwned: Bool)

    /// The forwarder goes by what was last told of these vhost-user ports.
    case guestsSettled(Set<String>)

    // Paths

    /// Ask the kernel what the device of our encap and the routes to these hosts allow; answered by `pathsMeasured`.
    case measurePaths([IPAddress])
    /// Send these probes, whole or not at all.
    case sendProbes([UnderlayProbe])

    // Captures, by the tickets of their users

    /// Make a ring and ask the forwarder to capture into it.
    case openCapture(Ticket, CaptureRequest, logicalPort: String)
    /// Begin to answer with what is captured.
    case beginCapture(Ticket)
    /// End a capture: with the refusal, if its answer has not begun.
    case endCapture(Ticket, Problem?)

    // Files

    /// Save the ports file; saves are done in order.
    case savePorts(StoredPorts, save: UInt64)
    /// Save the share or its changes; one save at a time.
    case saveShare(ShareSave)

    // Everything else

    case answer(Ticket, Answer)
    /// Send `timer` at this time, and not at the one set before; `nil` for never.
    case setTimer(at: Duration?)
    case log(LogLevel, String)
    case ready
    /// End with exit code 1 after this sentence; also the forwarder, if it was started for nothing.
    case fail(String, stopsForwarder: Bool)
}

/// A change of what tables are compiled from.
public struct TableChange: Hashable, Sendable {
    /// True if the changes are all there is, for tables from scratch.
    public var isWhole: Bool
    /// The records that are different; one change for a record.
    public var records: [RecordChange]
    /// The slots of all ports plugged here, by logical port.
    public var slots: [String: UInt16]
    /// The longest packet of a guest that the device of this host's encap leaves to tunnels, in octets.
    public var innerMTU: Int
    /// The members of multicast groups that are others.
    public var members: [MembershipChange] = []
}

/// A message to the forwarder, with the descriptor that rides along.
public struct ForwarderOrder: Hashable, Sendable {
    public var message: ForwarderMessage
    /// Which of the agent's descriptors rides along.
    public var descriptor: HeldDescriptor?

    public init(_ message: ForwarderMessage, descriptor: HeldDescriptor? = nil) {
        self.message = message
        self.descriptor = descriptor
    }
}

/// Under what conditions a device is to be opened.
public enum DeviceOrder: Hashable, Sendable {
    /// A user plugs the port; `mtu` is for a device that is made.
    case plug(DeviceDemand, mtu: Int)
    /// The agent has started and nobody holds the descriptor: open the device, make it again if it was ours.
    case restore(isOwned: Bool, mtu: Int)
    /// The device was lost meanwhile: open it if somebody has made it again.
    case reopen(isOwned: Bool)
}

/// The severity of a line of the log.
public enum LogLevel: String, Hashable, Sendable {
    /// For the record.
    case info
    /// Something is wrong that mends itself.
    case warning
    /// Something is wrong that a person must mend.
    case error
}
