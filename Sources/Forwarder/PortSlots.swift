import ForwarderProtocol
import Reactor

/// The devices of ports and their slots: the numbers by which tables and counters know them.
///
/// A slot that was given up is used again only after every poller has moved on from the generations that knew it.
struct PortSlots {
    /// A port that has a slot.
    struct Port {
        let slot: Int
        /// The queues of its TAP; none after it has failed, until the agent brings another.
        var queues: [Descriptor]
        /// The first generation with these.
        var since: UInt64
    }

    /// The ports by name.
    private(set) var ports: [String: Port] = [:]
    private var names: [Int: String] = [:]
    private var free = Array((0..<ForwarderProtocol.portCountMaximum).reversed())
    private var resting: [(slot: Int, generation: UInt64)] = []

    /// The names of all ports, in order.
    var sortedNames: [String] { ports.keys.sorted() }

    /// The port in a slot.
    func name(ofSlot slot: Int) -> String? { names[slot] }

    /// Gives a port its device, and a slot if it has none; the queues of the device that it replaces, if any.
    /// - Parameter generation: the first that will know the device.
    /// - Returns: `nil` when no slot is free, which is while some rest.
    mutating func attach(
        _ queues: [Descriptor],
        to name: String,
        since generation: UInt64
    ) -> (slot: Int, former: [Descriptor])? {
        if let port = ports[name] {
            ports[name] = Port(slot: port.slot, queues: queues, since: generation)
            return (port.slot, port.queues)
        }
        guard let slot = free.popLast() else { return nil }
        ports[name] = Port(slot: slot, queues: queues, since: generation)
        names[slot] = name
        return (slot, [])
    }

    /// Takes the device from a port that keeps its slot and counters.
    mutating func detach(_ name: String) -> [Descriptor] {
        let queues = ports[name]?.queues ?? []
        ports[name]?.queues = []
        return queues
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
        free += freed
        return freed
    }
}
