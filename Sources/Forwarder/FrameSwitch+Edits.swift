import Datapath
import Glibc
import Wire

// Outputs with headers of their own. A frame is changed in its place, so that it stays one piece with its payload, for
// plain frames and superpackets, for ports and other hosts alike. What waits to be sent lies in the frame's bytes: it
// is sent before they change, and then they are made what they were.

extension FrameSwitch {
    /// Does all that `verdict` says with a frame from a port.
    mutating func performAll(on departure: Departure, _ frame: Frame, _ generation: UnsafePointer<Generation>) {
        let tables = generation.pointee.tables
        // The keys under which the frame waits to be sent.
        var waiting: UInt64?
        var next = verdict.pointee.nextOutput(tables)
        while let output = next {
            next = verdict.pointee.nextOutput(tables)
            let isRemote = output.action.kind == .remote
            if let keys = waiting, isRemote, keys != output.action.tunnelKeys || !output.edit.isEmpty {
                flush(generation)
            }
            if isRemote { waiting = output.action.tunnelKeys }
            guard !output.edit.isEmpty else {
                perform(output.action, on: departure, frame, generation)
                continue
            }
            perform(output, on: departure, frame, isLast: next == nil, generation)
            if isRemote, next != nil { waiting = nil }
        }
    }

    /// Changes a frame and does one thing with it.
    private mutating func perform(
        _ output: Output,
        on departure: Departure,
        _ frame: Frame,
        isLast: Bool,
        _ generation: UnsafePointer<Generation>
    ) {
        let isRemote = output.action.kind == .remote
        let growth = output.edit.growth(of: frame)
        // The room in front of the frame is what lies after the one before.
        if isRemote, growth > 0 { flush(generation) }
        if isRemote, departure.needsChecksum { complete(departure, byteCount: frame.byteCount) }
        let offload = offload(of: departure, isRemote: isRemote)
        let start = Int(offload.checksumStart)
        // One for another host may be too long, which its sender is told about the frame that it knows.
        if isRemote || !isLast { original.save(departure.bytes, frame) }
        let bytes = output.edit.apply(
            to: departure.bytes,
            frame,
            isPartial: offload.needsChecksum && start == frame.transportStart
        )
        var edited = Frame(bytes, byteCount: frame.byteCount + growth)
        var changed = Departure(number: departure.number, bytes: bytes, slot: departure.slot, growth: growth)
        let moved = offload.moved(by: growth)
        moved.store(to: bytes - OffloadHeader.byteCount)
        if departure.superpacket != nil {
            changed.superpacket = Superpacket(edited, moved)
            edited.wirePacketByteCount = changed.superpacket?.wirePacketByteCount ?? edited.wirePacketByteCount
        }
        if departure.superpacket != nil, changed.superpacket == nil {
            drop(departure.number, .malformedOffload)
        } else {
            perform(output.action, on: changed, edited, generation)
        }
        guard !isLast else { return }
        if isRemote { flush(generation) }
        original.restore(departure.bytes, frame)
    }

    /// Returns the offload header of a frame; it is before the frame until that has gone to another host.
    private func offload(of departure: Departure, isRemote: Bool) -> OffloadHeader {
        if let superpacket = departure.superpacket { return superpacket.offload }
        guard departure.needsChecksum, !isRemote else { return OffloadHeader() }
        return OffloadHeader(departure.bytes - OffloadHeader.byteCount)
    }

    /// Changes a frame from another host and gives it to the one port that it is for, merged with others of its flow if
    /// that is possible.
    /// - Parameter headerByteCount: that of the Geneve header in front of it.
    mutating func deliver(
        _ output: Output,
        _ bytes: UnsafeMutableRawPointer,
        _ frame: Frame,
        behind headerByteCount: Int,
        _ generation: UnsafePointer<Generation>
    ) {
        let slot = Int(output.action.slot)
        // Before the frame grows into it.
        let header = RunTable.editedHeader(bytes - Verdict.geneveHeaderByteCount)
        let start = output.edit.apply(to: bytes, frame, isPartial: false)
        let edited = Frame(start, byteCount: frame.byteCount + output.edit.growth(of: frame))
        guard headerByteCount == Verdict.geneveHeaderByteCount, let segment = Segment(edited, start),
            fits(edited, generation), !(segment.isUDP && unmergedPorts.isPausing(slot))
        else {
            makeWay(for: edited, generation)
            return writeAlone(edited, start, to: slot, generation)
        }
        let place = runs.place(edited.flowHash)
        if place.pointee.slot == slot, runs.append(start, byteCount: edited.byteCount, behind: header, to: place) {
            return
        }
        writeRun(place, generation)
        runs.begin(segment, in: place, header: header, slot: slot, connection: room.connection.pointee)
    }

