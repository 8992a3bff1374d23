import CLinux
import Datapath
import ForwarderProtocol
import Foundation
import Glibc
import Reactor
import TestSupport
import Testing
import Wire

@testable import Forwarder

/// What one forwarder leaves behind and the next one makes of it.
@Suite struct JournalTests {
    private static let underlay = CounterBlock.underlay

    /// Frames of every kind that the path treats in its own way; all different, and none asks for an answer.
    private static let frames: [[UInt8]] = {
        let flow = Flow(isUDP: true)
        let stream = Flow(flags: 0x10)
        return [
            flow.frame(Flow.payload(18)), flow.frame(Flow.payload(19)), Flow(isIPv6: true).frame(Flow.payload(500)),
            MemoryHosts.frame(from: 0, to: .broadcast, byteCount: 80, mark: 1),
        ] + stream.segments(Flow.payload(300), segmentByteCount: 100) + [flow.frame(Flow.payload(20))]
    }()

    /// What has come of the frames: all that were merged cut again.
    private static func check(_ got: [[UInt8]], _ moment: String) {
        let payloads = Set(got.map { $0.suffix(18) })
        // A frame of an unknown type does not say how long it is.
        let expected = frames.filter { $0[12] != 0x88 }
        for frame in expected {
            #expect(
                got.contains(frame) || got.contains { $0.count > 300 && $0.suffix(300).contains(frame.suffix(100)) },
                "\(frame.count) octets, \(moment), \(payloads.count)"
            )
        }
        #expect(got.count <= 2 * frames.count, "\(moment)")
    }

    @Test func `Killed at any system call on the way from a port, a forwarder loses nothing`() throws {
        var moment = 0
        while true {
            let net = MemoryHosts(hostCount: 2, places: [0, 1])
            net.send(Self.frames, from: 0)
            net.kill(0, after: moment)
            net.drainPort(0, on: 0)
            guard try net.restart(0) else { break }
            net.recover(0)
            while net.ports.state.toRead[0]?.isEmpty == false { net.drainPort(0, on: 0) }
            net.settleUnderlay()
            Self.check(net.got(1), "moment \(moment)")
            moment += 1
        }
        #expect(moment >= 20)
    }

    @Test(arguments: [false, true])
    func `Killed at any system call on the way to a port, a forwarder loses nothing`(receivesTrains: Bool) throws {
        var moment = 0
        while true {
            let net = MemoryHosts(hostCount: 2, places: [0, 1])
            net.underlay.state.receivesTrains = receivesTrains
            net.send(Self.frames, from: 0)
            while net.ports.state.toRead[0]?.isEmpty == false { net.drainPort(0, on: 0) }
            net.kill(1, after: moment)
            net.hosts[1].path.drainUnderlay(net.hosts[1].generation.pointer, now: .seconds(100))
            guard try net.restart(1) else { break }
            net.recover(1)
            net.settleUnderlay()
            Self.check(net.got(1), "moment \(moment)")
            moment += 1
        }
        #expect(moment > 8)
    }

    @Test func `A superpacket and a checksum that is left to be completed survive`() throws {
        let flow = Flow(flags: 0x10)
        let (frame, header) = flow.superpacket(Flow.payload(5000), segmentByteCount: 1000)
        for moment in 0... {
            let net = MemoryHosts(hostCount: 2, places: [0, 1])
            net.ports.state.vnetHeader = header
            net.send([frame], from: 0)
            net.kill(0, after: moment)
            net.drainPort(0, on: 0)
            guard try net.restart(0) else {
                #expect(moment > 4)
                break
            }
            net.recover(0)
            net.drainPort(0, on: 0)
            net.settleUnderlay()
            #expect(Set(net.got(1)) == [frame], "moment \(moment)")
        }
        let datagram = Flow(isUDP: true).frame(Flow.payload(99))
        var partial = datagram
        let sum = Flow.sum(Array(datagram[26..<34]) + [0, 17] + Array(datagram[38..<40]))
        (partial[40], partial[41]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
        for moment in 0... {
            let net = MemoryHosts(hostCount: 2, places: [0, 1])
            net.ports.state.vnetHeader = [1, 0, 0, 0, 0, 0, 34, 0, 6, 0]
            net.send([partial], from: 0)
            net.kill(0, after: moment)
            net.drainPort(0, on: 0)
            guard try net.restart(0) else { return }
            // By itself: two of them in a row would be merged.
            net.settleUnderlay(only: 1)
            net.recover(0)
            net.drainPort(0, on: 0)
            net.settleUnderlay()
            #expect(Set(net.got(1)) == [datagram], "moment \(moment)")
        }
    }

    @Test func `A frame whose checksum was completed before the end is not spoilt`() throws {
        let owner = MemoryHosts.journal()
        let journal = owner.pollers[0]
        let frame = Flow(isUDP: true).frame(Flow.payload(99))
        let place = journal.portMemory + PollerJournal.room
        journal.markUnread(place)
        (place - 10).copyMemory(from: [1, 0, 0, 0, 0, 0, 34, 0, 6, 0] + frame, byteCount: 10 + frame.count)
        journal.restoreOffload(of: place, byteCount: frame.count)
        #expect(OffloadHeader(place - 10) == OffloadHeader())
        withExtendedLifetime(owner) {}
    }

    @Test func `A frame that ends two forwarders is quarantined, told and dropped from then on`() throws {
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        let poison = Self.frames[1]
        let frames = Array(Self.frames[..<3])
        net.send(frames, from: 0)
        for death in 1...2 {
            net.kill(0, after: .max, poison: poison)
            if death == 1 { net.drainPort(0, on: 0) } else { net.recover(0) }
            #expect(try net.restart(0))
        }
        let told = net.hosts[0].journal.quarantined
        #expect(told.map(\.isDatagram) == [false])
        #expect(told.first?.bytes == [UInt8](repeating: 0, count: 10) + poison)
        net.recover(0)
        net.send([poison, frames[2]], from: 0)
        net.drainPort(0, on: 0)
        #expect(net.got(1) == [frames[0], frames[0], frames[2], frames[2]])
        #expect(net.drops(.quarantined, of: 0, on: 0) == 2)
        #expect(net.isAccountedFor(on: 0))
    }

    @Test func `A datagram that ends two forwarders is quarantined, and the others of its train arrive`() throws {
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        net.underlay.state.receivesTrains = true
        // Datagrams of one size that do not merge.
        let frames = (0..<4).map { index in
            Flow(isUDP: true, trafficClass: UInt8(4 * index)).frame(Flow.payload(80))
        }
        net.send(frames, from: 0)
        net.drainPort(0, on: 0)
        for death in 1...2 {
            net.kill(1, after: .max, poison: frames[2])
            if death == 1 { net.settleUnderlay(only: 1) } else { net.recover(1) }
            #expect(try net.restart(1))
        }
        #expect(net.hosts[1].journal.quarantined.map(\.isDatagram) == [true])
        #expect(net.hosts[1].journal.quarantined.first?.bytes.suffix(frames[2].count) == frames[2][...])
        net.recover(1)
        #expect(net.got(1) == [frames[0], frames[1], frames[3]])
        #expect(net.drops(.quarantined, of: Self.underlay, on: 1) == 1)
        net.send([frames[2]], from: 0)
        net.drainPort(0, on: 0)
        net.settleUnderlay()
        #expect(!net.got(1).contains(frames[2]))
        #expect(net.drops(.quarantined, of: Self.underlay, on: 1) == 2)
    }

    @Test func `The quarantine remembers the newest frames`() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 512, alignment: 8)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: 512)
        defer { memory.deallocate() }
        let quarantine = Quarantine(memory)
        #expect(quarantine.isEmpty)
        func frame(_ number: Int) -> [UInt8] { [UInt8](repeating: UInt8(number), count: 60 + number % 2) }
        for number in 0...Quarantine.countMaximum { _ = quarantine.add(frame(number)[...]) }
        #expect(!quarantine.has(frame(0), 60))
        for number in 1...Quarantine.countMaximum { #expect(quarantine.has(frame(number), 60 + number % 2)) }
        #expect(!quarantine.has(frame(40), 60))
    }

    @Test func `A journal of other size or layout is left aside, and a port that is gone sends nothing`() throws {
        let small = try Journal(pollerCount: 1)
        let large = try Journal(pollerCount: 2, after: small.descriptor)
        #expect(large.descriptor !== small.descriptor)
        small.pollers[0].store(7, .port)
        let next = try Journal(pollerCount: 1, after: small.descriptor)
        #expect(next.pollers[0].load(.port) == 7)
        let net = MemoryHosts(hostCount: 1, places: [0, 0])
        let place = net.hosts[0].journal.pollers[0].portMemory + PollerJournal.room
        place.copyMemory(from: Self.frames[0], byteCount: Self.frames[0].count)
        net.hosts[0].journal.pollers[0].take(0, byteCount: Self.frames[0].count)
        net.hosts[0].journal.pollers[0].beginFrames(of: portKey("another"))
        net.recover(0)
        #expect(net.got(1).isEmpty)
        #expect(net.hosts[0].journal.pollers[0].load(.port) == 0)
    }

    @Test func `Whatever lies in the journal, it is recovered without harm`() throws {
        var generator = SeededGenerator(seed: 4)
        let net = MemoryHosts(hostCount: 2, places: [0, 1])
        for round in 0..<200 {
            let journal = net.hosts[0].journal.pollers[0]
            let words = journal.memory.assumingMemoryBound(to: UInt64.self)
            for index in 0..<2500 { words[index] = .random(in: 0 ... .max, using: &generator) }
            for index in 0..<6 where Bool.random(using: &generator) {
                words[index] = .random(in: 0...64, using: &generator)
            }
            for index in 0..<64 where Bool.random(using: &generator) {
                journal.lengths[index] = .random(in: 0...1500, using: &generator)
                journal.messages[index].msg_len = .random(in: 0...70_000, using: &generator)
            }
            for index in 0..<4096 {
                journal.portMemory.storeBytes(
                    of: .random(in: 0...255, using: &generator),
                    toByteOffset: index,
                    as: UInt8.self
                )
            }
            if round % 2 == 0 { journal.store(portKey("vm-0"), .port) }
            net.hosts[0].journal = try Journal(pollerCount: 1, after: net.hosts[0].journal.descriptor.duplicate())
            net.hosts[0].path = FrameSwitch(
                ports: net.ports,
                underlay: net.underlay,
                counters: net.hosts[0].counters,
                journal: net.hosts[0].journal.pollers[0],
                quarantine: net.hosts[0].journal.quarantine
            )
            net.recover(0)
            #expect(net.hosts[0].journal.pollers[0].load(.recovering) == 0)
        }
        let frame = Self.frames[0]
        net.send([frame], from: 0)
        net.drainPort(0, on: 0)
        net.settleUnderlay()
        #expect(net.got(1).contains(frame))
    }

    @Test func `What the corpus has lies in a journal without harm`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fuzz/Corpus/Journal")
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let bytes = [UInt8](try Data(contentsOf: file))
            let net = MemoryHosts(hostCount: 1, places: [0, 0])
            let journal = net.hosts[0].journal.pollers[0]
            journal.memory.copyMemory(from: bytes, byteCount: 48)
            UnsafeMutableRawPointer(journal.lengths).copyMemory(from: Array(bytes[48...]), byteCount: bytes.count - 48)
            journal.portMemory.copyMemory(from: bytes, byteCount: bytes.count)
            journal.restore()
            _ = journal.suspectBytes()
            net.recover(0)
            #expect(journal.load(.messageCount) == 0)
            withExtendedLifetime(net) {}
        }
    }

    @Test func `A read that was cut short tells its length by the frame`() {
        for frame in Self.frames where frame[12] != 0x88 {
            let padded = frame + [UInt8](repeating: 0, count: 100)
            #expect(Frame.announcedByteCount(padded, maximum: padded.count) == frame.count)
            #expect(Frame.announcedByteCount(padded, maximum: 61) == nil)
        }
        let arp = MemoryHosts.arpRequest(from: 0, for: 1) + [UInt8](repeating: 9, count: 60)
        #expect(Frame.announcedByteCount(arp, maximum: arp.count) == 42)
        let llc = [UInt8](repeating: 1, count: 12) + [0, 50] + [UInt8](repeating: 3, count: 90)
        #expect(Frame.announcedByteCount(llc, maximum: llc.count) == 64)
        #expect(Frame.announcedByteCount(Self.frames[3], maximum: 80) == nil)
    }
}
