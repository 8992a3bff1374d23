import Datapath
import Southbound
import Wire

/// Two hosts with one logical switch; the packet path of the first, in memory.
final class MemoryNetwork {
    private static let localCountMaximum = 2000

    private let counters = CounterBlock()
    private let generation: OwnedGeneration
    private let ports: MemoryPorts
    private let underlay: MemoryUnderlay
    private var path: FrameSwitch<MemoryPorts, MemoryUnderlay>
    private let sourceCount: Int
    private let isInward: Bool
    private var slot = 0

    init(_ each: Case) {
        let localCount = min(each.portCount / 2, Self.localCountMaximum)
        let tables = Self.tables(each, localCount: localCount)
        generation = OwnedGeneration(
            number: 1,
            tables: tables.view,
            of: tables,
            underlays: [0],
            senders: Array(0..<16),
            devices: Dictionary(uniqueKeysWithValues: (0..<localCount).map { ($0, [Int32($0)]) }),
            tracked: each.isTracked ? ConnectionFile.make(key: SipHashKey(low: 1, high: 2)).file : nil,
            keeping: []
        )
        sourceCount = each.sourceCount
        isInward = each.isInward
        let frame = each.segmentCount > 0 ? Self.superpacket(each.segmentCount) : Self.datagram()
        ports = MemoryPorts(state: .allocate(capacity: 1))
        ports.state.initialize(to: .init(template: Self.copy(frame), byteCount: frame.count))
        ports.state.pointee.destinationCount = each.destinationCount
        ports.state.pointee.firstRemote = localCount
        ports.state.pointee.remoteCount = each.portCount - localCount
        let (train, byteCount) = Self.train(each)
        underlay = MemoryUnderlay(state: .allocate(capacity: 1))
        underlay.state.initialize(to: .init(train: Self.copy(train), byteCount: train.count))
        underlay.state.pointee.datagramByteCount = byteCount
        underlay.state.pointee.address = Self.address(1).rawValue
        path = FrameSwitch(ports: ports, underlay: underlay, counters: counters)
    }

    /// Forwards at least so many frames or superpackets; ends the process if one is dropped.
    func forward(_ count: Int) {
        var done = 0
        while done < count {
            if isInward {
                let datagrams = underlay.state.pointee.byteCount / underlay.state.pointee.datagramByteCount
                underlay.state.pointee.left = 1
                path.drainUnderlay(generation.pointer, now: .seconds(1))
                done += ports.state.pointee.byteCount > 100 ? 1 : datagrams
            } else {
                let turn = ports.state.pointee.byteCount > 100 ? 1 : 64
                ports.state.pointee.left = turn
                _ = path.drainPort(slot, generation.pointer, now: .seconds(1))
                slot = slot + 1 == sourceCount ? 0 : slot + 1
                done += turn
            }
        }
        let all = (0...CounterBlock.underlay).map { source in
            (counters.value(.receivedFrames, of: source), counters.value(.forwardedFrames, of: source))
        }
        precondition(all.allSatisfy { $0.0 == $0.1 } && all.contains { $0.1 > 0 }, "frames were dropped")
    }

    private static func tables(_ each: Case, localCount: Int) -> ForwardingTables {
        var datapath = DatapathBinding(id: ObjectID(high: 1, low: 1), name: "ls1", tunnelKey: 5, vlanPassthru: false)
        if each.isTracked {
            let acls = PacketFilter.Direction.allCases.map { direction in
                PacketFilter.Rule(name: "", direction: direction, tier: 0, match: "ip", action: .allowRelated)
            }
            datapath.filter = PacketFilter(acls: acls, ports: [:])
        }
        let tables = ForwardingTables(
            localChassis: "host-0",
            localEncap: .v4(address(0)),
            innerMTU: 1442,
            hashSeed: 0x1234_5678_9abc_def0
        )
        let chassis = (0..<2).map {
            Chassis(name: "host-\($0)", chassisID: "\($0)", hostname: "", encaps: [Encap(ip: .v4(address($0)))])
        }
        let ports = (0..<each.portCount).map { number in
            let mac = MACAddress(truncating: 0x0200_0000_0000 + UInt64(number))
            let ip = IPv4Address(0x0a00_0000 + UInt32(number))
            var binding = PortBinding(
                id: ObjectID(high: 2, low: UInt64(number)),
                logicalPort: "port-\(number)",
                datapath: datapath.id,
                tunnelKey: UInt16(number + 1),
                addresses: [PortAddress(mac: mac, ips: [.v4(ip)])],
                locations: [.init(chassis: number < localCount ? "host-0" : "host-1", bindSeq: 1)]
            )
            if each.isSecured {
                let prefixes = [IPPrefix(address: .v4(ip), length: 32)].compactMap(\.self)
                binding.portSecurity = [PortSecurityEntry(mac: mac, prefixes: prefixes)]
            }
            return binding
        }
        let records =
            chassis.map { Record.chassis($0) } + [.datapathBinding(datapath)] + ports.map { .portBinding($0) }
        let slots = Dictionary(uniqueKeysWithValues: (0..<localCount).map { ("port-\($0)", UInt16($0)) })
        tables.apply(records.map { .put($0) }, slots: slots, now: .zero)
        return tables
    }

