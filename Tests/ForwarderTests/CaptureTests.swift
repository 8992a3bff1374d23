import CLinux
import Datapath
import Glibc
import Reactor
import Southbound
import Testing
import Wire

@testable import Forwarder

@Suite struct CaptureTests {
    /// A ring and the tap that fills it.
    private struct Capture {
        let ring: CaptureRing
        let tap: OwnedTap

        init(snap: Int = 1 << 17) throws {
            ring = try #require(CaptureRing())
            let file = Descriptor(owning: Int32(clinux_duplicate(ring.descriptor)))
            tap = try #require(OwnedTap(file, snapByteCount: snap))
        }

        func take() -> [CaptureRing.Captured] { ring.take(byteCountMaximum: 1 << 20) }
    }

    @Test func `A guest's frames are captured as they came, with what becomes of them`() throws {
        let net = MemoryHosts(hostCount: 2, places: [0, 0, 1, 0, 1])
        let capture = try Capture()
        net.capture([0: capture.tap], on: 0)
        let frames = [
            MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1)), MemoryHosts.frame(from: 0, to: MemoryHosts.mac(2)),
            MemoryHosts.frame(from: 0, to: MemoryHosts.mac(9)), MemoryHosts.arpRequest(from: 0, for: 2),
            MemoryHosts.frame(from: 0, to: .broadcast), MemoryHosts.frame(from: 0, to: MemoryHosts.mac(0)),
        ]
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        let taken = capture.take()
        let sent = taken.filter { $0.record.fate != .delivered }
        #expect(sent.map(\.bytes) == frames)
        #expect(sent.map(\.record.fate) == [.local, .remote, .dropped, .answered, .copied, .dropped])
        #expect(sent[0].record.slot == 1)
        #expect(sent[1].record.address == net.hosts[1].address)
        #expect(sent[2].record.dropReason == .unknownDestination)
        #expect(sent[3].record.answerKind == .neighbor)
        #expect(sent[4].record.copyCount == 3)
        #expect(sent[5].record.dropReason == .hairpin)
        // The answer, to the guest.
        #expect(taken.filter { $0.record.fate == .delivered }.map(\.bytes) == net.got(0))
        #expect(net.isAccountedFor(on: 0))
        // Once more, by what is kept of the flows.
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        let again = capture.take().filter { $0.record.fate != .delivered }
        #expect(again.map(\.record.fate) == sent.map(\.record.fate))
    }

    @Test func `Frames for a guest are captured as it gets them, from this host and from others`() throws {
        let net = MemoryHosts(hostCount: 2, places: [0, 0, 1])
        let capture = try Capture(snap: 20)
        net.capture([1: capture.tap], on: 0)
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: 1)], from: 0)
        net.drainPort(0, on: 0)
        net.send([MemoryHosts.frame(from: 2, to: MemoryHosts.mac(1), byteCount: 90, mark: 2)], from: 2)
        net.drainPort(2, on: 1)
        net.settleUnderlay()
        net.ports.state.writeErrno[1] = EAGAIN
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), mark: 3)], from: 0)
        net.drainPort(0, on: 0)
        let taken = capture.take()
        #expect(taken.map(\.record.fate) == [.delivered, .delivered, .untaken])
        #expect(taken.map(\.bytes.count) == [20, 20, 20])
        #expect(taken.map(\.record.frameByteCount) == [60, 90, 60])
        #expect(taken.map { $0.bytes.last } == [1, 2, 3])
        #expect(taken[2].record.dropReason == .noRoom)
    }

    @Test func `What port security drops on the way out is captured with the reason`() throws {
        let net = MemoryHosts(hostCount: 2, places: [0, 0, 1]) { binding, number in
            guard number == 1 else { return }
            binding.portSecurity = [PortSecurityEntry(mac: MemoryHosts.mac(1))]
            binding.hasUnknown = true
        }
        let capture = try Capture()
        net.capture([1: capture.tap], on: 0)
        net.send([MemoryHosts.frame(from: 0, to: MemoryHosts.mac(77))], from: 0)
        net.drainPort(0, on: 0)
        net.send([MemoryHosts.frame(from: 2, to: MemoryHosts.mac(78))], from: 2)
        net.drainPort(2, on: 1)
        net.settleUnderlay()
        let taken = capture.take()
        #expect(taken.map(\.record.fate) == [.refused, .refused])
        #expect(taken.map(\.record.dropReason) == [.egressPortSecurity, .egressPortSecurity])
        #expect(net.got(1).isEmpty)
    }

    @Test func `A capture that nobody reads misses frames, and packets go on`() throws {
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        let capture = try Capture()
        net.capture([0: capture.tap], on: 0)
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(1), byteCount: 1500)
        for _ in 0..<4 {
            net.send(Array(repeating: frame, count: 400), from: 0)
            while net.ports.state.toRead[0]?.isEmpty == false { net.drainPort(0, on: 0) }
        }
        #expect(net.got(1).count == 1600)
        let missed = capture.ring.takeMissed()
        #expect(missed > 900)
        var count = 0
        while case let some = capture.take(), !some.isEmpty { count += some.count }
        #expect(UInt64(count) + missed == 1600)
    }
}
