import ForwarderProtocol
import Southbound
import Wire

/// One of every message, with every kind of field filled.
enum Samples {
    static let v4 = IPAddress.v4(IPv4Address(0x0a7f_0003))
    static let v6 = IPAddress.v6(IPv6Address(high: 0xfd00 << 48, low: 3))
    static let mac = MACAddress(truncating: 0x02ac_10ff_0011)
    static let datapathID = ObjectID(high: 1, low: 2)

    static let chassis = Chassis(
        name: "host-1",
        chassisID: "c1",
        hostname: "",
        encaps: [Encap(ip: v4), Encap(ip: v6)]
    )
    static let datapath = DatapathBinding(id: datapathID, name: "ls1", tunnelKey: 1, vlanPassthru: true)

    static func port(_ number: UInt16, at places: [PortBinding.Location]) -> PortBinding {
        PortBinding(
            id: ObjectID(high: 3, low: UInt64(number)),
            logicalPort: "ls1-vm\(number)",
            datapath: datapathID,
            tunnelKey: number,
            addresses: [PortAddress(mac: mac, ips: [v4, v6])],
            hasUnknown: true,
            portSecurity: IPPrefix("10.0.0.0/8").map { [PortSecurityEntry(mac: mac, prefixes: [$0])] } ?? [],
            requestedChassis: ["host-1", "host-2"],
            locations: places
        )
    }

    static let places = [
        PortBinding.Location(chassis: "host-1", bindSeq: 7),
        PortBinding.Location(chassis: "host-2", bindSeq: 8, state: .standby),
    ]

    static let statistics = ForwarderStatistics(
        ports: [
            SourceStatistics(
                name: "vm1",
                receivedFrames: 6,
                receivedBytes: 2,
                forwardedFrames: 1,
                sentFrames: 3,
                sentBytes: 4,
                unsentFrames: 7,
                singlySentFrames: 8,
                drops: [DropCount(reason: "hairpin", frames: 5)],
                partlyDropped: [DropCount(reason: "frame_too_long", frames: 6)]
            )
        ],
        underlay: SourceStatistics(name: "", drops: [DropCount(reason: "missing_option", frames: 1 << 40)]),
        pollers: [PollerStatistics(name: "from-ports-0", sourceCount: 3, receivedFrames: 1 << 33)],
        paths: [PathStatistics(address: v6, mtu: 1422, tooLongFrames: 3, unsentFrames: 4)]
    )

    static let messages: [ForwarderMessage] = [
        .greeting(Greeting(version: 1, processID: 4242, epoch: 0xfedc_ba98_7654_3210, revision: 17, heldCount: 2)),
        .held(.underlay(v6)), .held(.port("vm1")), .held(.former), .heldEnd,
        .acknowledged(epoch: 1, revision: 2), .portFailed(name: "vm1", errno: 77), .statistics(statistics),
        .begin(epoch: 1, revision: 2, isSnapshot: true),
        .setLocalChassis(LocalChassis(name: "host-1", encapIP: v4, innerMTU: 1442)), .underlay(v4),
        .put(.chassis(chassis)), .put(.datapathBinding(datapath)), .put(.portBinding(port(1, at: places))),
        .delete(.chassis("host-1")), .delete(.datapathBinding(datapathID)), .delete(.portBinding(datapathID)),
        .putPort(LocalPort(name: "vm1", logicalPort: "ls1-vm1")), .deletePort(name: "vm1"), .commit,
        .requestStatistics, .pathRefused(v6), .pathMTU(PathMTU(address: v4, mtu: 1342, isFound: true)),
        .putTunnelKeys(chassis: "h2", keys: [SipHashKey(low: 1, high: .max), SipHashKey(low: 2, high: 3)]),
    ]
}
