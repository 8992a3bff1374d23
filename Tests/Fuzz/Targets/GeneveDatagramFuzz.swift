import Datapath
import Southbound
import Wire

/// One switch with a port here and one at the sender, so that frames get through to the end.
private let tables: ForwardingTables = {
    let encaps = (1...2).map { IPAddress.v4(IPv4Address(0x0a7f_0000 + UInt32($0))) }
    var input = TableInput(localChassis: "hv1", localEncap: encaps[0], innerMTU: 1442)
    input.chassis = [Chassis(name: "hv2", chassisID: "", hostname: "", encaps: [Encap(ip: encaps[1])])]
    let id = ObjectID(high: 1, low: 1)
    input.datapaths = [DatapathBinding(id: id, name: "ls1", tunnelKey: 5, vlanPassthru: false)]
    input.ports = (1...2).map { key in
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
    input.localPorts = [LocalPort(logicalPort: "vm1", slot: 0)]
    return ForwardingTables.compile(input)
}()

/// Any datagram from the underlay is a frame with somewhere to go, or a drop.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGeneveDatagram(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start = UnsafeRawPointer(start) else { return 0 }
    let packet = TunnelPacket(start, byteCount: count)
    let frame = Frame(start + packet.headerByteCount, byteCount: count - packet.headerByteCount)
    let source = IPAddress.v4(IPv4Address(0x0a7f_0002))
    var cursor = tables.view.processTunnel(packet, frame: frame, from: source, now: .zero).outputs
    while true {
        if case .end = tables.view.nextOutput(&cursor, of: frame) { return 0 }
    }
}
