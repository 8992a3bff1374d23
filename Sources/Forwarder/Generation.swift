import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Reactor
import Wire

/// Everything that pollers forward by, as they see it: immutable, published with one pointer store. What it points at
/// lives until every poller has seen a later one.
struct Generation {
    /// Rises by one with each.
    let number: UInt64
    /// The tables that decide about frames.
    let tables: Tables
    /// The underlay's UDP sockets, one for each queue, or -1; if there are fewer, they take turns.
    let underlays: UnsafePointer<Int32>
    /// Their number, at least 1.
    let underlayCount: Int
    /// The sockets that send, for flows to be spread over; a power of two of them.
    let senders: UnsafePointer<Int32>
    let senderMask: Int
    /// True if the kernel cuts trains into datagrams (UDP_SEGMENT).
    let isCutting: Bool
    /// The devices, slot by slot for each queue, or -1; if one has fewer queues, they take turns.
    let devices: UnsafePointer<Int32>
    /// The queues of each slot's TAP, at least 1.
    let queueCounts: UnsafePointer<Int>
    /// The address of each of the tables' places.
    let addresses: UnsafeMutablePointer<sockaddr_storage>
    let addressByteCount: socklen_t
    /// The path to each of the tables' places.
    let paths: UnsafeMutablePointer<Path>
    /// The chassis that this one has keys with; `nil` if there are none.
    let peers: TunnelPeers?
    /// The MACs that this host learns; `nil` if it learns none.
    let learnt: LearntMACs?
    /// The connections of ports; `nil` if none are tracked.
    let connections: ConnectionTable?
    /// The captures of ports, by slot; `nil` if nothing is captured.
    let taps: UnsafePointer<UnsafePointer<CaptureTap>?>?

    /// The mirrors of ports, by slot; `nil` if no port has any.
    let mirrorLists: UnsafePointer<UnsafePointer<MirrorList>?>?

    /// The limits of what guests send, by slot; `nil` if no port has one.
    let prices: UnsafePointer<SendingPrices>?

    /// The limits of ports' frames for many, by slot; `nil` if no port has any.
    let storms: UnsafePointer<StormLimits>?

    /// The limits of a port's frames for many.
    @inline(__always)
    func storms(_ slot: Int) -> StormLimits? {
        guard let storms, !storms[slot].isNothing else { return nil }
        return storms[slot]
    }

    /// The limit of what a port's guest sends.
    @inline(__always)
    func limit(_ slot: Int) -> SendingPrices? {
        guard let prices, !prices[slot].isNothing else { return nil }
        return prices[slot]
    }

    /// The mirrors of a port.
    @inline(__always)
    func mirrors(_ slot: Int) -> UnsafePointer<MirrorList>? {
        guard let mirrorLists else { return nil }
        return mirrorLists[slot]
    }

    /// The capture of a port.
    @inline(__always)
    func tap(_ slot: Int) -> UnsafePointer<CaptureTap>? {
        guard let taps else { return nil }
        return taps[slot]
    }

    /// The key for the tags of what goes to a place, or `nil`.
    @inline(__always)
    func key(ofPlace place: Int) -> UnsafePointer<SipHashKey>? { peers?.placeKeys[place] }

    /// The underlay's socket of a queue, or -1.
    @inline(__always)
    func underlay(_ queue: Int) -> Int32 { underlays[queue] }

    /// A queue of a slot's TAP, or -1.
    @inline(__always)
    func device(_ slot: Int, _ queue: Int) -> Int32 { devices[queue &* ForwarderProtocol.portCountMaximum &+ slot] }

    /// The socket for a flow: its port tells the flow to whoever spreads packets between here and there.
    @inline(__always)
    func sender(_ hash: UInt32) -> Int32 { senders[Int(truncatingIfNeeded: hash) & senderMask] }
}

/// The owner of a generation's memory, tables and descriptors; on the control thread.
final class OwnedGeneration {
    let pointer: UnsafeMutablePointer<Generation>
    private let memory: AnyObject
    private let places: OwnedPlaces
    private let learnt: LearntMACFile?
    private let tracked: ConnectionFile?
    private let descriptors: [Descriptor]
    private let rings: [RingDevice]
    private let underlays: UnsafeMutablePointer<Int32>
    private let devices: UnsafeMutablePointer<Int32>
    private let queueCounts: UnsafeMutablePointer<Int>
    private let senders: UnsafeMutablePointer<Int32>
    private let captureTaps: UnsafeMutablePointer<UnsafePointer<CaptureTap>?>?
    private let captures: [Int: OwnedTap]
    private let mirrors: OwnedMirrors?
    private let prices: UnsafeMutablePointer<SendingPrices>?
    private let storms: UnsafeMutablePointer<StormLimits>?

