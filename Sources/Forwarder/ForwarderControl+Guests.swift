import ForwarderProtocol
import Logging
import Reactor

/// Guests' rings on their way into a generation, or out of all.
struct GuestRings {
    /// Rings that wait, by port.
    var waiting: [String: (slot: Int, layout: RingLayout, descriptors: [Descriptor])] = [:]
    /// The last generation with former rings of a port, while a poller may use it.
    var lastGenerations: [String: UInt64] = [:]
}

extension ForwarderControl {
    /// Gives a port its guest's rings: as soon as no poller uses former ones, since two that serve the same rings would
    /// each count for itself.
    func adopt(_ layout: RingLayout, _ descriptors: [Descriptor], as name: String, slot: Int) {
        if slots.ports[name]?.rings != nil { detach(name) }
        guests.waiting[name] = (slot, layout, descriptors)
        adoptWaitingRings()
    }

    func adoptWaitingRings() {
        guests.lastGenerations = guests.lastGenerations.filter { $0.value >= publication.seen }
        for (name, next) in guests.waiting.sorted(by: { $0.key < $1.key }) where guests.lastGenerations[name] == nil {
            guests.waiting[name] = nil
            do throws(SystemError) {
                let device = try RingDevice(next.layout, next.descriptors, in: rings)
                attach(device.kicks, rings: device, to: name, slot: next.slot)
            } catch {
                log.warning("port \(name): \(error)")
                report(name, error.errno)
            }
        }
    }

    /// Takes a port's device out of the next generation.
    func detach(_ name: String) {
        noteRings(of: name)
        guard let slot = slots.ports[name]?.slot else { return }
        unwatch(slots.detach(name), of: slot)
        publication.outdate()
    }

    /// Forgets the rings of a port that are not in the next generation any more.
    func noteRings(of name: String) {
        guests.waiting[name] = nil
        if slots.ports[name]?.rings != nil { guests.lastGenerations[name] = publication.newest }
    }

    /// Takes guests' rings out of service: without an agent nobody hears if a guest's VMM ends, or resets it.
    func letGuestsGo() {
        guests.waiting = [:]
        for name in slots.sortedNames where slots.ports[name]?.rings != nil { detach(name) }
        publish()
    }
}