    private static func address(_ host: Int) -> IPv4Address { IPv4Address(0x0a7f_0001 + UInt32(host)) }

    private static func copy(_ bytes: [UInt8]) -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 64)
        memory.copyMemory(from: bytes, byteCount: bytes.count)
        return memory
    }

    // Frames; each has its virtio-net header in front.

    /// UDP in 64 bytes.
    private static func datagram() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: OffloadHeader.byteCount + 64)
        header(&bytes, packetByteCount: 50, isUDP: true)
        bytes[10 + 38] = 0
        bytes[10 + 39] = 30
        bytes[10 + 40] = 1
        return bytes
    }

    /// TCP with so many segments of 1390 octets.
    private static func superpacket(_ segmentCount: Int) -> [UInt8] {
        let payload = segmentCount * 1390
        var bytes = [UInt8](repeating: 7, count: OffloadHeader.byteCount + 66 + payload)
        for index in 0..<76 { bytes[index] = 0 }
        bytes.withUnsafeMutableBytes { memory in
            guard let start = memory.baseAddress else { return }
            var offload = OffloadHeader()
            offload.needsChecksum = true
            offload.kind = .tcpv4
            offload.headerByteCount = 66
            offload.segmentByteCount = 1390
            offload.checksumStart = 34
            offload.checksumOffset = 16
            offload.store(to: start)
        }
        header(&bytes, packetByteCount: 52 + payload, isUDP: false)
        bytes[10 + 46] = 8 << 4
        bytes[10 + 47] = 0x10
        return bytes
    }

    private static func header(_ bytes: inout [UInt8], packetByteCount: Int, isUDP: Bool) {
        let ethernet: [UInt8] = [2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 8, 0]
        let ip: [UInt8] = [
            0x45, 0, UInt8(packetByteCount >> 8), UInt8(packetByteCount & 255), 0, 0, 0x40, 0, 64, isUDP ? 17 : 6, 0, 0,
            10, 0, 0, 0, 10, 0, 0, 0, 0x13, 0x88, 0x13, 0x89,
        ]
        bytes.replaceSubrange(10..<(10 + 14 + ip.count), with: ethernet + ip)
    }

    /// Returns a train from the other host's port for the first one here, with the size of each datagram.
    private static func train(_ each: Case) -> ([UInt8], Int) {
        let source = UInt8(min(each.portCount / 2, localCountMaximum) & 255)
        var frame = each.segmentCount > 0 ? superpacket(each.segmentCount) : datagram()
        let geneve: [UInt8] = [2, 0x40, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 0x80, 1, 0, source + 1, 0, 1]
        frame[10 + 11] = source
        frame[10 + 29] = source
        var train: [UInt8] = []
        frame.withUnsafeMutableBytes { memory in
            guard let start = memory.baseAddress else { return }
            let bytes = start + OffloadHeader.byteCount
            let whole = Frame(bytes, byteCount: memory.count - OffloadHeader.byteCount)
            guard let superpacket = Superpacket(whole, OffloadHeader(start)) else {
                seal(bytes)
                for _ in 0..<64 { train += geneve + memory[10...] }
                return
            }
            var header = [UInt8](repeating: 0, count: superpacket.headerByteCount)
            for index in 0..<superpacket.segmentCount {
                header.withUnsafeMutableBytes { room in
                    if let room = room.baseAddress { superpacket.writeHeader(of: index, to: room) }
                }
                let (offset, byteCount) = superpacket.payload(of: index)
                train += geneve + header + memory[(10 + superpacket.headerByteCount + offset)...].prefix(byteCount)
            }
        }
        return (train, each.segmentCount > 0 ? 16 + 66 + 1390 : 16 + 64)
    }

    /// The checksums of a datagram in 64 bytes.
    private static func seal(_ bytes: UnsafeMutableRawPointer) {
        let ip = bytes + 14
        ip.storeBytes(of: ~WordSum.fold(WordSum.add(ip, count: 20)), toByteOffset: 10, as: UInt16.self)
        ip.storeBytes(of: 0, toByteOffset: 26, as: UInt16.self)
        let pseudo = WordSum.add(ip + 12, count: 8) + UInt64(UInt16(30).bigEndian) + UInt64(UInt16(17).bigEndian)
        let value = ~WordSum.fold(WordSum.add(ip + 20, count: 30, to: pseudo))
        ip.storeBytes(of: value == 0 ? ~0 : value, toByteOffset: 26, as: UInt16.self)
    }
}
