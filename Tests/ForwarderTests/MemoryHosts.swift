import Datapath
import Reactor
import Southbound
import Wire

@testable import Forwarder

/// One logical switch over hosts in memory: each host is a whole packet path with tables of its own.
final class MemoryHosts {
    static let datapath = DatapathBinding(
        id: ObjectID(high: 1, low: 1),
        name: "ls1",
        tunnelKey: 5,
        vlanPassthru: false
    )

    let ports = MemoryPorts()
    let underlay = MemoryUnderlay()
    private(set) var hosts: [Host] = []
    /// The paths to the others, as each host knows them.
    private(set) var paths: [PathTable] = []
    private(set) var bindings: [PortBinding]
    /// The time at which ports are drained.
    var now = Duration.seconds(100)

    /// A host: its place on the underlay, its counters and what it forwards by.
    final class Host {
        let address: IPAddress
        let socket: Int32
        let counters = CounterBlock()
        var path: FrameSwitch<MemoryPorts, MemoryUnderlay>
        var generation: OwnedGeneration
        fileprivate let tables: ForwardingTables
        fileprivate var devices: [Int: [Int32]]

        init(
            address: IPAddress,
            socket: Int32,
            generation: OwnedGeneration,
            tables: ForwardingTables,
            devices: [Int: [Int32]],
            _ hosts: MemoryHosts
        ) {
            self.tables = tables
            self.devices = devices
            self.address = address
            self.socket = socket
            self.generation = generation
            path = FrameSwitch(ports: hosts.ports, underlay: hosts.underlay, counters: counters)
        }

        deinit {
            counters.deallocate()
        }
    }

    /// - Parameters:
    ///   - places: the host of each port; port n (from 0) has key n + 1, slot n and device n.
    ///   - filter: the ACLs of the switch.
    ///   - datapath: the switch.
    ///   - hasKeys: true if the first two hosts put tags into what they send to each other.
    ///   - change: changes a port's binding.
    init(
        hostCount: Int,
        places: [Int],
        isIPv6: Bool = false,
        innerMTU: Int = 1442,
        filter: PacketFilter? = nil,
        hasKeys: Bool = false,
        datapath: DatapathBinding = MemoryHosts.datapath,
        _ change: (inout PortBinding, Int) -> Void = { _, _ in }
    ) {
        bindings = places.enumerated().map { number, host in
            var binding = PortBinding(
                id: ObjectID(high: 2, low: UInt64(number)),
                logicalPort: "port-\(number)",
                datapath: Self.datapath.id,
                tunnelKey: UInt16(number + 1),
                addresses: [PortAddress(mac: Self.mac(number), ips: [.v4(Self.ip(number))])],
                locations: [PortBinding.Location(chassis: "host-\(host)", bindSeq: 1)]
            )
            change(&binding, number)
            return binding
        }
        var datapath = datapath
        datapath.filter = filter
        let addresses = (0..<hostCount).map { Self.address(of: $0, isIPv6: isIPv6) }
        for (number, address) in addresses.enumerated() {
            let socket = underlay.socket(address)
            let chassis = addresses.enumerated().map { other, ip in
                Chassis(name: "host-\(other)", chassisID: "id-\(other)", hostname: "", encaps: [Encap(ip: ip)])
            }
            let records =
                chassis.map { Record.chassis($0) } + [.datapathBinding(datapath)]
                + bindings.map { .portBinding($0) }
            let tables = ForwardingTables(
                localChassis: "host-\(number)",
                localEncap: address,
                innerMTU: innerMTU,
                hashSeed: 0
            )
            let mine = places.indices.filter { places[$0] == number }
            let slots = Dictionary(uniqueKeysWithValues: mine.map { ("port-\($0)", UInt16($0)) })
            tables.apply(records.map { .put($0) }, slots: slots, now: .zero)
            paths.append(PathTable(usualMTU: innerMTU))
            let devices = Dictionary(uniqueKeysWithValues: mine.map { ($0, [Int32($0)]) })
            let generation = OwnedGeneration(
                number: 1,
                tables: tables.view,
                of: tables,
                underlays: [socket],
                devices: devices,
                places: OwnedPlaces(
                    tables.view,
                    paths[number],
                    hasKeys && number < 2 ? [Self.keys(with: addresses[1 - number])] : []
                ),
                keeping: []
            )
            hosts.append(
                Host(
                    address: address,
                    socket: socket,
                    generation: generation,
                    tables: tables,
                    devices: devices,
                    self
                )
            )
        }
    }

