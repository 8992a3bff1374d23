import Glibc
import Reactor
import Testing

@testable import Forwarder

@Suite struct PortSlotsTests {
    private let device: Descriptor

    init() throws {
        device = try Descriptor.open("/dev/null", flags: O_RDWR)
    }

    @Test func `A port keeps its slot when its device is replaced or taken away`() throws {
        var slots = PortSlots()
        let first = slots.attach([device], to: "a", slot: 7, since: 1)
        #expect(first?.isEmpty == true)
        let other = try device.duplicate()
        let second = slots.attach([other], to: "a", slot: 7, since: 5)
        #expect(second?.first === device)
        #expect(slots.ports["a"]?.since == 5)
        let detached = slots.detach("a")
        #expect(detached.first === other)
        #expect(slots.ports["a"]?.queues.isEmpty == true)
        #expect(slots.name(ofSlot: 7) == "a")
        let third = slots.attach([device], to: "a", slot: 7, since: 6)
        #expect(third?.isEmpty == true)
    }

    @Test func `A slot is used again only when all have moved on from the last generation that knew it`() {
        var slots = PortSlots()
        _ = slots.attach([device], to: "a", slot: 7, since: 1)
        let removed = [slots.remove("a", lastIn: 3), slots.remove("a", lastIn: 3)]
        #expect(removed[0].first === device)
        #expect(removed[1].isEmpty)
        #expect(slots.name(ofSlot: 7) == nil)
        let early = slots.free(seenByAll: 3)
        #expect(early == [])
        #expect(slots.attach([device], to: "b", slot: 7, since: 4) == nil)
        let freed = [slots.free(seenByAll: 4), slots.free(seenByAll: 9)]
        #expect(freed == [[7], []])
        #expect(slots.attach([device], to: "c", slot: 7, since: 5) != nil)
    }

    @Test func `No two ports have one slot`() {
        var slots = PortSlots()
        #expect(slots.attach([device], to: "a", slot: 7, since: 1) != nil)
        #expect(slots.attach([device], to: "b", slot: 7, since: 1) == nil)
        #expect(slots.sortedNames == ["a"])
    }
}