    /// Writes a frame from another host to the ports of this host, as `verdict` says.
    /// - Parameter first: the output that was taken off it already.
    /// - Returns: the reason why a copy, or all of it, went nowhere, and whether any went somewhere.
    func writeAll(
        _ first: Output?,
        _ bytes: UnsafeMutableRawPointer,
        _ frame: Frame,
        _ generation: UnsafePointer<Generation>
    ) -> (isForwarded: Bool, failure: DropReason?) {
        let tables = generation.pointee.tables
        var result: (isForwarded: Bool, failure: DropReason?) = (false, nil)
        var next = first
        while let output = next {
            defer { next = verdict.pointee.nextOutput(tables) }
            switch output.action.kind {
            case .local:
                original.save(bytes, frame)
                let start = output.edit.apply(to: bytes, frame, isPartial: false)
                let byteCount = frame.byteCount + output.edit.growth(of: frame)
                OffloadHeader().store(to: start - OffloadHeader.byteCount)
                let failure = write(start, byteCount, to: Int(output.action.slot), generation)
                original.restore(bytes, frame)
                result.isForwarded = result.isForwarded || failure == nil
                result.failure = failure ?? result.failure
            case .refused:
                counters.add(1, to: .unsentFrames, of: Int(output.action.slot))
                captureRefusal(bytes, frame, output.action, frameCount: 1, from: .unknown, generation)
                result.failure = output.action.reason
            case .remote, .drop, .pipeline, .program, .wider: break
            }
        }
        return result
    }
}

/// The original of those parts of a frame that an edit may change.
struct OriginalHeader: ~Copyable {
    /// The header in front of the frame, Ethernet with two tags and an IP header.
    private static let frontByteCount = Verdict.geneveHeaderByteCount + 22 + 40
    /// The octets of a transport header that an edit may change: up to TCP's checksum.
    private static let transportByteCount = 18

    private let memory: UnsafeMutableRawPointer

    init() {
        memory = .allocate(byteCount: Self.frontByteCount + Self.transportByteCount, alignment: 8)
    }

    deinit {
        memory.deallocate()
    }

    func save(_ bytes: UnsafeMutableRawPointer, _ frame: Frame) {
        memory.copyMemory(from: bytes - Verdict.geneveHeaderByteCount, byteCount: Self.frontByteCount(frame.byteCount))
        let count = Self.transportByteCount(of: frame)
        if count > 0 {
            (memory + Self.frontByteCount).copyMemory(from: bytes + frame.transportStart, byteCount: count)
        }
    }

    func restore(_ bytes: UnsafeMutableRawPointer, _ frame: Frame) {
        restoreFront(bytes, byteCount: frame.byteCount)
        let count = Self.transportByteCount(of: frame)
        if count > 0 {
            (bytes + frame.transportStart).copyMemory(from: memory + Self.frontByteCount, byteCount: count)
        }
    }

    /// Restores a frame of which only the place and the length are known.
    func restore(_ bytes: UnsafeMutableRawPointer, byteCount: Int) -> Frame {
        // The headers in front tell the place of the transport header.
        restoreFront(bytes, byteCount: byteCount)
        restore(bytes, Frame(bytes, byteCount: byteCount))
        return Frame(bytes, byteCount: byteCount)
    }

    private func restoreFront(_ bytes: UnsafeMutableRawPointer, byteCount: Int) {
        (bytes - Verdict.geneveHeaderByteCount).copyMemory(from: memory, byteCount: Self.frontByteCount(byteCount))
    }

    private static func frontByteCount(_ byteCount: Int) -> Int {
        min(frontByteCount, Verdict.geneveHeaderByteCount + byteCount)
    }

    private static func transportByteCount(of frame: Frame) -> Int {
        min(transportByteCount, frame.byteCount - frame.transportStart)
    }
}
