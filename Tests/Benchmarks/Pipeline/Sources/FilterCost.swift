import Datapath
import Southbound
import Wire

// pipeline acls: what ACLs cost a frame that is of no kept flow, and what a change of a set costs the tables.

/// A host with two ports on a switch that has ACLs.
private final class FilteredHost {
    let tables = ForwardingTables(
        localChassis: "hv0",
        localEncap: .v4(IPv4Address(0x0a7f_0001)),
        innerMTU: 1442,
        hashSeed: 7
    )
    private var datapath = DatapathBinding(
        id: ObjectID(high: 1, low: 1),
        name: "ls1",
        tunnelKey: 5,
        vlanPassthru: false
    )
    private var step = 0

    init(_ filter: PacketFilter?) {
        datapath.filter = filter
        let ports = (0..<2).map { number in
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
        tables.apply(records.map { .put($0) }, slots: ["port-0": 0, "port-1": 1], now: .zero)
    }

    static func mac(_ number: Int) -> MACAddress { MACAddress(truncating: 0x0200_0000_0000 + UInt64(number)) }

    /// Another filter.
    func change(_ filter: PacketFilter) {
        step += 1
        datapath.filter = filter
        tables.apply([.put(.datapathBinding(datapath))], now: .seconds(2 * step))
    }

    /// Decides on a frame from the first port to the second one.
    func decide(_ frame: Frame, _ reply: UnsafeMutableRawBufferPointer) -> Bool {
        let view = tables.view
        var verdict = view.process(frame, from: 0, reply: reply)
        return verdict.nextOutput(view) != nil
    }
}

/// UDP from 10.0.0.1, port 1000, to port `to` of 10.0.0.2.
private func datagram(to port: UInt16) -> [UInt8] {
    let ip: [UInt8] = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
    let udp: [UInt8] = [3, 232, UInt8(port >> 8), UInt8(port & 255), 0, 8, 0, 0]
    return FilteredHost.mac(1).octets + FilteredHost.mac(0).octets + [8, 0] + ip + udp
}

private func rules(_ count: Int, _ match: (Int) -> String) -> [PacketFilter.Rule] {
    (0..<count).map { number in
        PacketFilter.Rule(name: "a\(number)", direction: .toPort, tier: 0, match: match(number), action: .allow)
    }
}

func measureFilters() {
    let set = (0..<4096).map { IPPrefix(host: .v4(IPv4Address(0x0b00_0000 + 2 * UInt32($0)))) }
    let group = ["g": [2 as UInt16], "h": [1]]
    let cases: [(String, [PacketFilter.Rule])] = [
        ("no ACLs", []),
        ("1,000 of one group, each of a port", rules(1000) { "outport == @g && ip4 && udp.dst == \($0 + 1)" }),
        (
            "1,000 of one group, each of a sender",
            rules(1000) { "outport == @g && ip4.src == 12.0.\($0 / 256).\($0 % 256)" }
        ),
        (
            "1,000 of one group, each of a port and one set",
            rules(1000) {
                "outport == @g && ip4.src == $s && udp.dst == \($0 + 1)"
            }
        ),
        (
            "1,000 of one group, each of a range of ports",
            rules(1000) {
                "outport == @g && \($0 * 20) <= udp.dst && udp.dst < \($0 * 20 + 30)"
            }
        ),
    ]
    let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: Verdict.replyByteCountMaximum, alignment: 64)
    defer { reply.deallocate() }
    for (name, acls) in cases {
        let filter = PacketFilter(acls: acls, portGroups: group, addressSets: ["s": set])
        let host = FilteredHost(acls.isEmpty ? nil : filter)
        var best = Double.infinity
        let bytes = datagram(to: 500)
        bytes.withUnsafeBytes { memory in
            guard let base = memory.baseAddress else { return }
            let frame = Frame(base, byteCount: memory.count)
            for _ in 0..<10 {
                let start = nanoseconds()
                for _ in 0..<2000 { precondition(host.decide(frame, reply)) }
                best = min(best, (nanoseconds() - start) / 2000)
            }
        }
        print("acls: \(name): \(Int(best)) ns a decision, \(host.tables.byteCount >> 10) KiB")
    }
    var filter = PacketFilter(acls: cases[3].1, portGroups: group, addressSets: ["s": set])
    let host = FilteredHost(filter)
    var best = Double.infinity
    for step in 0..<20 {
        filter.addressSets["s"]?.append(IPPrefix(host: .v4(IPv4Address(0x0c00_0000 + UInt32(step)))))
        let start = nanoseconds()
        host.change(filter)
        best = min(best, nanoseconds() - start)
    }
    print("acls: one address more in a set of 4,096 that 1,000 ACLs name: \(Int(best / 1000)) us in the tables")
}
