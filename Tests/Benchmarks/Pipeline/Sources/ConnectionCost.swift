import Datapath
import Glibc
import Southbound
import Wire

// pipeline connections: connections that begin on one core, and what a host's many of them take.

/// A host with 16 ports on a switch that tracks connections, by 1,000 ACLs over 100 port groups.
private struct TrackedHost {
    static let portCount = 16
    let tables = ForwardingTables(
        localChassis: "hv0",
        localEncap: .v4(IPv4Address(0x0a7f_0001)),
        innerMTU: 1442,
        hashSeed: 7
    )

    init(aclCount: Int) {
        let groups = max(1, aclCount / 10)
        var filter = PacketFilter(acls: [])
        for group in 0..<groups {
            filter.portGroups["g\(group)"] =
                group == 0 ? (1...UInt16(Self.portCount)).map { $0 } : [UInt16(100 + group)]
            let sender = "ip4.src == $g\(group)_ip4"
            filter.addressSets["g\(group)_ip4"] =
                group == 0
                ? (0..<Self.portCount).map { IPPrefix(host: .v4(Self.address($0))) }
                : [IPPrefix(host: .v4(IPv4Address(0x0b00_0000 + UInt32(group))))]
            var matches = (0..<7).map { "tcp.dst == \(5196 + $0)" }
            matches.append("udp")
            for match in matches {
                filter.acls.append(Self.rule("outport == @g\(group) && \(sender) && \(match)", .allowRelated, .toPort))
            }
            filter.acls.append(Self.rule("inport == @g\(group) && ip4", .allowRelated, .fromPort))
            filter.acls.append(Self.rule("outport == @g\(group) && ip", .drop, .toPort))
        }
        var datapath = DatapathBinding(id: ObjectID(high: 1, low: 1), name: "ls1", tunnelKey: 5, vlanPassthru: false)
        datapath.filter = filter
        let ports = (0..<Self.portCount).map { number in
            PortBinding(
                id: ObjectID(high: 2, low: UInt64(number)),
                logicalPort: "port-\(number)",
                datapath: datapath.id,
                tunnelKey: UInt16(number + 1),
                addresses: [PortAddress(mac: Self.mac(number), ips: [])],
                locations: [.init(chassis: "hv0", bindSeq: 1)]
            )
        }
        let records = [Record.datapathBinding(datapath)] + ports.map { .portBinding($0) }
        let slots = Dictionary(uniqueKeysWithValues: (0..<Self.portCount).map { ("port-\($0)", UInt16($0)) })
        tables.apply(records.map { .put($0) }, slots: slots, now: .zero)
    }

    private static func rule(
        _ match: String,
        _ action: PacketFilter.Action,
        _ direction: PacketFilter.Direction
    ) -> PacketFilter.Rule {
        PacketFilter.Rule(name: match, direction: direction, tier: 0, match: match, action: action)
    }

    static func mac(_ number: Int) -> MACAddress { MACAddress(truncating: 0x0200_0000_0000 + UInt64(number)) }
    static func address(_ number: Int) -> IPv4Address { IPv4Address(0x0a00_0001 + UInt32(number)) }

    /// UDP of this flow between two of the ports, or the answer to it.
    static func write(_ flow: Int, isAnswer: Bool, to bytes: UnsafeMutableRawPointer) -> UInt16 {
        let (opener, other) = (flow % 16, (flow + 1 + flow / 16 % 15) % 16)
        let (from, to) = isAnswer ? (other, opener) : (opener, other)
        (bytes.storeBytes(of: UInt8(to), toByteOffset: 5, as: UInt8.self))
        bytes.storeBytes(of: UInt8(from), toByteOffset: 11, as: UInt8.self)
        bytes.storeBytes(of: UInt8(from + 1), toByteOffset: 29, as: UInt8.self)
        bytes.storeBytes(of: UInt8(to + 1), toByteOffset: 33, as: UInt8.self)
        let ports = (
            UInt16(truncatingIfNeeded: 1024 + flow / 240 % 60_000), UInt16(truncatingIfNeeded: 53 + flow / 14_400_000)
        )
        bytes.storeBytes(of: (isAnswer ? ports.1 : ports.0).bigEndian, toByteOffset: 34, as: UInt16.self)
        bytes.storeBytes(of: (isAnswer ? ports.0 : ports.1).bigEndian, toByteOffset: 36, as: UInt16.self)
        return UInt16(from)
    }
}

func measureConnections() {
    print("connections: \(TrackedHost(aclCount: 10_000).tables.byteCount >> 10) KiB of tables with 10,000 ACLs")
    let host = TrackedHost(aclCount: 1000)
    let (descriptor, file) = ConnectionFile.make(key: SipHashKey(low: 1, high: 2))
    guard let connections = file?.connections else {
        print("connections: no memory")
        exit(1)
    }
    let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: Verdict.replyByteCountMaximum, alignment: 64)
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: 60, alignment: 64)
    defer {
        reply.deallocate()
        bytes.deallocate()
    }
    let start: [UInt8] = [
        2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 0,
    ]
    let rest: [UInt8] = [10, 0, 0, 0, 0, 0, 0, 53, 0, 26, 0, 0]
    for (index, octet) in (start + rest + [UInt8](repeating: 0, count: 18)).enumerated() {
        bytes.storeBytes(of: octet, toByteOffset: index, as: UInt8.self)
    }
    let view = host.tables.view
    func passes(_ flow: Int, isAnswer: Bool) -> Bool {
        let slot = TrackedHost.write(flow, isAnswer: isAnswer, to: bytes)
        let frame = Frame(bytes, byteCount: 60)
        var verdict = view.process(frame, from: slot, reply: reply, connections: connections, now: .seconds(100))
        return verdict.nextOutput(view) != nil && verdict.dropReason == nil
    }
    // Each is one of the port that opens it, and one of the other.
    let (total, piece) = (500_000, 50_000)
    var best = Double.infinity
    for first in stride(from: 0, to: total, by: piece) {
        let began = nanoseconds()
        for flow in first..<first + piece { precondition(passes(flow, isAnswer: false), "\(flow)") }
        best = min(best, (nanoseconds() - began) / Double(piece))
        for flow in first..<first + piece { precondition(passes(flow, isAnswer: true), "\(flow)") }
    }
    var count = 0
    connections.forEach(now: .seconds(101)) { connection, _ in
        count += connection.state == "established" ? 1 : 0
        return true
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { exit(1) }
    print("connections: 1,000 ACLs over 100 groups, each packet a new connection of two ports: \(Int(best)) ns")
    print("connections: \(count) of 16 ports, all answered: \((status.st_blocks * 512) >> 20) MiB")
    var worst = 0.0
    for flow in total..<total + 5 * piece where flow % piece == 0 {
        let began = nanoseconds()
        for number in flow..<flow + piece { _ = passes(number, isAnswer: false) }
        worst = max(worst, (nanoseconds() - began) / Double(piece))
    }
    print("connections: beyond a million, refused: \(Int(worst)) ns")
}
