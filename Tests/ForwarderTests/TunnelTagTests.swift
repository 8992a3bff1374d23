import Datapath
import Glibc
import TestSupport
import Testing
import Wire

@testable import Forwarder

/// Tags between two hosts that have keys with each other, and a third that has none.
@Suite struct TunnelTagTests {
    private static let underlay = CounterBlock.underlay

    /// Two hosts with keys and one without; ports 0, 1, 2 are on them in this order.
    private func network() -> MemoryHosts { MemoryHosts(hostCount: 3, places: [0, 1, 2], hasKeys: true) }

    /// The datagrams that wait for a host.
    private func datagrams(for host: Int, _ net: MemoryHosts) -> [[UInt8]] {
        net.underlay.state.queues[net.hosts[host].address]?.map(\.datagram) ?? []
    }

    /// Changes what waits for host 1.
    private func forge(_ net: MemoryHosts, _ change: (inout [UInt8]) -> Void) {
        let address = net.hosts[1].address
        for index in net.underlay.state.queues[address]?.indices ?? 0..<0 {
            if var datagram = net.underlay.state.queues[address]?[index].datagram {
                change(&datagram)
                net.underlay.state.queues[address]?[index].datagram = datagram
            }
        }
    }

    @Test func `Frames cross with a tag of twelve octets and arrive as they were`() {
        let net = network()
        let frames = (0..<70).map { MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), byteCount: 60 + $0 % 7) }
        net.send(frames, from: 0)
        while net.ports.state.toRead[0]?.isEmpty == false { net.drainPort(0, on: 0) }
        let waiting = datagrams(for: 1, net)
        #expect(waiting.count == 70)
        #expect(waiting[0].count == 28 + 60)
        #expect(
            Array(waiting[0][..<20]) == [5, 0x40, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 0x80, 1, 0, 1, 0, 2, 0xff, 0x68, 1, 2]
        )
        #expect(Array(waiting[0][28...]) == frames[0])
        net.settleUnderlay()
        #expect(net.got(1) == frames)
        #expect(net.count(.sentBytes, of: Self.underlay, on: 0) == net.count(.receivedBytes, of: Self.underlay, on: 1))
        #expect((0...1).allSatisfy { net.isAccountedFor(on: $0) })
    }

    @Test(arguments: [false, true], [true, false])
    func `A superpacket crosses with a tag in each segment`(isUDP: Bool, isCut: Bool) {
        let net = network()
        net.underlay.state.receivesTrains = isCut
        if !isCut { net.underlay.state.cutErrnos[net.hosts[1].address] = EIO }
        let flow = Flow(isIPv6: false, isUDP: isUDP)
        let size = 1430 - flow.headerByteCount + 14
        let (frame, header) = flow.superpacket(Flow.payload(44 * size), segmentByteCount: size)
        net.ports.state.vnetHeader = header
        // The first one finds out that trains are refused, and is lost by that.
        for _ in 0..<(isCut ? 1 : 2) {
            net.send([frame], from: 0)
            net.drainPort(0, on: 0)
        }
        #expect(datagrams(for: 1, net).allSatisfy { TunnelTag.isThere($0, byteCount: $0.count) })
        net.settleUnderlay()
        #expect(net.got(1) == [frame])
        #expect(net.drops(.tunnelTagWrong, of: Self.underlay, on: 1) == 0)
    }

    @Test func `What has no tag, a wrong one, or is changed in what is covered goes nowhere`() {
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), byteCount: 100)
        let forgeries: [(inout [UInt8]) -> Void] = [
            { $0 = [2] + $0[1..<16] + $0[28...] },  // no tag
            { $0[20] ^= 1 },  // the tag
            { $0[6] ^= 1 },  // the network
            { $0[13] ^= 2 },  // the ingress port
            { $0[15] ^= 1 },  // the egress port
            { $0[28] ^= 2 },  // the destination
            { $0[28 + 63] ^= 1 },  // the last octet that is covered
            { $0.append(0) },  // the length
            { $0 = Array($0[..<27]) },
        ]
        for (number, forgery) in forgeries.enumerated() {
            let net = network()
            net.send([frame], from: 0)
            net.drainPort(0, on: 0)
            forge(net, forgery)
            net.settleUnderlay()
            #expect(net.got(1).isEmpty, "\(number)")
            #expect(net.drops(.tunnelTagWrong, of: Self.underlay, on: 1) == 1, "\(number)")
            #expect(net.isAccountedFor(on: 1))
        }
    }

    @Test func `A former key is taken, and hosts without keys go on without tags`() {
        let net = network()
        let frame = MemoryHosts.frame(from: 0, to: .broadcast)
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(datagrams(for: 1, net).map(\.count) == [28 + 60] && datagrams(for: 2, net).map(\.count) == [16 + 60])
        // As who still goes by the other key would have made it.
        forge(net) { datagram in
            let plain = [2] + Array(datagram[1..<16])
            let message = plain + [60, 0, 0, 0, 0, 0, 0, 0] + datagram[28...]
            let hash = message.withUnsafeBytes { bytes in
                bytes.baseAddress.map { SipHash.hash($0, count: bytes.count, key: MemoryHosts.keys[1]) } ?? 0
            }
            for index in 0..<8 { datagram[20 + index] = UInt8(truncatingIfNeeded: hash >> (8 * UInt64(index))) }
        }
        net.settleUnderlay()
        #expect(net.got(1) == [frame] && net.got(2) == [frame])
        // Host 2 has no key and host 1 demands none of it.
        let answer = MemoryHosts.frame(from: 2, to: MemoryHosts.mac(1))
        net.send([answer], from: 2)
        net.drainPort(2, on: 2)
        net.settleUnderlay()
        #expect(net.got(1) == [answer])
    }

    @Test func `Nothing is demanded before its time`() {
        let net = network()
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))
        for (seconds, expected) in [(49, [frame]), (50, [])] {
            net.send([frame], from: 0)
            net.drainPort(0, on: 0)
            forge(net) { $0 = [2] + $0[1..<16] + $0[28...] }
            net.hosts[1].path.drainUnderlay(net.hosts[1].generation.pointer, now: .seconds(seconds))
            #expect(net.got(1) == expected)
        }
    }
}
