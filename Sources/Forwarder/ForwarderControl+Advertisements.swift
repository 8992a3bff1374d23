import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Reactor

/// Router advertisements that nobody asked for: the control thread writes them to the devices of ports by a timer, so
/// that the packet path has nothing to do with them.
extension ForwarderControl {
    /// The time between two looks at what is due.
    static let advertisementTick = Duration.seconds(1)
    /// Advertisements that are sent in one turn of the loop: about a millisecond's work.
    static let advertisementCountMaximum = 256
    /// The pause before the next turn's, when more are due.
    private static let advertisementPause = Duration.milliseconds(10)

    /// Begins to look at what is due, if any gateway sends advertisements.
    func watchAdvertisers() {
        guard advertisementTimer == nil, tables?.hasAdvertisers == true else { return }
        advertisementTimer = loop.schedule(after: .zero) { [weak self] in self?.sendAdvertisements() }
    }

    private func sendAdvertisements() {
        advertisementTimer = nil
        guard let generation = generations.last?.pointer, generation.pointee.tables.hasAdvertisers else {
            advertisementSlots = []
            return
        }
        let tables = generation.pointee.tables
        if advertisementSlots.isEmpty { noteDueAdvertisements(tables) }
        for slot in advertisementSlots.prefix(Self.advertisementCountMaximum) {
            send(to: slot, generation, tables) { tables.writeAdvertisement(for: UInt16(slot), into: $0) }
        }
        advertisementSlots.removeFirst(min(advertisementSlots.count, Self.advertisementCountMaximum))
        let pause = advertisementSlots.isEmpty ? Self.advertisementTick : Self.advertisementPause
        advertisementTimer = loop.schedule(after: pause) { [weak self] in self?.sendAdvertisements() }
    }

    private func noteDueAdvertisements(_ tables: Tables) {
        var advertisers: [UInt32: Advertiser] = [:]
        var ports: [(slot: Int, vni: UInt32)] = []
        for slot in slots.ports.values.map(\.slot).sorted() {
            guard let advertiser = tables.advertiser(for: UInt16(slot)) else { continue }
            advertisers[advertiser.vni] = advertiser
            ports.append((slot, advertiser.vni))
        }
        let due = advertisements.due(advertisers, now: loop.now)
        advertisementSlots = ports.filter { due.contains($0.vni) }.map(\.slot)
    }

    /// Writes a frame of our own to a port.
    /// - Parameter write: writes the frame, and returns its octets; 0 for none.
    func send(
        to slot: Int,
        _ generation: UnsafeMutablePointer<Generation>,
        _ tables: Tables,
        _ write: (UnsafeMutableRawBufferPointer) -> Int
    ) {
        let place = tables.place(ofNested: UInt16(slot))
        let device = generation.pointee.device(place.map { Int($0.parentSlot) } ?? slot, 0)
        guard device >= 0 else { return }
        let start = OffloadHeader.byteCount + TagEdge.tagByteCount
        let room = UnsafeMutableRawBufferPointer.allocate(
            byteCount: start + Verdict.replyByteCountMaximum,
            alignment: 64
        )
        defer { room.deallocate() }
        let frame = UnsafeMutableRawBufferPointer(rebasing: room[start...])
        let byteCount = write(frame)
        guard byteCount > 0, let base = room.baseAddress else { return }
        OffloadHeader().store(to: base + TagEdge.tagByteCount)
        var bytes = base + start
        if let place { bytes = TagEdge.push(place.tag, bytes) }
        var part = iovec(
            iov_base: bytes - OffloadHeader.byteCount,
            iov_len: OffloadHeader.byteCount + byteCount + (place == nil ? 0 : TagEdge.tagByteCount)
        )
        guard DeviceIO(rings: rings).write(device, &part, 1) >= 0 else {
            // A guest that reads nothing gets none; the next one comes by itself.
            return counters.add(1, to: .unsentFrames, of: slot)
        }
        counters.add(1, to: .sentFrames, of: slot)
        counters.add(UInt64(byteCount), to: .sentBytes, of: slot)
    }
}
