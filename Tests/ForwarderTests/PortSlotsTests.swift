import ForwarderProtocol
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
        let first = slots.attach([device], to: "a", since: 1)
        #expect(first?.former.isEmpty == true)
        let other = try device.duplicate()
        let second = slots.attach([other], to: "a", since: 5)
        #expect(second?.slot == first?.slot)
        #expect(second?.former.first === device)
        #expect(slots.ports["a"]?.since == 5)
        let detached = slots.detach("a")
        #expect(detached.first === other)
        #expect(slots.ports["a"]?.queues.isEmpty == true)
        #expect(slots.name(ofSlot: first?.slot ?? -1) == "a")
        let third = slots.attach([device], to: "a", since: 6)
        #expect(third?.slot == first?.slot)
        #expect(third?.former.isEmpty == true)
    }

    @Test func `A slot is used again only when all have moved on from the last generation that knew it`() {
        var slots = PortSlots()
        let slot = slots.attach([device], to: "a", since: 1)?.slot ?? -1
        let removed = [slots.remove("a", lastIn: 3), slots.remove("a", lastIn: 3)]
        #expect(removed[0].first === device)
        #expect(removed[1].isEmpty)
        #expect(slots.name(ofSlot: slot) == nil)
        let early = slots.free(seenByAll: 3)
        #expect(early == [])
        let other = slots.attach([device], to: "b", since: 4)
        #expect(other?.slot != slot)
        let freed = [slots.free(seenByAll: 4), slots.free(seenByAll: 9)]
        #expect(freed == [[slot], []])
        let again = slots.attach([device], to: "c", since: 5)
        #expect(again?.slot == slot)
    }

    @Test func `There are as many slots as a host may have ports, each once`() {
        var slots = PortSlots()
        var taken: Set<Int> = []
        for number in 0..<ForwarderProtocol.portCountMaximum {
            taken.insert(slots.attach([device], to: "vm-\(number)", since: 1)?.slot ?? -1)
        }
        #expect(taken == Set(0..<ForwarderProtocol.portCountMaximum))
        let oneMore = slots.attach([device], to: "one-more", since: 1)
        #expect(oneMore == nil)
        #expect(slots.sortedNames.count == ForwarderProtocol.portCountMaximum)
    }
}
