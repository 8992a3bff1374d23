import Datapath
import ForwarderProtocol
import Southbound
import TestSupport
import Testing
import Wire

@testable import Forwarder

/// Nested ports are told from their parents by tags, and are ports like others for all else.
@Suite struct NestedPortTests {
    /// Port 0 is the device; 1 and 2 are nested in it, with the tags 10 and 4095. Port 3 is on the same host, 4 on
    /// another.
    private let net: MemoryHosts

    init() {
        net = MemoryHosts(hostCount: 2, places: [0, 0, 0, 0, 1]) { binding, number in
            guard number == 1 || number == 2 else { return }
            binding.parentPort = "port-0"
            binding.tag = number == 1 ? 10 : 4095
        }
        net.share(device: 0, among: [1, 2])
    }

    private static func tagged(_ frame: [UInt8], _ tag: UInt16, type: [UInt8] = [0x81, 0]) -> [UInt8] {
        frame[..<12] + type + [UInt8(tag >> 8), UInt8(tag & 255)] + frame[12...]
    }

    private func isAccounted() -> Bool { net.isAccountedFor(on: 0) && net.isAccountedFor(on: 1) }

    @Test func `A frame with its tag is a nested port's, and loses the tag`() {
        let near = MemoryHosts.frame(from: 1, to: MemoryHosts.mac(3))
        let far = MemoryHosts.frame(from: 2, to: MemoryHosts.mac(4))
        // The priority is no part of the tag's identifier.
        net.send([Self.tagged(near, 0x6000 | 10), Self.tagged(far, 4095)], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.underlay.state.queues[net.hosts[1].address]?.first?.datagram.prefix(16).suffix(4) == [0, 3, 0, 5])
        net.settleUnderlay()
        #expect(net.got(3) == [near])
        #expect(net.got(4) == [far])
        for port in [1, 2] {
            #expect(net.count(.receivedFrames, of: port, on: 0) == 1)
            #expect(net.count(.receivedBytes, of: port, on: 0) == 60)
        }
        #expect(net.count(.receivedFrames, of: 0, on: 0) == 0)
        #expect(isAccounted())
    }

