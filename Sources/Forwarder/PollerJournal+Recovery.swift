import CLinux
import Datapath
import Glibc

// What a process that has ended has left behind. Any of it may be torn, so all of it is checked.

extension PollerJournal {
    /// The frame or datagram that has ended two processes, from 1 on; 0 for none: once in a batch, and once when it was
    /// handed on alone.
    var suspect: UInt64 { load(.recovering) }

    /// The next frame that was read and not handed on; the last one may be of a read that was cut short.
    /// - Parameters:
    ///   - number: from 0 on.
    ///   - offset: from 0 on; moves behind the frame.
    func leftoverFrame(_ number: Int, _ offset: inout Int) -> (frame: UnsafeMutableRawPointer, byteCount: Int)? {
        let count = min(load(.frameCount), UInt64(PortBuffer.frameCountMaximum))
        guard load(.port) != 0, number <= count, number < PortBuffer.frameCountMaximum,
            offset < PortBuffer.batchByteCountMaximum
        else { return nil }
        let frame = portMemory + (offset + Self.room)
        let byteCount: Int
        if number < count {
            byteCount = Int(lengths[number])
        } else {
            // The kernel writes the header first; of the length it has told only the process that is gone.
            guard hasUnreadRoom(frame), (frame - 8).loadUnaligned(as: UInt64.self) != Self.mark,
                let announced = Frame.announcedByteCount(frame, maximum: FrameBuffers.frameByteCountMaximum)
            else { return nil }
            byteCount = announced
        }
        guard byteCount <= FrameBuffers.frameByteCountMaximum else { return nil }
        offset += Self.room + byteCount
        return (frame, byteCount)
    }

    /// Puts the virtio-net header back in front of a frame where a Geneve header has taken its place.
    func restoreOffload(of frame: UnsafeMutableRawPointer, byteCount: Int) {
        let header = frame - OffloadHeader.byteCount
        // A checksum is completed before the Geneve header is written.
        guard hasUnreadRoom(frame) else { return OffloadHeader().store(to: header) }
        let offload = OffloadHeader(header)
        if offload.kind == .none, offload.needsChecksum, Frame(frame, byteCount: byteCount).hasCompleteChecksum {
            OffloadHeader().store(to: header)
        }
    }

    /// The octets of the suspect; its headers have been restored.
    func suspectBytes() -> (isDatagram: Bool, bytes: [UInt8])? {
        var number: UInt64 = 0
        var offset = 0
        while load(.port) != 0, let (frame, byteCount) = leftoverFrame(Int(number), &offset) {
            number += 1
            guard number == suspect else { continue }
            restoreOffload(of: frame, byteCount: byteCount)
            let start = frame - OffloadHeader.byteCount
            return (false, Array(UnsafeRawBufferPointer(start: start, count: OffloadHeader.byteCount + byteCount)))
        }
        let receiving = ReceiveBatch(self)
        number = 0
        for message in 0..<leftoverMessageCount {
            guard let train = receiving.leftover(message) else { continue }
            var offset = 0
            while offset < train.byteCount {
                let byteCount = min(train.datagramByteCount, train.byteCount - offset)
                number += 1
                if number == suspect {
                    return (true, Array(UnsafeRawBufferPointer(start: train.bytes + offset, count: byteCount)))
                }
                offset += byteCount
            }
        }
        return nil
    }

    /// Messages to look at.
    var leftoverMessageCount: Int { Int(min(load(.messageCount), UInt64(FrameBuffers.slotCount))) }

    /// Whether the six octets in front of where the virtio-net header goes are still as they were marked.
    private func hasUnreadRoom(_ frame: UnsafeMutableRawPointer) -> Bool {
        (frame - Self.room).loadUnaligned(as: UInt64.self) & 0xffff_ffff_ffff == Self.mark & 0xffff_ffff_ffff
    }
}

extension FrameSwitch {
    /// Hands on what the process before this one had taken and not handed on, one frame after the other. Which one is
    /// under way is noted: one that has ended this process, too, is left out the next time.
    mutating func recover(_ generation: UnsafePointer<Generation>, now: Duration) {
        self.now = now
        recoverFrames(generation)
        recoverDatagrams(generation, now: now)
        journal.endFrames()
        journal.endMessages()
        journal.store(0, .recovering)
    }

    private mutating func recoverFrames(_ generation: UnsafePointer<Generation>) {
        // A port that is gone sends nothing any more.
        guard let slot = generation.pointee.slot(ofPort: journal.load(.port)) else { return }
        let suspect = journal.suspect
        var ordinal: UInt64 = 0
        var offset = 0
        while let (frame, byteCount) = journal.leftoverFrame(Int(ordinal), &offset) {
            ordinal += 1
            if ordinal < suspect { continue }
            if ordinal == suspect {
                countQuarantined(byteCount, of: slot)
                continue
            }
            journal.store(ordinal, .recovering)
            journal.restoreOffload(of: frame, byteCount: byteCount)
            forwardAlone(frame, byteCount, from: slot, generation)
        }
    }

    private mutating func recoverDatagrams(_ generation: UnsafePointer<Generation>, now: Duration) {
        let suspect = journal.suspect
        var ordinal: UInt64 = 0
        for message in 0..<journal.leftoverMessageCount {
            guard let train = receiving.leftover(message) else { continue }
            var offset = 0
            while offset < train.byteCount {
                let byteCount = min(train.datagramByteCount, train.byteCount - offset)
                let datagram = train.bytes + offset
                offset += byteCount
                ordinal += 1
                if ordinal < suspect { continue }
                if ordinal == suspect {
                    countQuarantined(byteCount, of: CounterBlock.underlay)
                    continue
                }
                journal.store(ordinal, .recovering)
                deliverAlone(datagram, byteCount, of: train, message, generation, now: now)
            }
        }
    }

    func countQuarantined(_ byteCount: Int, of source: CounterBlock.Source) {
        counters.add(1, to: .receivedFrames, of: source)
        counters.add(UInt64(byteCount), to: .receivedBytes, of: source)
        counters.addDrop(.quarantined, of: source)
    }
}
