import Testing

@testable import Forwarder

/// The fate of frames when a forwarder is killed: the batch in hand is lost, everything else goes on, and nothing
/// is forwarded twice.
@Suite struct KillTests {
    /// More than two batches, all different.
    private static let frames = (0..<150).map { number in
        MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), byteCount: 60 + number, mark: UInt8(number))
    }

    /// Checks what has arrived against what still waited in the kernel when the forwarder was killed.
    private static func check(_ got: [[UInt8]], waiting count: Int, _ moment: Int) {
        #expect(got.suffix(count) == frames.suffix(count), "moment \(moment)")
        #expect(Set(got).count == got.count, "moment \(moment)")
        #expect(frames.count - got.count <= PortBuffer.frameCountMaximum, "moment \(moment)")
    }

    @Test func `Killed at any system call on the way from a port, a forwarder loses one batch at most`() {
        var moment = 0
        while true {
            let net = MemoryHosts(hostCount: 2, places: [0, 1])
            net.send(Self.frames, from: 0)
            net.kill(after: moment)
            net.drainPort(0, on: 0)
            guard net.restart(0) else { break }
            let count = net.ports.state.toRead[0]?.count ?? 0
            net.drainPort(0, on: 0)
            net.settleUnderlay()
            Self.check(net.got(1), waiting: count, moment)
            moment += 1
        }
        #expect(moment > 2 * Self.frames.count)
    }

    @Test func `Killed at any system call on the way to a port, a forwarder loses one batch at most`() {
        var moment = 0
        while true {
            let net = MemoryHosts(hostCount: 2, places: [0, 1])
            net.send(Self.frames, from: 0)
            net.drainPort(0, on: 0)
            net.kill(after: moment)
            net.hosts[1].path.drainUnderlay(net.hosts[1].generation.pointer, now: .seconds(100))
            guard net.restart(1) else { break }
            let count = net.underlay.state.queues[net.hosts[1].address]?.count ?? 0
            net.settleUnderlay()
            Self.check(net.got(1), waiting: count, moment)
            moment += 1
        }
        #expect(moment > 2 * Self.frames.count)
    }
}
