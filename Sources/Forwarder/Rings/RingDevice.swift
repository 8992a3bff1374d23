import CLinux
import ForwarderProtocol
import Glibc
import Reactor

/// The rings of one port and the guest's memory, mapped: on the control thread. It lives until no poller has a
/// generation that knows it.
final class RingDevice {
    /// The eventfds by which the guest tells that it has sent, one for each pair.
    let kicks: [Descriptor]
    /// The numbers of its pairs in the table.
    let numbers: [Int]

    private let table: RingTable
    private let broken: UnsafeMutablePointer<UInt32>
    private let regions: UnsafeMutablePointer<GuestMemory.Region>
    private var mappings: [(memory: UnsafeMutableRawPointer, length: Int)] = []
    private var pairs: [UnsafeMutablePointer<RingPair>] = []
    private let calls: [Descriptor]

    /// - Parameters:
    ///   - descriptors: those that `RingLayout` tells of.
    ///   - table: outlives this.
    /// - Throws: EINVAL, EPROTO for a layout that does not fit its memory; errors of mapping.
    init(_ layout: RingLayout, _ descriptors: [Descriptor], in table: RingTable) throws(SystemError) {
        guard descriptors.count == layout.descriptorCount, !layout.pairs.isEmpty else {
            throw SystemError(call: "descriptors of rings", errno: EINVAL)
        }
        self.table = table
        broken = .allocate(capacity: 1)
        broken.initialize(to: 0)
        regions = .allocate(capacity: max(1, layout.regions.count))
        let events = Array(descriptors.suffix(3 * layout.pairs.count))
        let indices = 0..<layout.pairs.count
        kicks = indices.map { events[3 * $0 + 1] }
        calls = events
        numbers = (0..<RingTable.countMaximum).lazy.filter { table.pairs[$0] == nil }.prefix(indices.count).map(\.self)
        guard numbers.count == indices.count else { throw SystemError(call: "rings", errno: ENOSPC) }
        for event in events {
            guard clinux_is_anonymous(event.raw) else { throw SystemError(call: "eventfd of a ring", errno: EINVAL) }
            try event.setNonBlocking()
        }
        let memory = try map(layout, descriptors)
        for (index, pair) in layout.pairs.enumerated() {
            guard
                let rings = RingPair(
                    pair,
                    features: layout.features,
                    memory: memory,
                    receivingCall: events[3 * index].raw,
                    kick: events[3 * index + 1].raw,
                    sendingCall: events[3 * index + 2].raw
                )
            else { throw SystemError(call: "rings of the guest", errno: EPROTO) }
            let pointer = UnsafeMutablePointer<RingPair>.allocate(capacity: 1)
            pointer.initialize(to: rings)
            pairs.append(pointer)
        }
        for (number, pair) in zip(numbers, pairs) { table.pairs[number] = pair }
    }

    deinit {
        for number in numbers where !pairs.isEmpty { table.pairs[number] = nil }
        for pair in pairs {
            pair.pointee.deallocate()
            pair.deallocate()
        }
        for mapping in mappings { clinux_guest_unmap(mapping.memory, mapping.length) }
        regions.deallocate()
        broken.deallocate()
    }

    /// Looks at rings that others have served before: kicks and calls may have been lost.
    func begin() {
        for (kick, pair) in zip(kicks, pairs) {
            var one: UInt64 = 1
            _ = clinux_write(kick.raw, &one, 8)
            pair.pointee.receiving.ring.callGuest()
            pair.pointee.sending.ring.callGuest()
        }
    }

    private func map(_ layout: RingLayout, _ descriptors: [Descriptor]) throws(SystemError) -> GuestMemory {
        for (index, region) in layout.regions.enumerated() {
            let (end, overflow) = region.fileOffset.addingReportingOverflow(region.byteCount)
            guard !overflow, region.byteCount > 0, end <= RingLayout.memoryByteCountMaximum else {
                throw SystemError(call: "memory of the guest", errno: EFBIG)
            }
            let memory = try map(descriptors[index], Int(end))
            (regions + index).initialize(
                to: GuestMemory.Region(
                    guestAddress: region.guestAddress,
                    byteCount: region.byteCount,
                    memory: memory + Int(region.fileOffset)
                )
            )
        }
        var log = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        if let place = layout.log {
            let (end, overflow) = place.fileOffset.addingReportingOverflow(place.byteCount)
            guard !overflow, place.byteCount > 0, end <= RingLayout.memoryByteCountMaximum else {
                throw SystemError(call: "log of the guest's memory", errno: EFBIG)
            }
            let memory = try map(descriptors[layout.regions.count], Int(end))
            log = .init(start: memory + Int(place.fileOffset), count: Int(place.byteCount))
        }
        return GuestMemory(regions: regions, count: layout.regions.count, log: log, broken: broken)
    }

    private func map(_ file: Descriptor, _ byteCount: Int) throws(SystemError) -> UnsafeMutableRawPointer {
        var memory: UnsafeMutableRawPointer?
        var length = 0
        try systemCall("map the guest's memory") { clinux_guest_map(file.raw, byteCount, broken, &memory, &length) }
        guard let memory else { throw SystemError(call: "map the guest's memory", errno: ENOMEM) }
        mappings.append((memory, length))
        return memory
    }
}
