import Datapath
import Southbound
import Wire

// pipeline tables: what one port's change costs the tables of a host, beside all of them from scratch.

/// A host that shares switches of up to 20,000 ports each with two others.
func measureTables(portCount: Int) {
    let switchCount = max(1, portCount / 20_000)
    let datapaths = (0..<switchCount).map { number in
        DatapathBinding(
            id: ObjectID(high: 1, low: UInt64(number)),
            name: "ls\(number)",
            tunnelKey: UInt32(number + 1),
            vlanPassthru: false
        )
    }
    func port(_ number: Int, ip: UInt32, fence: UInt64 = 1) -> RecordChange {
        let mac = MACAddress(truncating: 0x0200_0000_0000 + UInt64(number))
        let address = IPAddress.v4(IPv4Address(ip))
        return .put(
            .portBinding(
                PortBinding(
                    id: ObjectID(high: 2, low: UInt64(number)),
                    logicalPort: "port-\(number)",
                    datapath: datapaths[number / 20_000].id,
                    tunnelKey: UInt16(number % 20_000 + 1),
                    addresses: [PortAddress(mac: mac, ips: [address])],
                    portSecurity: [
                        PortSecurityEntry(
                            mac: mac,
                            prefixes: [IPPrefix(address: address, length: 32)].compactMap(\.self)
                        )
                    ],
                    locations: [
                        .init(chassis: number < 100 ? "hv0" : "hv\(1 + (number + Int(fence)) % 2)", bindSeq: fence)
                    ]
                )
            )
        )
    }
    let chassis = (0..<3).map { number in
        let ip = IPAddress.v4(IPv4Address(0x0a7f_0001 + UInt32(number)))
        return Chassis(name: "hv\(number)", chassisID: "", hostname: "", encaps: [Encap(ip: ip)])
    }
    let records =
        chassis.map { RecordChange.put(.chassis($0)) } + datapaths.map { .put(.datapathBinding($0)) }
        + (0..<portCount).map { port($0, ip: 0x0a00_0000 + UInt32($0)) }
    let slots = Dictionary(uniqueKeysWithValues: (0..<100).map { ("port-\($0)", UInt16($0)) })
    let encap = IPAddress.v4(IPv4Address(0x0a7f_0001))
    let start = nanoseconds()
    let tables = ForwardingTables(localChassis: "hv0", localEncap: encap, innerMTU: 1442, hashSeed: 7)
    tables.apply(records, slots: slots, now: .zero)
    let scratch = nanoseconds() - start
    var worst = 0.0
    func change(_ count: Int, _ body: (Int) -> RecordChange) -> Double {
        let start = nanoseconds()
        for step in 0..<count {
            let before = nanoseconds()
            tables.apply([body(step)], now: .seconds(2 * step))
            worst = max(worst, nanoseconds() - before)
        }
        return (nanoseconds() - start) / Double(count) / 1000
    }
    func any(_ step: Int) -> Int { (step &* 7919) % portCount }
    let address = change(5000) { port(any($0), ip: 0x0b00_0000 + UInt32($0)) }
    let move = change(5000) { port(any($0), ip: 0x0b00_0000 + UInt32($0), fence: UInt64($0 + 2)) }
    let local = change(5000) { port($0 % 100, ip: 0x0c00_0000 + UInt32($0)) }
    print(
        "tables: \(portCount) ports: from scratch \(Int(scratch / 1e6)) ms, \(tables.byteCount >> 20) MiB; "
            + "another address \(Int(address)) us, a move \(Int(move)) us, "
            + "another address of a port here \(Int(local)) us; "
            + "the longest change, with its copy to a new file, \(Int(worst / 1000)) us"
    )
}
