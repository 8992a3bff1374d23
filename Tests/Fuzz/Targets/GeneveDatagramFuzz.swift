import Datapath
import Southbound
import Wire

/// One switch with a port here and one at the sender, so that frames get through to the end.
nonisolated(unsafe) private let tables: ForwardingTables = {
    ignoreLeaks()
    defer { watchLeaks() }
    let encaps = (1...2).map { IPAddress.v4(IPv4Address(0x0a7f_0000 + UInt32($0))) }
    let tables = ForwardingTables(localChassis: "hv1", localEncap: encaps[0], innerMTU: 1442, hashSeed: 0)
    let chassis = Chassis(name: "hv2", chassisID: "", hostname: "", encaps: [Encap(ip: encaps[1])])
    let id = ObjectID(high: 1, low: 1)
    let datapath = DatapathBinding(id: id, name: "ls1", tunnelKey: 5, vlanPassthru: false)
    let ports = (1...2).map { key in
        let mac = MACAddress(truncating: 0x02ac_10ff_0000 + UInt64(key))
        return PortBinding(
            id: ObjectID(high: 2, low: UInt64(key)),
            logicalPort: "vm\(key)",
            datapath: id,
            tunnelKey: UInt16(key),
            addresses: [PortAddress(mac: mac)],
            hasUnknown: true,
            portSecurity: [PortSecurityEntry(mac: mac, prefixes: [IPPrefix("172.16.255.0/24")].compactMap { $0 })],
            locations: [PortBinding.Location(chassis: "hv\(key)", bindSeq: 1)]
        )
    }
    let records = [Record.chassis(chassis), .datapathBinding(datapath)] + ports.map { .portBinding($0) }
    tables.apply(records.map { .put($0) }, slots: ["vm1": 0], now: .zero)
    return tables
}()

// References within enumerations have marked bits, by which the leak checker does not find what the tables keep.
@_silgen_name("__lsan_disable") private func ignoreLeaks()
@_silgen_name("__lsan_enable") private func watchLeaks()

/// Any datagram from the underlay is a frame with somewhere to go, or a drop.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGeneveDatagram(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = UnsafeRawPointer(start) else { return 0 }
    let packet = TunnelPacket(start, byteCount: count)
    let frame = Frame(start + packet.headerByteCount, byteCount: count - packet.headerByteCount)
    let source = IPAddress.v4(IPv4Address(0x0a7f_0002))
    var verdict = tables.view.processTunnel(packet, frame: frame, from: source, now: .zero)
    while verdict.nextOutput(tables.view) != nil {}
    return 0
}
