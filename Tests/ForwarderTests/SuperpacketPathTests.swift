import Datapath
import Glibc
import Southbound
import TestSupport
import Testing
import Wire

@testable import Forwarder

/// Superpackets from port to port, over hosts in memory.
@Suite struct SuperpacketPathTests {
    private static let underlay = CounterBlock.underlay
    private static let kinds = [false, true].flatMap { isIPv6 in [false, true].map { Flow(isIPv6: isIPv6, isUDP: $0) } }

    private static func send(_ flow: Flow, _ payload: [UInt8], by size: Int, _ net: MemoryHosts) -> [UInt8] {
        let (frame, header) = flow.superpacket(payload, segmentByteCount: size)
        net.ports.state.vnetHeader = header
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        return frame
    }

    @Test(arguments: kinds.indices, [false, true])
    func `A superpacket crosses hosts as one train and arrives as it was`(kind: Int, isIPv6: Bool) {
        let net = MemoryHosts(hostCount: 2, places: [0, 1], isIPv6: isIPv6)
        net.underlay.state.receivesTrains = true
        let flow = Self.kinds[kind]
        let size = 1442 - flow.headerByteCount + 14
        let payload = Flow.payload(44 * size)
        let frame = Self.send(flow, payload, by: size, net)
        #expect(net.underlay.state.sendCount == 1)
        let datagrams = net.underlay.state.queues[net.hosts[1].address]?.map(\.datagram) ?? []
        #expect(datagrams.map { Array($0[16...]) } == flow.segments(payload, segmentByteCount: size))
        net.settleUnderlay()
        #expect(net.got(1) == [frame])
        #expect(net.count(.receivedFrames, of: 0, on: 0) == 44)
        #expect(net.count(.sentFrames, of: Self.underlay, on: 0) == 44)
        #expect(net.count(.forwardedFrames, of: Self.underlay, on: 1) == 44)
        #expect(net.count(.sentFrames, of: 1, on: 1) == 44)
        #expect(net.count(.receivedBytes, of: 0, on: 0) == net.count(.sentBytes, of: 1, on: 1))
        #expect((0...1).allSatisfy { net.isAccountedFor(on: $0) })
    }

    @Test(arguments: kinds.indices)
    func `Datagrams that come one by one are merged all the same`(kind: Int) {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        let frame = Self.send(Self.kinds[kind], Flow.payload(30_000), by: 1000, net)
        net.settleUnderlay()
        #expect(net.got(1) == [frame])
    }

    @Test(arguments: [false, true])
    func `A run takes what follows from its own sender only`(isIPv6: Bool) {
        let net = MemoryHosts(hostCount: 2, places: [0, 1], isIPv6: isIPv6)
        _ = Self.send(Flow(), Flow.payload(5000), by: 1000, net)
        let target = net.hosts[1].address
        var queue = net.underlay.state.queues[target] ?? []
        let stranger = MemoryHosts.address(of: 9, isIPv6: isIPv6)
        for index in [3, 1] { queue.insert((stranger, queue[index].datagram), at: index) }
        net.underlay.state.queues[target] = queue
        net.settleUnderlay()
        #expect(net.got(1).flatMap { $0[54...] } == Flow.payload(5000))
        #expect(net.drops(.unknownTunnelSource, of: Self.underlay, on: 1) == 2)
        #expect(net.count(.receivedFrames, of: Self.underlay, on: 1) == 7)
        #expect(net.isAccountedFor(on: 1))
    }

