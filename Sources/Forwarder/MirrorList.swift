import CLinux
import Datapath
import ForwarderProtocol
import Glibc
import Match
import Reactor
import Wire

/// A place that copies of a port's frames go to, as pollers see it.
struct MirrorSink {
    let copiesSent: Bool
    let copiesReceived: Bool
    /// The steps of the rules about which frames are copied.
    let steps: UnsafeBufferPointer<MatchProgram.Step>
    /// The step of the rules to begin with, or their outcome for all frames.
    let firstStep: Int16
    /// The slot of the port of this host that gets them; -1 if a collector does.
    let slot: Int
    let header: MirrorHeader
    /// The socket to the collector.
    let socket: Int32
    /// The collector's address.
    let address: UnsafeMutablePointer<sockaddr_storage>
    let addressByteCount: socklen_t
    /// The frames that each poller has sent there, by its lane.
    let counts: UnsafeMutablePointer<UInt32>
}

/// The places that copies of one port's frames go to, as pollers see them.
struct MirrorList {
    let sinks: UnsafeMutablePointer<MirrorSink>
    let count: Int
}

/// The owner of the mirrors of a host, for generations; on the control thread.
final class OwnedMirrors {
    /// By slot; `nil` if no port has mirrors.
    let lists: UnsafeMutablePointer<UnsafePointer<MirrorList>?>?
    private var sinks: [UnsafeMutablePointer<MirrorSink>] = []
    private var owned: [UnsafeMutablePointer<MirrorList>] = []
    private var addresses: [UnsafeMutablePointer<sockaddr_storage>] = []
    private var counts: [UnsafeMutablePointer<UInt32>] = []
    private var programs: [UnsafeMutablePointer<MatchProgram.Step>] = []
    private let descriptors: [Descriptor]

    /// - Parameters:
    ///   - ipv4: the socket to collectors over IPv4; without it they get nothing.
    ///   - ipv6: the same over IPv6.
    ///   - descriptors: kept open for as long as this lives.
    ///   - slot: that of the port of a name.
    init(
        _ orders: [MirrorOrder],
        ipv4: Int32?,
        ipv6: Int32?,
        keeping descriptors: [Descriptor] = [],
        slot: (String) -> Int?
    ) {
        self.descriptors = descriptors
        var bySlot: [Int: [MirrorSink]] = [:]
        lists = orders.isEmpty ? nil : .allocate(capacity: ForwarderProtocol.portCountMaximum)
        lists?.initialize(repeating: nil, count: ForwarderProtocol.portCountMaximum)
        for order in orders {
            let steps = steps(of: order.filter)
            for port in order.ports {
                guard let source = slot(port), bySlot[source]?.count ?? 0 < ForwarderProtocol.mirrorsPerPortMaximum
                else { continue }
                switch order.sink {
                case .port(let name):
                    // A port that is not there, and itself, get nothing.
                    guard let target = slot(name), target != source else { continue }
                    bySlot[source, default: []].append(sink(order, steps, slot: target, .gre(key: 0), nil, -1))
                case .gre(let address, let key):
                    guard let socket = address.isIPv6 ? ipv6 : ipv4 else { continue }
                    bySlot[source, default: []].append(sink(order, steps, slot: -1, .gre(key: key), address, socket))
                case .erspan(let address, let index):
                    guard let socket = address.isIPv6 ? ipv6 : ipv4 else { continue }
                    let header = MirrorHeader.erspan(index: index)
                    bySlot[source, default: []].append(sink(order, steps, slot: -1, header, address, socket))
                }
            }
        }
        for (slot, all) in bySlot {
            let memory = UnsafeMutablePointer<MirrorSink>.allocate(capacity: all.count)
            for (index, sink) in all.enumerated() { (memory + index).initialize(to: sink) }
            let list = UnsafeMutablePointer<MirrorList>.allocate(capacity: 1)
            list.initialize(to: MirrorList(sinks: memory, count: all.count))
            sinks.append(memory)
            owned.append(list)
            lists?[slot] = UnsafePointer(list)
        }
    }

    deinit {
        for pointer in sinks { pointer.deallocate() }
        for pointer in owned { pointer.deallocate() }
        for pointer in addresses { pointer.deallocate() }
        for pointer in counts { pointer.deallocate() }
        for pointer in programs { pointer.deallocate() }
        lists?.deallocate()
    }

    /// The steps of a program in memory that pollers may read.
    private func steps(of program: MatchProgram) -> UnsafeBufferPointer<MatchProgram.Step> {
        let memory = UnsafeMutablePointer<MatchProgram.Step>.allocate(capacity: program.steps.count)
        for (number, step) in program.steps.enumerated() { (memory + number).initialize(to: step) }
        programs.append(memory)
        return UnsafeBufferPointer(start: memory, count: program.steps.count)
    }

    private func sink(
        _ order: MirrorOrder,
        _ steps: UnsafeBufferPointer<MatchProgram.Step>,
        slot: Int,
        _ header: MirrorHeader,
        _ collector: IPAddress?,
        _ socket: Int32
    ) -> MirrorSink {
        let address = UnsafeMutablePointer<sockaddr_storage>.allocate(capacity: 1)
        address.initialize(to: sockaddr_storage())
        addresses.append(address)
        let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: CaptureTap.laneCount)
        counts.initialize(repeating: 0, count: CaptureTap.laneCount)
        self.counts.append(counts)
        let byteCount: socklen_t =
            switch collector {
            case .v4(let ip)?: clinux_make_ipv4(address, ip.rawValue, 0)
            case .v6(let ip)?: clinux_make_ipv6(address, ip.high, ip.low, 0)
            case nil: 0
            }
        return MirrorSink(
            copiesSent: order.copiesSent,
            copiesReceived: order.copiesReceived,
            steps: steps,
            firstStep: order.filter.first,
            slot: slot,
            header: header,
            socket: socket,
            address: address,
            addressByteCount: byteCount,
            counts: counts
        )
    }
}
