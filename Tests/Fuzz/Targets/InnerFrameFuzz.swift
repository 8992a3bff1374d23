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
    let datapath = DatapathBinding(id: id, name: "ls1", tunnelKey: 5, vlanPassthru: false)
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
            locations: [PortBinding.Location(chassis: key == 3 ? "hv2" : "hv1", bindSeq: 1)]
        )
    }
    let records = [Record.chassis(chassis), .datapathBinding(datapath)] + ports.map { .portBinding($0) }
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