    @Test func `A superpacket that needs more than one train arrives whole`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        let flow = Flow(flags: 0x10)
        let payload = Flow.payload(60_000)
        _ = Self.send(flow, payload, by: 100, net)
        net.settleUnderlay()
        let segments = flow.segments(payload, segmentByteCount: 100)
        #expect(net.got(1).flatMap { $0[54...] } == payload)
        #expect(net.count(.sentFrames, of: 1, on: 1) == UInt64(segments.count))
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A port on the same host gets a superpacket untouched`() {
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        let frame = Self.send(Flow(), Flow.payload(5000), by: 1000, net)
        #expect(net.got(1) == [frame])
        #expect(net.ports.state.offloads[1]?.first?.kind == .tcpv4)
        #expect(net.count(.receivedFrames, of: 0, on: 0) == 5)
    }

    @Test func `A superpacket to unknown places reaches ports here and on other hosts`() {
        let net = MemoryHosts(hostCount: 3, places: [0, 0, 1, 2]) { binding, number in
            binding.hasUnknown = true
            if number == 1 { binding.addresses = [] }
        }
        let frame = Self.send(Flow(), Flow.payload(5000), by: 1000, net)
        #expect(net.got(1) == [frame])
        net.settleUnderlay()
        for port in 2...3 { #expect(net.got(port) == [frame]) }
        #expect((0...2).allSatisfy { net.isAccountedFor(on: $0) })
    }

    @Test func `A checksum that is left to be completed is, for other hosts`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        for flow in Self.kinds {
            var (frame, header) = flow.superpacket(Flow.payload(100), segmentByteCount: 100)
            header[1] = 0
            net.ports.state.vnetHeader = header
            net.send([frame], from: 0)
            net.drainPort(0, on: 0)
            net.settleUnderlay()
            frame = flow.frame(Flow.payload(100))
            #expect(net.got(1) == [frame])
        }
        net.ports.state.vnetHeader = [1, 0, 0, 0, 0, 0, 50, 0, 16, 0]
        net.send([Array(Flow().frame([])[..<54])], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.drops(.malformedOffload, of: 0, on: 0) == 1)
    }

    @Test func `UDP segments with DF that do not fit the tunnel are dropped and counted`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1], innerMTU: 1442)
        var (frame, header) = Flow(isUDP: true).superpacket(Flow.payload(5000), segmentByteCount: 1415)
        frame[20] = 0x40
        net.ports.state.vnetHeader = header
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.underlay.state.sendCount == 0)
        #expect(net.drops(.frameTooLong, of: 0, on: 0) == 4)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `Small frames that wait together leave by one send, whatever their destination's order`() {
        let net = MemoryHosts(hostCount: 3, places: [0, 1, 2])
        let frames = (0..<60).map { MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1 + $0 % 2), mark: UInt8($0)) }
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        #expect(net.underlay.state.sendCount == 1)
        net.underlay.state.receivesTrains = true
        net.settleUnderlay()
        for port in 1...2 {
            let expected = frames.enumerated().filter { 1 + $0.offset % 2 == port }.map(\.element)
            #expect(net.got(port) == expected)
        }
    }

    @Test(arguments: [EIO, EINVAL])
    func `A kernel that cuts no trains gets datagrams one by one`(errno: Int32) {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.underlay.state.cutErrnos[net.hosts[1].address] = errno
        for _ in 0..<2 {
            let frame = Self.send(Flow(), Flow.payload(5000), by: 1000, net)
            net.settleUnderlay()
            #expect(net.got(1) == [frame])
        }
        net.ports.state.vnetHeader = [UInt8](repeating: 0, count: 10)
        let frames = (0..<10).map { MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: UInt8($0)) }
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        net.settleUnderlay()
        #expect(net.got(1) == frames)
        #expect(net.count(.singlySentFrames, of: Self.underlay, on: 0) == 20)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A port that takes no superpackets gets the segments`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.ports.state.refusesOffloads = [1]
        for flow in Self.kinds {
            _ = Self.send(flow, Flow.payload(5000), by: 1000, net)
            net.settleUnderlay()
            #expect(net.got(1) == flow.segments(Flow.payload(5000), segmentByteCount: 1000))
        }
        #expect(net.count(.singlySentFrames, of: 1, on: 1) == 15, "datagrams are no longer merged")
        #expect(net.isAccountedFor(on: 1))
    }

    @Test func `Congestion is told outside and taken over inside`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.underlay.state.trafficClass = 3
        for (inner, outer) in [(0, 0), (1, 1), (2, 2), (3, 2)] as [(UInt8, Int32)] {
            net.underlay.state.trafficClasses = []
            _ = Self.send(Flow(trafficClass: inner), Flow.payload(2000), by: 1000, net)
            #expect(net.underlay.state.trafficClasses == [outer])
            net.settleUnderlay()
            let got = net.got(1)
            #expect(got.count == (inner == 0 ? 0 : 1))
            #expect(got.allSatisfy { $0[15] == 3 })
        }
        #expect(net.drops(.congestionUnheard, of: Self.underlay, on: 1) == 2)
        #expect(net.isAccountedFor(on: 1))
    }

    @Test func `A route that cuts no trains slows no other, and is tried again`() {
        let net = MemoryHosts(hostCount: 3, places: [0, 1, 2])
        let odd = net.hosts[1].address
        net.underlay.state.cutErrnos[odd] = EIO
        let payload = Flow.payload(2000)
        for _ in 0..<3 {
            for target in [1, 2] as [UInt8] {
                var (frame, header) = Flow().superpacket(payload, segmentByteCount: 1000)
                frame[5] = target
                net.ports.state.vnetHeader = header
                net.send([frame], from: 0)
                net.drainPort(0, on: 0)
            }
        }
        #expect(net.count(.singlySentFrames, of: Self.underlay, on: 0) == 6)
        // Sent as one, refused and sent one by one; from then on not even tried.
        #expect(net.underlay.state.sendCount == 3 + 3 * 2 + 1)
        net.underlay.state.cutErrnos = [:]
        for _ in 0..<Int(RefusalMemory.pauseCount) { _ = Self.send(Flow(), payload, by: 1000, net) }
        let singly = net.count(.singlySentFrames, of: Self.underlay, on: 0)
        _ = Self.send(Flow(), payload, by: 1000, net)
        #expect(net.count(.singlySentFrames, of: Self.underlay, on: 0) == singly)
        net.settleUnderlay()
        #expect((0...2).allSatisfy { net.isAccountedFor(on: $0) })
    }

    @Test func `A port that takes no UDP superpackets slows no other`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1, 1])
        net.ports.state.refusesOffloads = [1]
        let flow = Flow(isUDP: true)
        let segments = flow.segments(Flow.payload(3000), segmentByteCount: 1000)
        for _ in 0..<3 {
            for target in [1, 2] as [UInt8] {
                var (frame, header) = flow.superpacket(Flow.payload(3000), segmentByteCount: 1000)
                frame[5] = target
                net.ports.state.vnetHeader = header
                net.send([frame], from: 0)
                net.drainPort(0, on: 0)
                net.settleUnderlay()
            }
            #expect(net.got(1).map { $0[6...] } == segments.map { $0[6...] })
            #expect(net.got(2).count == 1)
        }
        #expect(net.count(.singlySentFrames, of: 1, on: 1) == 3)
        #expect(net.count(.singlySentFrames, of: 2, on: 1) == 0)
    }

    @Test func `A datagram that is longer than the tunnel's MTU arrives as one`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        let geneve: [UInt8] = [0x02, 0x40, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 0x80, 1, 0, 1, 0, 2]
        // A host with a larger MTU has sent them.
        let frames = Self.kinds.map { $0.frame(Flow.payload(3000)) }
        net.underlay.state.queues[net.hosts[1].address] = frames.map { (net.hosts[0].address, geneve + $0) }
        net.settleUnderlay()
        #expect(net.got(1) == frames)
        #expect(net.ports.state.offloads[1]?.allSatisfy { $0 == OffloadHeader() } == true)
    }

    @Test func `Flows that come mixed are merged each, and none is reordered`() {
        var generator = SeededGenerator(seed: 3)
        for isCached in [false, true] {
            let net = MemoryHosts(hostCount: 2, places: [0, 1])
            net.underlay.state.receivesTrains = isCached
            var queues = (0..<12).map { number in
                var flow = Flow(isUDP: number % 3 == 0, flags: 0x10)
                flow.acknowledgment = UInt32(number)
                return flow.segments(Flow.payload(5000 + number), segmentByteCount: 500)
            }
            var sent: [[UInt8]] = []
            while let index = queues.indices.filter({ !queues[$0].isEmpty }).randomElement(using: &generator) {
                sent.append(queues[index].removeFirst())
            }
            net.send(sent, from: 0)
            net.ports.state.vnetHeader = [UInt8](repeating: 0, count: 10)
            for _ in 0..<4 { net.drainPort(0, on: 0) }
            net.settleUnderlay()
            let payload = sent.flatMap { $0[($0[23] == 17 ? 42 : 54)...] }
            let got = net.got(1).flatMap { $0[($0[23] == 17 ? 42 : 54)...] }
            #expect(got == payload)
            #expect((0...1).allSatisfy { net.isAccountedFor(on: $0) })
        }
    }
}