    /// - Parameters:
    ///   - memory: what the tables live as long as.
    ///   - queueCount: the queues that pollers write to.
    ///   - underlays: the sockets that receive.
    ///   - senders: the sockets that send; the first that receives if there are none. Of others than a power of two
    ///     the last ones are not used.
    ///   - isCutting: true if the kernel cuts trains.
    ///   - taps: the queues of devices by slot.
    ///   - places: where to send; `nil` for what the tables alone say.
    ///   - captures: the captures of ports by slot.
    ///   - learnt: the MACs that are learnt.
    ///   - tracked: the connections that the tables have, kept mapped.
    ///   - mirrors: the mirrors of ports.
    ///   - prices: the limits of what guests send.
    ///   - limits: those of their frames for many.
    ///   - descriptors: kept open for as long as this lives.
    ///   - rings: kept for as long as this lives.
    init(
        number: UInt64,
        tables view: Tables,
        of memory: AnyObject,
        queueCount pollerQueueCount: Int = 1,
        underlays sockets: [Int32],
        senders: [Int32] = [],
        isCutting: Bool = true,
        devices taps: [Int: [Int32]],
        places: OwnedPlaces? = nil,
        captures: [Int: OwnedTap] = [:],
        learnt: LearntMACFile? = nil,
        tracked: ConnectionFile? = nil,
        mirrors: OwnedMirrors? = nil,
        prices rates: [(slot: Int, prices: SendingPrices)] = [],
        storms limits: [(slot: Int, limits: StormLimits)] = [],
        keeping descriptors: [Descriptor],
        rings: [RingDevice] = []
    ) {
        self.memory = memory
        self.descriptors = descriptors
        self.rings = rings
        let queueCount = max(pollerQueueCount, sockets.count, taps.values.map(\.count).max() ?? 0)
        underlays = .allocate(capacity: queueCount)
        devices = .allocate(capacity: queueCount * ForwarderProtocol.portCountMaximum)
        devices.initialize(repeating: -1, count: queueCount * ForwarderProtocol.portCountMaximum)
        for queue in 0..<queueCount {
            (underlays + queue).initialize(to: sockets.isEmpty ? -1 : sockets[queue % sockets.count])
            for (slot, queues) in taps where !queues.isEmpty {
                devices[queue * ForwarderProtocol.portCountMaximum + slot] = queues[queue % queues.count]
            }
        }
        queueCounts = Self.queueCounts(taps, view)
        var senderCount = 1
        while senderCount * 2 <= senders.count { senderCount *= 2 }
        self.senders = .allocate(capacity: senderCount)
        for index in 0..<senderCount {
            (self.senders + index).initialize(to: senders.isEmpty ? sockets.first ?? -1 : senders[index])
        }
        let places = places ?? OwnedPlaces(view, PathTable(usualMTU: view.innerMTU))
        (self.captures, self.mirrors) = (captures, mirrors)
        captureTaps = Self.bySlot(captures.map { ($0.key, UnsafePointer($0.value.pointer)) }, otherwise: nil)
        prices = Self.bySlot(rates.map { ($0.slot, $0.prices) }, otherwise: SendingPrices())
        storms = Self.bySlot(limits.map { ($0.slot, $0.limits) }, otherwise: StormLimits())
        (self.places, self.learnt, self.tracked) = (places, learnt, tracked)
        pointer = .allocate(capacity: 1)
        pointer.initialize(
            to: Generation(
                number: number,
                tables: view,
                underlays: underlays,
                underlayCount: max(1, sockets.count),
                senders: self.senders,
                senderMask: senderCount - 1,
                isCutting: isCutting,
                devices: devices,
                queueCounts: queueCounts,
                addresses: places.addresses,
                addressByteCount: places.addressByteCount,
                paths: places.paths,
                peers: places.peers?.view,
                learnt: learnt?.macs,
                connections: tracked?.connections,
                taps: captureTaps.map { UnsafePointer($0) },
                mirrorLists: mirrors?.lists.map { UnsafePointer($0) },
                prices: prices.map { UnsafePointer($0) },
                storms: storms.map { UnsafePointer($0) }
            )
        )
    }

    /// The number of queues of each slot's device; nested ports share that of another.
    private static func queueCounts(_ taps: [Int: [Int32]], _ tables: Tables) -> UnsafeMutablePointer<Int> {
        let counts = UnsafeMutablePointer<Int>.allocate(capacity: ForwarderProtocol.portCountMaximum)
        counts.initialize(repeating: 1, count: ForwarderProtocol.portCountMaximum)
        for (slot, queues) in taps { counts[slot] = max(1, queues.count) }
        guard tables.hasNestedPorts else { return counts }
        for slot in 0..<ForwarderProtocol.portCountMaximum {
            guard let place = tables.place(ofNested: UInt16(slot)) else { continue }
            counts[slot] = counts[Int(place.parentSlot)]
        }
        return counts
    }

    /// Memory with the values of slots; `nil` if no slot has one.
    private static func bySlot<Value>(
        _ values: [(Int, Value)],
        otherwise blank: Value
    ) -> UnsafeMutablePointer<Value>? {
        guard !values.isEmpty else { return nil }
        let list = UnsafeMutablePointer<Value>.allocate(capacity: ForwarderProtocol.portCountMaximum)
        list.initialize(repeating: blank, count: ForwarderProtocol.portCountMaximum)
        for (slot, value) in values { list[slot] = value }
        return list
    }

    deinit {
        pointer.deallocate()
        underlays.deallocate()
        devices.deallocate()
        queueCounts.deallocate()
        senders.deallocate()
        captureTaps?.deallocate()
        prices?.deallocate()
        storms?.deallocate()
    }

    var number: UInt64 { pointer.pointee.number }
}
