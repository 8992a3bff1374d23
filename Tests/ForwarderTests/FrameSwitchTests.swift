import Datapath
import Glibc
import Southbound
import TestSupport
import Testing
import Wire

@testable import Forwarder

@Suite struct FrameSwitchTests {
    private static let underlay = CounterBlock.underlay

    @Test(arguments: [false, true])
    func `A frame for a port on another host goes through the tunnel and arrives as it was`(isIPv6: Bool) {
        let net = MemoryHosts(hostCount: 2, places: [0, 1], isIPv6: isIPv6)
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: 7)
        net.send([frame], from: 0)
        #expect(net.drainPort(0, on: 0) == 0)
        let datagram = net.underlay.state.queues[net.hosts[1].address]?.first?.datagram
        #expect(datagram == [0x02, 0x40, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 0x80, 1, 0, 1, 0, 2] + frame)
        net.settleUnderlay()
        #expect(net.got(1) == [frame])
        #expect(net.count(.receivedFrames, of: 0, on: 0) == 1)
        #expect(net.count(.receivedBytes, of: 0, on: 0) == 60)
        #expect(net.count(.forwardedFrames, of: 0, on: 0) == 1)
        #expect(net.count(.sentFrames, of: Self.underlay, on: 0) == 1)
        #expect(net.count(.sentBytes, of: Self.underlay, on: 0) == 60)
        #expect(net.count(.receivedFrames, of: Self.underlay, on: 1) == 1)
        #expect(net.count(.receivedBytes, of: Self.underlay, on: 1) == 60)
        #expect(net.count(.sentFrames, of: 1, on: 1) == 1)
        #expect(net.count(.sentBytes, of: 1, on: 1) == 60)
    }

    @Test func `A frame for a port on the same host does not leave it`() {
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1) == [frame])
        #expect(net.underlay.state.sendCount == 0)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A broadcast reaches every port once, and each host by one copy`() {
        let net = MemoryHosts(hostCount: 3, places: [0, 0, 1, 1, 2])
        let frame = MemoryHosts.frame(from: 0, to: .broadcast)
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.count(.sentFrames, of: Self.underlay, on: 0) == 2)
        net.settleUnderlay()
        #expect(net.got(0) == [])
        for port in 1...4 { #expect(net.got(port) == [frame]) }
        #expect(net.count(.forwardedFrames, of: 0, on: 0) == 1)
        #expect((0...2).allSatisfy { net.isAccountedFor(on: $0) })
    }

    @Test func `A batch of more copies than one send has messages reaches everybody`() {
        let net = MemoryHosts(hostCount: 6, places: Array(0..<6))
        // Each longer than the one before, so that each begins trains of its own.
        let frames = (0..<64).map { MemoryHosts.frame(from: 0, to: .broadcast, byteCount: 60 + $0) }
        #expect(frames.count * 5 == 5 * TrainBatch.trainCountMaximum)
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        #expect(net.underlay.state.sendCount == 5)
        net.settleUnderlay()
        #expect((1..<6).allSatisfy { net.got($0) == frames })
        #expect(net.count(.sentFrames, of: Self.underlay, on: 0) == 64 * 5)
        #expect(net.count(.forwardedFrames, of: 0, on: 0) == 64)
    }

    @Test func `An ARP request for a port elsewhere is answered on the spot`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.send([MemoryHosts.arpRequest(from: 0, for: 1)], from: 0)
        net.drainPort(0, on: 0)
        let answers = net.got(0)
        #expect(answers.count == 1)
        #expect(answers.first?.prefix(12) == (MemoryHosts.mac(0).octets + MemoryHosts.mac(1).octets)[...])
        #expect(net.underlay.state.sendCount == 0)
        #expect(net.count(.forwardedFrames, of: 0, on: 0) == 1)
        #expect(net.count(.sentFrames, of: 0, on: 0) == 1)
    }

    @Test func `An answer that the port does not take is a counted drop`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.ports.state.writeErrno[0] = EAGAIN
        net.send([MemoryHosts.arpRequest(from: 0, for: 1)], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.drops(.noRoom, of: 0, on: 0) == 1)
        #expect(net.count(.unsentFrames, of: 0, on: 0) == 1)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A frame that does not fit the tunnel is dropped and counted`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1], innerMTU: 1442)
        net.send(
            [
                MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), byteCount: 14 + 1442),
                MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), byteCount: 14 + 1443),
            ],
            from: 0
        )
        net.drainPort(0, on: 0)
        net.settleUnderlay()
        #expect(net.got(1).map(\.count) == [14 + 1442])
        #expect(net.drops(.frameTooLong, of: 0, on: 0) == 1)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `The longest frame goes from port to port`() {
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        let frame = MemoryHosts.frame(
            from: 0,
            to: MemoryHosts.mac(1),
            byteCount: FrameBuffers.frameByteCountMaximum
        )
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1) == [frame])
    }

    @Test func `A turn ends after 8 batches, so that no port waits for another`() {
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        let turn = 8 * PortBuffer.frameCountMaximum
        net.send(Array(repeating: MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1)), count: turn + 1), from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1).count == turn)
        net.drainPort(0, on: 0)
        #expect(net.got(1).count == 1)
        let long = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), byteCount: FrameBuffers.frameByteCountMaximum)
        net.send(Array(repeating: long, count: 20), from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1) == Array(repeating: long, count: 8))
    }

    @Test func `A device that is gone is told, after what it had was forwarded`() {
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        net.ports.state.readErrno[0] = EBADFD
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))], from: 0)
        #expect(net.drainPort(0, on: 0) == EBADFD)
        #expect(net.got(1).count == 1)
    }

    @Test func `A frame that is of no use is counted, and a device that is down is not gone`() {
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))], from: 0)
        net.ports.state.readErrno[0] = EINVAL
        #expect(net.drainPort(0, on: 0) == 0)
        #expect(net.got(1).count == 1)
        // In each batch of the turn.
        #expect(net.drops(.malformedFrame, of: 0, on: 0) == 8)
        #expect(net.isAccountedFor(on: 0))
        net.ports.state.readErrno[0] = ENETDOWN
        #expect(net.drainPort(0, on: 0) == 0)
    }

    @Test func `A port that takes nothing costs only its own copies`() {
        let net = MemoryHosts(hostCount: 1, places: [0, 0, 0])
        net.ports.state.writeErrno[1] = EIO
        net.send([MemoryHosts.frame(from: 0, to: .broadcast)], from: 0)
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(2).count == 1)
        #expect(net.count(.unsentFrames, of: 1, on: 0) == 2)
        #expect(net.count(.forwardedFrames, of: 0, on: 0) == 1)
        #expect(net.drops(.outputError, of: 0, on: 0) == 1)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A send that takes only some messages is gone on with`() {
        let net = MemoryHosts(hostCount: 11, places: Array(0..<11))
        net.underlay.state.sendMaximum = 3
        let frame = MemoryHosts.frame(from: 0, to: .broadcast)
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.underlay.state.sendCount == 4)
        net.settleUnderlay()
        #expect((1...10).allSatisfy { net.got($0) == [frame] })
    }

    @Test func `An ICMP error about an earlier datagram costs no frame`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.underlay.state.sendErrors = [ECONNREFUSED]
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))], from: 0)
        net.drainPort(0, on: 0)
        net.settleUnderlay()
        #expect(net.got(1).count == 1)
        #expect(net.count(.unsentFrames, of: Self.underlay, on: 0) == 0)
    }

    @Test(arguments: [
        ([EAGAIN], DropReason.noRoom), ([ENOBUFS], .noRoom), ([EMSGSIZE], .frameTooLong),
        ([ENETUNREACH, ENETUNREACH], .outputError), ([EPERM], .outputError),
    ])
    func `A message that the underlay refuses is dropped by reason, and the next one goes`(
        errors: [Int32],
        reason: DropReason
    ) {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.underlay.state.sendErrors = errors
        // A longer frame begins a train of its own.
        let frames = (0..<2).map { MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), byteCount: 60 + $0) }
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        net.settleUnderlay()
        #expect(net.got(1) == [frames[1]])
        #expect(net.drops(reason, of: 0, on: 0) == 1)
        #expect(net.count(.unsentFrames, of: Self.underlay, on: 0) == 1)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A copy that egress security refuses counts at its port, the frame only if nobody got it`() {
        let net = MemoryHosts(hostCount: 1, places: [0, 0, 0]) { binding, number in
            if number == 1 { binding.portSecurity = [PortSecurityEntry(mac: MemoryHosts.mac(99))] }
        }
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1).isEmpty)
        #expect(net.drops(.egressPortSecurity, of: 0, on: 0) == 1)
        #expect(net.count(.unsentFrames, of: 1, on: 0) == 1)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `What comes from a stranger, cut short or for nobody is dropped and counted at the underlay`() {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        let header: [UInt8] = [0x02, 0x40, 0x65, 0x58, 0, 0, 5, 0, 1, 2, 0x80, 1, 0, 1, 0, 2]
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1))
        let friend = net.hosts[0].address
        let stranger = MemoryHosts.address(of: 9, isIPv6: false)
        var wrongKey = header
        wrongKey[15] = 77
        net.underlay.state.queues[net.hosts[1].address] = [
            (stranger, header + frame), (friend, Array(header[..<5])), (friend, wrongKey + frame), (friend, []),
            (friend, header + frame),
        ]
        net.settleUnderlay()
        #expect(net.got(1) == [frame])
        #expect(net.drops(.unknownTunnelSource, of: Self.underlay, on: 1) == 1)
        #expect(net.drops(.malformedTunnel, of: Self.underlay, on: 1) == 2)
        #expect(net.drops(.unknownEgressKey, of: Self.underlay, on: 1) == 1)
        #expect(net.count(.receivedFrames, of: Self.underlay, on: 1) == 5)
        #expect(net.isAccountedFor(on: 1))
    }

    @Test func `Random frames and random datagrams are all accounted for, and break nothing`() {
        var generator = SeededGenerator(seed: 11)
        let net = MemoryHosts(hostCount: 3, places: [0, 0, 1, 1, 2]) { binding, number in
            binding.hasUnknown = number == 3
            if number == 2 { binding.portSecurity = [PortSecurityEntry(mac: MemoryHosts.mac(2))] }
        }
        for round in 0..<2000 {
            let port = Int.random(in: 0..<5, using: &generator)
            var frame = MemoryHosts.frame(
                from: Int.random(in: 0..<6, using: &generator),
                to: Bool.random(using: &generator)
                    ? .broadcast : MemoryHosts.mac(.random(in: 0..<6, using: &generator)),
                byteCount: .random(in: 14...1600, using: &generator)
            )
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                frame[.random(in: 0..<frame.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            frame.removeLast(.random(in: 0...frame.count, using: &generator) / 8)
            net.ports.state.writeErrno[Int32(port)] = round % 7 == 0 ? ENOBUFS : nil
            net.underlay.state.sendErrors = round % 11 == 0 ? [0, EAGAIN] : []
            net.send([frame], from: port)
            net.drainPort(port, on: [0, 0, 1, 1, 2][port])
            if round % 5 == 0 {
                let noise = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                net.underlay.state.queues[net.hosts[round % 3].address, default: []].append(
                    (net.hosts[(round + 1) % 3].address, noise)
                )
            }
            net.settleUnderlay()
        }
        #expect((0...2).allSatisfy { net.isAccountedFor(on: $0) })
        let sent = (0...2).reduce(0) { $0 + net.count(.sentFrames, of: Self.underlay, on: $1) }
        let received = (0...2).reduce(0) { $0 + net.count(.receivedFrames, of: Self.underlay, on: $1) }
        #expect(received == sent + 400)
    }
}