    /// Captures ports of a host from now on, each into a ring of its own, or copies their frames to mirrors.
    func capture(
        _ taps: [Int: OwnedTap],
        mirrors: OwnedMirrors? = nil,
        prices: [(slot: Int, prices: SendingPrices)] = [],
        storms: [(slot: Int, limits: StormLimits)] = [],
        on number: Int
    ) {
        let host = hosts[number]
        host.generation = OwnedGeneration(
            number: 2,
            tables: host.tables.view,
            of: host.tables,
            underlays: [host.socket],
            devices: host.devices,
            places: OwnedPlaces(host.tables.view, paths[number], []),
            captures: taps,
            mirrors: mirrors,
            prices: prices,
            storms: storms,
            keeping: []
        )
    }

    /// Lets ports share the device of another one.
    func share(
        device slot: Int,
        among nested: [Int],
        prices: [(slot: Int, prices: SendingPrices)] = [],
        on number: Int = 0
    ) {
        for port in nested { hosts[number].devices[port] = nil }
        capture([:], prices: prices, on: number)
    }

    /// The keys of the first two hosts: one in use, and a former one.
    static let keys = [SipHashKey(low: 1, high: 2), SipHashKey(low: 3, high: 4)]

    private static func keys(with address: IPAddress) -> OwnedTunnelPeers.Entry {
        OwnedTunnelPeers.Entry(address: address, keys: keys, enforcedAt: .seconds(50))
    }

    static func address(of host: Int, isIPv6: Bool) -> IPAddress {
        isIPv6
            ? .v6(IPv6Address(high: 0xfd00 << 48, low: UInt64(host + 1)))
            : .v4(IPv4Address(0x0a7f_0000 + UInt32(host + 1)))
    }

    static func mac(_ port: Int) -> MACAddress { MACAddress(truncating: 0x0200_0000_0000 + UInt64(port)) }

    static func ip(_ port: Int) -> IPv4Address { IPv4Address(0x0a00_0001 + UInt32(port)) }

    /// A frame of another EtherType than IP, so that only addresses count.
    static func frame(from source: Int, to destination: MACAddress, byteCount: Int = 60, mark: UInt8 = 0) -> [UInt8] {
        let header = destination.octets + mac(source).octets + [0x88, 0xb5]
        return header + [UInt8](repeating: mark, count: byteCount - header.count)
    }

    /// An ARP request for a port's address.
    static func arpRequest(from source: Int, for target: Int) -> [UInt8] {
        MACAddress.broadcast.octets + mac(source).octets + [8, 6, 0, 1, 8, 0, 6, 4, 0, 1] + mac(source).octets
            + octets(ip(source)) + [0, 0, 0, 0, 0, 0] + octets(ip(target))
    }

    static func octets(_ address: IPv4Address) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: address.rawValue >> (24 - 8 * UInt32($0))) }
    }

    /// A guest sends.
    func send(_ frames: [[UInt8]], from port: Int) {
        ports.state.toRead[Int32(port), default: []] += frames
    }

    /// Lets a host take one batch from a port.
    @discardableResult
    func drainPort(_ port: Int, on host: Int) -> Int32 {
        hosts[host].path.drainPort(port, hosts[host].generation.pointer, now: now)
    }

    /// Lets all hosts, or one of them, take all that waits on the underlay.
    func settleUnderlay(only number: Int? = nil) {
        for host in number.map({ [hosts[$0]] }) ?? hosts {
            while underlay.state.queues[host.address]?.isEmpty == false {
                host.path.drainUnderlay(host.generation.pointer, now: .seconds(100))
            }
        }
    }

    /// Returns the frames that the guest at a port has got since the last call.
    func got(_ port: Int) -> [[UInt8]] { ports.takeWritten(Int32(port)) }

    func count(_ word: CounterBlock.Word, of source: CounterBlock.Source, on host: Int) -> UInt64 {
        hosts[host].counters.value(word, of: source)
    }

    func drops(_ reason: DropReason, of source: CounterBlock.Source, on host: Int) -> UInt64 {
        hosts[host].counters.drops(reason, of: source)
    }

    /// Lets all hosts die when one calls the kernel for the `countdown`th time, before or after it.
    func kill(after countdown: Int) {
        let death = Death(after: countdown)
        ports.state.death = death
        underlay.state.death = death
    }

    /// Starts a host again: it has nothing of what its predecessor had taken. `false` if that was not killed.
    func restart(_ host: Int) -> Bool {
        guard ports.state.death?.hasCome == true else { return false }
        (ports.state.death, underlay.state.death) = (nil, nil)
        hosts[host].path = FrameSwitch(ports: ports, underlay: underlay, counters: hosts[host].counters)
        return true
    }

    /// True if every frame that a host has received, from any source, was counted once.
    func isAccountedFor(on host: Int) -> Bool {
        (Array(bindings.indices) + [CounterBlock.underlay]).allSatisfy { source in
            let drops = DropReason.allCases.reduce(0) { $0 + self.drops($1, of: source, on: host) }
            return count(.receivedFrames, of: source, on: host)
                == count(.forwardedFrames, of: source, on: host) + drops
        }
    }
}