    @Test func `A frame for a nested port gets its tag, from this host, another one and its sibling`() {
        let fromNear = MemoryHosts.frame(from: 3, to: MemoryHosts.mac(1))
        let fromFar = MemoryHosts.frame(from: 4, to: MemoryHosts.mac(2))
        let fromSibling = MemoryHosts.frame(from: 1, to: MemoryHosts.mac(2))
        let fromParent = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))
        net.send([fromNear], from: 3)
        net.drainPort(3, on: 0)
        net.send([fromFar], from: 4)
        net.drainPort(4, on: 1)
        net.settleUnderlay()
        net.send([Self.tagged(fromSibling, 10), fromParent], from: 0)
        net.drainPort(0, on: 0)
        let expected = [(fromNear, 10), (fromFar, 4095), (fromSibling, 4095), (fromParent, 10)]
        #expect(net.got(0) == expected.map { Self.tagged($0.0, UInt16($0.1)) })
        #expect(net.count(.sentFrames, of: 1, on: 0) == 2)
        #expect(net.count(.sentFrames, of: 2, on: 0) == 2)
        #expect(net.count(.sentBytes, of: 2, on: 0) == 120)
        #expect(isAccounted())
    }

    @Test func `A frame from another host that an ACL drops is counted as that for any port`() {
        let rule = PacketFilter.Rule(
            name: "a",
            direction: .toPort,
            tier: 0,
            match: "outport == \"port-1\" || outport == \"port-3\"",
            action: .drop
        )
        let filter = PacketFilter(acls: [rule], ports: ["port-1": 2, "port-3": 4])
        let net = MemoryHosts(hostCount: 2, places: [0, 0, 0, 0, 1], filter: filter) { binding, number in
            guard number == 1 else { return }
            (binding.parentPort, binding.tag) = ("port-0", 10)
        }
        net.share(device: 0, among: [1])
        for _ in 0..<2 {
            net.send([1, 3].map { MemoryHosts.frame(from: 4, to: MemoryHosts.mac($0)) }, from: 4)
            net.drainPort(4, on: 1)
            net.settleUnderlay()
        }
        for port in [1, 3] { #expect(net.count(.unsentFrames, of: port, on: 0) == 2) }
        #expect(net.drops(.acl, of: CounterBlock.underlay, on: 0) == 4)
        #expect(net.got(0) == [] && net.got(3) == [])
        #expect(net.isAccountedFor(on: 0) && net.isAccountedFor(on: 1))
    }

    @Test func `Other tags are the parent's affair`() {
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(3))
        let known = MemoryHosts.frame(from: 1, to: MemoryHosts.mac(3))
        let priority = Self.tagged(frame, 0)
        net.send(
            [
                Self.tagged(frame, 11), priority, Self.tagged(frame, 10, type: [0x88, 0xa8]),
                Array(Self.tagged(known, 10).prefix(15)), Self.tagged(known, 10),
            ],
            from: 0
        )
        net.drainPort(0, on: 0)
        #expect(net.drops(.vlanTagged, of: 0, on: 0) == 3)
        #expect(net.got(3) == [priority, known])
        #expect(net.count(.receivedFrames, of: 0, on: 0) == 4)
        #expect(isAccounted())
    }

    @Test func `A broadcast of one port comes to all others at the device, each with its tag`() {
        let frame = MemoryHosts.frame(from: 1, to: .broadcast)
        net.send([Self.tagged(frame, 10)], from: 0)
        net.drainPort(0, on: 0)
        net.settleUnderlay()
        #expect(net.got(0) == [frame, Self.tagged(frame, 4095)])
        #expect(net.got(3) == [frame])
        #expect(net.got(4) == [frame])
        #expect(isAccounted())
    }

    @Test func `An answer goes to who has asked, with the tag`() {
        let request = MemoryHosts.arpRequest(from: 2, for: 4)
        net.send([Self.tagged(request, 4095)], from: 0)
        net.drainPort(0, on: 0)
        let answers = net.got(0)
        #expect(answers.count == 1)
        #expect(answers.first.map { Array($0[12..<18]) } == [0x81, 0, 0x0f, 0xff, 8, 6])
        #expect(isAccounted())
    }

    @Test(arguments: [false, true])
    func `A superpacket stays whole both ways`(isIPv6: Bool) {
        let (frame, offload) = Self.superpacket(isIPv6, from: 1, to: 3)
        net.ports.state.vnetHeader = Self.octets(offload.moved(by: 4))
        net.send([Self.tagged(frame, 10)], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(3) == [frame])
        #expect(net.ports.state.offloads.removeValue(forKey: 3) == [offload])
        let (back, _) = Self.superpacket(isIPv6, from: 3, to: 1)
        net.ports.state.vnetHeader = Self.octets(offload)
        net.send([back], from: 3)
        net.drainPort(3, on: 0)
        #expect(net.got(0) == [Self.tagged(back, 10)])
        #expect(net.ports.state.offloads.removeValue(forKey: 0) == [offload.moved(by: 4)])
        #expect(isAccounted())
    }

    @Test func `Segments from another host are merged before they get their tag`() {
        let (frame, offload) = Self.superpacket(false, from: 4, to: 2)
        net.ports.state.vnetHeader = Self.octets(offload)
        net.send([frame], from: 4)
        net.drainPort(4, on: 1)
        net.settleUnderlay()
        #expect(net.got(0) == [Self.tagged(frame, 4095)])
        #expect(net.ports.state.offloads.removeValue(forKey: 0) == [offload.moved(by: 4)])
        #expect(net.count(.sentFrames, of: 2, on: 0) == 5)
    }

    @Test func `A virtio-net header that begins before the tag's end is refused`() {
        var (frame, offload) = Self.superpacket(false, from: 1, to: 3)
        frame = Self.tagged(frame, 10)
        offload.checksumStart = 2
        net.ports.state.vnetHeader = Self.octets(offload)
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.drops(.malformedOffload, of: 1, on: 0) == 1)
        #expect(isAccounted())
    }

    @Test func `What a device sends is limited as a whole`() {
        let frames = (0..<200).map { number in
            Self.tagged(MemoryHosts.frame(from: 1, to: MemoryHosts.mac(3), mark: UInt8(number)), 10)
        }
        net.share(
            device: 0,
            among: [1, 2],
            prices: [(0, SendingPrices(bitsPerSecond: 64_000, burstBits: 6400, framesPerSecond: 0))]
        )
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(3).count < 100)
        #expect(net.hosts[0].path.pause != nil)
    }

    private static func superpacket(
        _ isIPv6: Bool,
        from source: Int,
        to destination: Int
    ) -> (frame: [UInt8], offload: OffloadHeader) {
        let (frame, header) = Flow(isIPv6: isIPv6).superpacket(Flow.payload(5000), segmentByteCount: 1000)
        let macs = MemoryHosts.mac(destination).octets + MemoryHosts.mac(source).octets
        return (macs + frame[12...], OffloadHeader(octets: header))
    }

    private static func octets(_ header: OffloadHeader) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: OffloadHeader.byteCount)
        octets.withUnsafeMutableBytes { memory in if let base = memory.baseAddress { header.store(to: base) } }
        return octets
    }
}
