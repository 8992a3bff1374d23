import ForwarderProtocol
import Match
import Wire

/// One of every message, with every kind of field filled.
enum Samples {
    static let v4 = IPAddress.v4(IPv4Address(0x0a7f_0003))
    static let v6 = IPAddress.v6(IPv6Address(high: 0xfd00 << 48, low: 3))
    static let statistics = ForwarderStatistics(
        ports: [port],
        underlay: underlay,
        pollers: [PollerStatistics(name: "from-ports-0", sourceCount: 3, receivedFrames: 1 << 33)],
        paths: [PathStatistics(address: v6, mtu: 1422, tooLongFrames: 3, unsentFrames: 4)]
    )

    private static var port: SourceStatistics {
        var port = SourceStatistics(name: "vm1")
        port.receivedFrames = 6
        port.receivedBytes = 2
        port.forwardedFrames = 1
        port.sentFrames = 3
        port.sentBytes = 4
        port.unsentFrames = 7
        port.singlySentFrames = 8
        port.drops = [NamedCount(name: "hairpin", frames: 5)]
        port.partlyDropped = [NamedCount(name: "frame_too_long", frames: 6)]
        port.answers = [NamedCount(name: "dhcp_offer", frames: 7)]
        return port
    }

    private static var rings: RingLayout {
        let ring = RingLayout.Ring(size: 256, descriptors: 1 << 40, available: 2, used: 3)
        var logged = ring
        logged.usedLog = 4
        return RingLayout(
            features: 1 << 32,
            regions: [RingLayout.Region(guestAddress: 5, byteCount: 6, fileOffset: 7)],
            pairs: [RingLayout.Pair(receiving: logged, sending: ring)],
            log: RingLayout.Log(byteCount: 8, fileOffset: 9)
        )
    }

    private static var underlay: SourceStatistics {
        var underlay = SourceStatistics(name: "")
        underlay.drops = [NamedCount(name: "missing_option", frames: 1 << 40)]
        return underlay
    }

    /// A program of two tests.
    private static var filter: MatchProgram {
        let step = MatchProgram.Step(
            field: .tcpDestination,
            comparison: .less,
            lowestBit: 3,
            mask: 0xff,
            value: UInt128(1) << 100,
            ifTrue: -1,
            ifFalse: -2
        )
        return MatchProgram(steps: [step, step], first: 1) ?? .always
    }

    private static var stormRate: PortRate {
        var rate = PortRate(port: "vm1", bitsPerSecond: 0, burstBits: 0, framesPerSecond: 0)
        rate.storms = StormRates(broadcasts: 1, multicasts: 1 << 40, unknowns: .max)
        return rate
    }

    static let messages: [ForwarderMessage] = [
        .greeting(Greeting(version: 1, processID: 4242, epoch: 0xfedc_ba98_7654_3210, revision: 17, heldCount: 2)),
        .held(.underlay(v6)), .held(.port("vm1")), .held(.learntMACs), .held(.connections), .heldEnd,
        .acknowledged(epoch: 1, revision: 2), .portFailed(name: "vm1", errno: 77), .statistics(statistics),
        .begin(epoch: 1, revision: 2, isSnapshot: true),
        .slots([LocalPort(name: "vm1", slot: 4095), LocalPort(name: "vm2", slot: 0)]),
        .tables(TablePlace(root: 1 << 33, length: 1 << 34)), .underlay(v4),
        .putPort(LocalPort(name: "vm1", slot: 17)), .putPort(LocalPort(name: "vm2", slot: 18, rings: rings)),
        .deletePort(name: "vm1"), .commit,
        .requestStatistics, .learntMACs, .connections, .pathRefused(v6),
        .pathMTU(PathMTU(address: v4, mtu: 1342, isFound: true)),
        .putTunnelKeys(address: v6, keys: [SipHashKey(low: 1, high: .max), SipHashKey(low: 2, high: 3)]),
        .beginCapture(CaptureOrder(number: 1 << 40, port: "vm1", snapByteCount: 128)), .endCapture(number: 1 << 40),
        .capturing(number: 1 << 40, isOn: true),
        .virtualClaimed(name: "vm1", virtualPort: ObjectID(high: 1, low: .max)),
        .portActivated(PortActivation(name: "vm1", mark: .max)),
        .membersReported([
            MembershipReport(vni: 5, portKey: 7, fact: .joined(v4)),
            MembershipReport(vni: 5, portKey: 7, fact: .left(v6)), MembershipReport(vni: 5, portKey: 8, fact: .router),
        ]),
        .mirrors([
            MirrorOrder(ports: ["vm1"], copiesSent: true, copiesReceived: false, sink: .port("vm2")),
            MirrorOrder(ports: ["vm1", "vm2"], copiesSent: false, copiesReceived: true, sink: .gre(v4, key: 7)),
            MirrorOrder(
                ports: ["vm2"],
                copiesSent: true,
                copiesReceived: true,
                sink: .erspan(v6, index: 1 << 20 - 1),
                filter: filter
            ),
        ]),
        .sendingRates([stormRate]),
        .sendingRates([PortRate(port: "vm1", bitsPerSecond: 1 << 40, burstBits: 1, framesPerSecond: .max)]),
        .held(.filterRecord), .filterRecord,
    ]
}
