import Reactor

/// The devices of ports and their slots: the numbers by which tables and counters know them.
///
/// The agent gives them. A slot that was given up is free after every poller has moved on from the generations that
/// knew it, which is when the commit that has done so is acknowledged.
struct PortSlots {
    struct Port {
        let slot: Int
        /// The queues of its TAP, its packet socket, or the eventfds of its rings, by which they are waited for; none
        /// after it has failed, until the agent brings another.
        let queues: [Descriptor]
        /// True if it shares another port's device.
        let isNested: Bool
        /// A guest's rings, if it has some.
        let rings: RingDevice?
        /// The numbers of the queues as pollers have them.
        let handles: [Int32]
        /// The first generation with these.
        let since: UInt64

        init(
            slot: Int,
            queues: [Descriptor],
            rings: RingDevice? = nil,
            isNested: Bool = false,
            tag: UInt16 = 0,
            since: UInt64
        ) {
            self.slot = slot
            self.isNested = isNested
            self.queues = queues
            self.rings = rings
            self.since = since
            handles =
                rings?.numbers.map { DeviceHandle.make(ofRings: $0) }
                ?? queues.map { DeviceHandle.make(of: $0.raw, tag: tag) }
        }
    }

    private(set) var ports: [String: Port] = [:]
    private var names: [Int: String] = [:]
    private var resting: [(slot: Int, generation: UInt64)] = []

    var sortedNames: [String] { ports.keys.sorted() }

    func name(ofSlot slot: Int) -> String? { names[slot] }

    /// Gives a port its device in its slot; the queues of the device that it replaces, if any.
    /// - Parameter generation: the first that will know the device.
    /// - Returns: `nil` if the slot is another port's, or is not free yet.
    mutating func attach(
        _ queues: [Descriptor],
        rings: RingDevice? = nil,
        isNested: Bool = false,
        tag: UInt16 = 0,
        to name: String,
        slot: Int,
        since generation: UInt64
    ) -> [Descriptor]? {
        guard names[slot] ?? name == name, !resting.contains(where: { $0.slot == slot }) else { return nil }
        let former = ports[name]?.queues ?? []
        let port = Port(slot: slot, queues: queues, rings: rings, isNested: isNested, tag: tag, since: generation)
        ports[name] = port
        names[slot] = name
        return former
    }

    /// Takes the device from a port that keeps its slot and counters.
    mutating func detach(_ name: String) -> [Descriptor] {
        guard let port = ports[name] else { return [] }
        ports[name] = Port(slot: port.slot, queues: [], since: port.since)
        return port.queues
    }

    /// Forgets a port; the queues that it had.
    /// - Parameter generation: the last one that knows the slot.
    mutating func remove(_ name: String, lastIn generation: UInt64) -> [Descriptor] {
        guard let port = ports.removeValue(forKey: name) else { return [] }
        names[port.slot] = nil
        resting.append((port.slot, generation))
        return port.queues
    }

    /// Frees the slots that rest because of generations that no poller uses any more, and tells which.
    mutating func free(seenByAll generation: UInt64) -> [Int] {
        let freed = resting.filter { $0.generation < generation }.map(\.slot)
        resting.removeAll { $0.generation < generation }
        return freed
    }
}
