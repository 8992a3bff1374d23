import Wire

/// A port plugged on this host.
struct PluggedPort: Hashable, Sendable {
    /// What the user asked for.
    var specification: PortSpecification
    /// Whether the device was made by us and goes with the port, or was already there and stays.
    var isOwned: Bool
    /// The number of the plug: raised with each, on disk before it is told to central.
    var claim: UInt64
    /// Whether the port was bound here since that plug and is no longer: the claim takes it from nobody.
    var isSetAside = false
    /// The chassis that has taken the port away, where that was seen.
    var lostTo: String?
    /// Whether the port is being unplugged; kept on disk, so that a restarted agent finishes it.
    var isLeaving = false
    /// Whether the device of a leaving port has been asked to be removed.
    var isRemovalAsked = false
    /// What a claim that is not on disk yet has replaced.
    var replaced: Replaced?
    /// The save of the ports file that this claim, or this leaving, is part of.
    var save: UInt64 = 0
    /// Where the device stands.
    var device = Device.unknown
    /// Whether a lost device is just being looked for; one attempt at a time, as the second would find the device busy.
    var isLookedFor = false
    /// What a user who plugs the port meanwhile demands of the device.
    var demand: DeviceDemand?
    /// Whether its device is still to be made, if it is ours: it has not been there since the agent started, as after a
    /// reboot of the host.
    var isToBeRestored = true
    /// Whether somebody who plugs it waits for a look at its device.
    var isBeingChecked = false
    /// Where the device was opened.
    var place = DevicePlace()
    /// The device's MAC as it was when we opened it, where we did.
    var mac: MACAddress?
    /// The MTU that it was made with, if this agent made it.
    var madeMTU: Int?
    /// The highest fence with which this chassis was seen to have the port.
    var boundSequence: UInt64?

    /// What stands between the reason why a port has no device and the command that helps, which is for this host only.
    static let remedyMark = "; to plug it again: "

    /// The claim before the present one, for when that cannot be saved.
    struct Replaced: Hashable, Sendable {
        var claim: UInt64
        var isSetAside: Bool
        var lostTo: String?
    }

    /// Where a port's device stands.
    enum Device: Hashable, Sendable {
        /// Not looked for yet: a forwarder may hold its descriptor.
        case unknown
        /// Being made or opened.
        case opening
        /// There, its descriptor in our hands.
        case present
        /// Not usable, and why.
        case failed(String)
    }
}

/// A port as it stands in the ports file.
public struct StoredPort: Hashable, Sendable {
    /// What the user asked for.
    public var specification: PortSpecification
    /// Whether the device was made by us.
    public var isOwned: Bool
    /// The number of the plug.
    public var claim: UInt64
    /// Whether the port was bound here since that plug and is no longer.
    public var isSetAside: Bool
    /// The chassis that has taken the port away, where that was seen.
    public var lostTo: String?
    /// Whether the port was being unplugged.
    public var isLeaving: Bool
    /// Where its device was opened.
    public var place: DevicePlace

    /// A port as it stands in the ports file.
    public init(
        specification: PortSpecification,
        isOwned: Bool,
        claim: UInt64,
        isSetAside: Bool = false,
        lostTo: String? = nil,
        isLeaving: Bool = false,
        place: DevicePlace = DevicePlace()
    ) {
        self.specification = specification
        self.isOwned = isOwned
        self.claim = claim
        self.isSetAside = isSetAside
        self.lostTo = lostTo
        self.isLeaving = isLeaving
        self.place = place
    }
}

/// The ports of this host and the last claim given, as kept on disk.
public struct StoredPorts: Hashable, Sendable {
    /// The highest claim number given to any port so far.
    public var lastClaim: UInt64
    /// The ports, by name.
    public var ports: [StoredPort]

    /// The ports of this host.
    public init(lastClaim: UInt64, ports: [StoredPort] = []) {
        self.lastClaim = lastClaim
        self.ports = ports
    }
}
