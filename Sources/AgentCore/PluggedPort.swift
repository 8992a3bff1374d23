import Wire

/// A port plugged on this host.
struct PluggedPort: Hashable, Sendable {
    /// The user's order.
    var specification: PortSpecification
    /// True if the device was made by us and goes with the port, or was already there and stays.
    var isOwned: Bool
    /// The number of the plug: raised with each, on disk before it is told to central.
    var claim: UInt64
    /// True if the port was bound here since that plug and no longer is: the claim takes it from nobody.
    var isSetAside = false
    /// The chassis that has taken the port away, if that was seen.
    var lostTo: String?
    /// The mark of the last standby place here that the port's guest has activated.
    var activationMark: UInt64?
    /// True if the port is being unplugged; kept on disk, so that a restarted agent finishes it.
    var isLeaving = false
    /// True if the device of a leaving port has been asked to be removed.
    var isRemovalAsked = false
    /// The state that a claim which is not on disk yet has replaced.
    var replaced: Replaced?
    /// The save of the ports file that this claim, or this leaving, is part of.
    var save: UInt64 = 0
    var device = Device.unknown
    /// True while a lost device is being looked for; one attempt at a time, because a second would find the device
    /// busy.
    var isLookedFor = false
    /// The demand on the device by a user who plugs the port meanwhile.
    var demand: DeviceDemand?
    /// True if its device is still to be made, if it is ours: it has not been there since the agent started, as after a
    /// reboot of the host.
    var isToBeRestored = true
    /// True if somebody who plugs it waits for a look at its device.
    var isBeingChecked = false
    /// True if the kernel cuts superpackets for the device.
    var takesNoSuperpackets = false
    /// The place at which the device was opened.
    var place = DevicePlace()
    /// The device's MAC as it was when we opened it, if we did.
    var mac: MACAddress?
    /// The MTU that it was made with, if this agent made it.
    var madeMTU: Int?
    /// The highest fence with which this chassis was seen to have the port.
    var boundSequence: UInt64?

    /// True if it is a wire to a physical network, which is there as long as a localnet port of the share asks for it.
    var isWire: Bool { specification.device == .physical }

    /// The mark between the reason why a port has no device and the remedy, which is for this host only.
    static let remedyMark = "; to plug it again: "

    /// The claim before the present one, for when that cannot be saved.
    struct Replaced: Hashable, Sendable {
        var claim: UInt64
        var isSetAside: Bool
        var lostTo: String?
    }

    /// The state of a port's device.
    enum Device: Hashable, Sendable {
        /// Not looked for yet: a forwarder may hold its descriptor.
        case unknown
        /// Being made or opened.
        case opening
        /// There, its descriptor in our hands.
        case present
        /// Others are to make it, and have not done so yet, or have taken it away.
        case awaited
        /// Not usable, and why.
        case failed(String)
    }
}

/// A port as it is in the ports file.
public struct StoredPort: Hashable, Sendable {
    /// The user's order.
    public var specification: PortSpecification
    /// True if the device was made by us.
    public var isOwned: Bool
    public var claim: UInt64
    /// True if the port was bound here since that plug and is no longer.
    public var isSetAside = false
    /// The chassis that has taken the port away, if that was seen.
    public var lostTo: String?
    /// The mark of the last standby place here that the port's guest has activated.
    public var activationMark: UInt64?
    /// True if the port was being unplugged.
    public var isLeaving = false
    /// The place at which its device was opened.
    public var place = DevicePlace()
}

/// The ports of this host and the last claim given, as kept on disk.
public struct StoredPorts: Hashable, Sendable {
    /// The highest claim number given to any port so far.
    public var lastClaim: UInt64
    public var ports: [StoredPort]
    public var virtualPlugs: [StoredVirtualPlug]

    public init(lastClaim: UInt64, ports: [StoredPort] = [], virtualPlugs: [StoredVirtualPlug] = []) {
        self.lastClaim = lastClaim
        self.ports = ports
        self.virtualPlugs = virtualPlugs
    }
}
