import Datapath
import Southbound
import Wire

/// One switch with two secured ports here and one elsewhere, under an MTU that short inputs exceed.
nonisolated(unsafe) private let tables: ForwardingTables = {
    ignoreLeaks()
    defer { watchLeaks() }
    let encaps = (1...2).map { IPAddress.v4(IPv4Address(0x0a7f_0000 + UInt32($0))) }
    let tables = ForwardingTables(localChassis: "hv1", localEncap: encaps[0], innerMTU: 576, hashSeed: 0)
    let chassis = Chassis(name: "hv2", chassisID: "", hostname: "", encaps: [Encap(ip: encaps[1])])
    let id = ObjectID(high: 1, low: 1)
    let responders = (0...1).map { ObjectID(high: 3, low: $0) }
    var datapath = DatapathBinding(id: id, name: "ls1", tunnelKey: 5, vlanPassthru: false)
    datapath.dnsDomain = "example.org"
    datapath.dnsRecords = [responders[0]]
    let server = MACAddress(truncating: 0x02ac_10ff_00fe)
    datapath.routerAdvertisement = RouterAdvertisement(mac: server, linkLocal: server.linkLocalAddress)
    datapath.guardsDHCP = true
    let matches = [
        "ip.ttl == 1 || tcp.flags == 0 || ip6.label > 7", "arp.tpa == 10.0.0.1 || sctp.dst == 80 || icmp4.type == 8",
        "inport == \"vm1\" && udp.dst < 1024 && ip.frag != 0 && vlan.tci != 3 && ip.dscp != 2 && eth.type != 7",
    ]
    datapath.filter = PacketFilter(
        acls: PacketFilter.Direction.allCases.flatMap { direction in
            matches.map { .init(name: "a", direction: direction, tier: 0, match: $0, action: .reject) }
        },
        ports: ["vm1": 1]
    )
    let prefixes = [[], ["172.16.255.0/24", "fd00::/64"], []].map { $0.compactMap { IPPrefix($0) } }
    let ports = (1...3).map { key in
        let mac = MACAddress(truncating: 0x02ac_10ff_0000 + UInt64(key))
        let ipv6 = IPv6Address(high: 0xfd00 << 48, low: UInt64(key))
        return PortBinding(
            id: ObjectID(high: 2, low: UInt64(key)),
            logicalPort: "vm\(key)",
            datapath: id,
            tunnelKey: UInt16(key),
            addresses: [PortAddress(mac: mac, ips: [.v4(IPv4Address(0xac10_ff00 + UInt32(key))), .v6(ipv6)])],
            portSecurity: [PortSecurityEntry(mac: mac, prefixes: prefixes[key - 1])],
            locations: [PortBinding.Location(chassis: key == 3 ? "hv2" : "hv1", bindSeq: 1)],
            dhcpv4Options: responders[0],
            dhcpv6Options: responders[1]
        )
    }
    let networks = ["172.16.255.0/24", "fd00::/64"].compactMap { IPPrefix($0) }
    let options = [[UInt8]]([[3, 4, 172, 16, 255, 1, 254, 1, 65, 67, 1, 66], [0, 23, 0, 2, 1, 2, 0, 59, 0, 1, 65]])
    let servers = (0...1).map { number in
        DHCPResponder(
            id: responders[number],
            cidr: networks[number],
            serverID: number == 0 ? IPv4Address(0xac10_ff01) : nil,
            serverMAC: server,
            leaseTime: 60,
            options: options[number]
        )
    }
    let names = DNSResponder(
        id: responders[0],
        records: ["a.test": [.v4(IPv4Address(1))]],
        pointers: ["b.test": "c.test"]
    )
    let records =
        [Record.chassis(chassis), .datapathBinding(datapath), .dnsResponder(names)]
        + ports.map { .portBinding($0) } + servers.map { .dhcpResponder($0) }
    tables.apply(records.map { .put($0) }, slots: ["vm1": 0, "vm2": 1], now: .zero)
    return tables
}()

// References within enumerations have marked bits, by which the leak checker does not find what the tables keep.
@_silgen_name("__lsan_disable") private func ignoreLeaks()
@_silgen_name("__lsan_enable") private func watchLeaks()

/// Any frame of a guest goes somewhere, is answered or is dropped; the answer fits its buffer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzInnerFrame(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = UnsafeRawPointer(start) else { return 0 }
    let reply = UnsafeMutableRawBufferPointer.allocate(byteCount: Verdict.replyByteCountMaximum, alignment: 1)
    defer { reply.deallocate() }
    let frame = Frame(start, byteCount: count)
    for slot in 0...1 as ClosedRange<UInt16> {
        var verdict = tables.view.process(frame, from: slot, reply: reply)
        precondition(verdict.replyByteCount <= reply.count)
        while verdict.nextOutput(tables.view) != nil {}
    }
    let decision = FilterDecision(identity: 1, vni: 5, ingressKey: 1, egressKey: 2)
    let head = (0..<min(count, 96)).map { start.load(fromByteOffset: $0, as: UInt8.self) }
    precondition(!FilterLogLine(decision: decision, head: head, frameByteCount: count).fields.isEmpty)
    precondition(frame.writeRejection(into: reply) <= reply.count)
    for pathMTU in [1222, 1442, 68] {
        precondition(frame.writeTooBig(pathMTU: pathMTU, into: reply) <= reply.count)
        guard case .fragments(let fragments) = Oversize(frame, nil, pathMTU: pathMTU, identification: 1) else {
            continue
        }
        let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
        defer { header.deallocate() }
        guard let memory = header.baseAddress else { continue }
        for index in 0..<fragments.count {
            precondition(fragments.headerByteCount(of: index) <= header.count)
            fragments.writeHeader(of: index, to: memory)
            let (offset, byteCount) = fragments.payload(of: index)
            precondition(byteCount >= 0 && fragments.payload - start + offset + byteCount <= count)
        }
    }
    return 0
}
