import ForwarderProtocol
import Southbound
import TestSupport
import Testing
import Wire

@testable import Datapath
@testable import Forwarder

/// Outputs of one frame with headers of their own, and changed frames from other hosts: what no stage asks for yet.
@Suite struct EditedOutputTests {
    /// Port 0 sends; 1 and 2 are on its host, 3 and 4 on two others.
    private let net = MemoryHosts(hostCount: 3, places: [0, 0, 0, 1, 2])

    private static func edit(_ number: Int, tag: UInt16? = nil) -> Edit {
        var edit = Edit()
        edit.setDestination(MemoryHosts.mac(number).rawValue)
        edit.setSource(.v4(MemoryHosts.ip(number)))
        edit.setSourcePort(UInt16(9000 + number))
        edit.takeHop()
        if let tag { edit.addTag(tag) }
        return edit
    }

    private static func local(_ slot: Int, _ edit: Edit) -> Output {
        Output(action: FlowAction(.local, to: slot), edit: edit)
    }

    private func remote(_ host: Int, to key: Int, _ edit: Edit) -> Output {
        let tables = net.hosts[0].generation.pointer.pointee.tables
        let place = (0..<tables.placeCount).first { tables.place($0) == net.hosts[host].address } ?? 0
        let keys = UInt64(MemoryHosts.datapath.tunnelKey) << 32 | 1 << 16 | UInt64(key)
        return Output(action: FlowAction(.remote, to: place, keys: keys), edit: edit)
    }

    /// Lets port 0's host do all of a list with a frame, as it does with a verdict.
    private func perform(_ outputs: [Output], on bytes: [UInt8], _ header: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count + 64, alignment: 64)
        defer { memory.deallocate() }
        guard let start = memory.baseAddress.map({ $0 + 64 }) else { return }
        UnsafeMutableRawBufferPointer(start: start, count: bytes.count).copyBytes(from: bytes)
        UnsafeMutableRawBufferPointer(start: start - 10, count: 10).copyBytes(from: header)
        var frame = Frame(start, byteCount: bytes.count)
        let offload = OffloadHeader(octets: header)
        var departure = Departure(number: 0, bytes: start, slot: 0)
        if offload.kind == .none {
            departure.needsChecksum = offload.needsChecksum
        } else {
            departure.superpacket = Superpacket(frame, offload)
            frame.wirePacketByteCount = departure.superpacket?.wirePacketByteCount ?? 0
        }
        let host = net.hosts[0]
        host.path.states[0] = .init(frameCount: 1, byteCount: bytes.count)
        let list = UnsafeMutablePointer<Output>.allocate(capacity: outputs.count)
        defer { list.deallocate() }
        for (index, output) in outputs.enumerated() { (list + index).initialize(to: output) }
        host.path.verdict.pointee = Verdict(list, count: outputs.count)
        host.path.performAll(on: departure, frame, host.generation.pointer)
        host.path.flush(host.generation.pointer)
        net.settleUnderlay()
    }

    /// Returns the expected result of an edit on a frame with complete checksums.
    private static func expected(_ number: Int, _ frame: [UInt8], isUDP: Bool, tag: UInt16? = nil) -> [UInt8] {
        var bytes = frame
        bytes.replaceSubrange(0..<6, with: MemoryHosts.mac(number).octets)
        bytes.replaceSubrange(26..<30, with: MemoryHosts.octets(MemoryHosts.ip(number)))
        bytes[22] -= 1
        let port = 9000 + number
        (bytes[34], bytes[35]) = (UInt8(port >> 8), UInt8(port & 255))
        (bytes[24], bytes[25]) = (0, 0)
        put(~Flow.sum(Array(bytes[14..<34])), &bytes, at: 24)
        let field = isUDP ? 40 : 50
        put(0, &bytes, at: field)
        let count = bytes.count - 34
        let pseudo = bytes[26..<34] + [0, isUDP ? 17 : 6, UInt8(count >> 8), UInt8(count & 255)]
        let sum = ~Flow.sum(Array(pseudo + bytes[34...]))
        put(isUDP && sum == 0 ? 0xffff : sum, &bytes, at: field)
        if let tag { bytes.insert(contentsOf: [0x81, 0, UInt8(tag >> 8), UInt8(tag & 255)], at: 12) }
        return bytes
    }

    private static func put(_ value: UInt16, _ bytes: inout [UInt8], at offset: Int) {
        (bytes[offset], bytes[offset + 1]) = (UInt8(value >> 8), UInt8(value & 255))
    }

    /// Returns the frames that a port got, with checksums completed and superpackets cut.
    private func got(_ port: Int) -> [[UInt8]] {
        let offloads = net.ports.state.offloads.removeValue(forKey: Int32(port)) ?? []
        return zip(net.got(port), offloads).flatMap { frame, offload -> [[UInt8]] in
            if offload.kind != .none { return Self.cut(frame, offload) }
            guard offload.needsChecksum else { return [frame] }
            var frame = frame
            let field = Int(offload.checksumStart) + Int(offload.checksumOffset)
            Self.put(~Flow.sum(Array(frame[Int(offload.checksumStart)...])), &frame, at: field)
            return [frame]
        }
    }

    private static func cut(_ frame: [UInt8], _ offload: OffloadHeader) -> [[UInt8]] {
        frame.withUnsafeBytes { memory in
            guard let start = memory.baseAddress,
                let superpacket = Superpacket(Frame(start, byteCount: memory.count), offload)
            else { return [] }
            return (0..<superpacket.segmentCount).map { index in
                var header = [UInt8](repeating: 0, count: superpacket.headerByteCount)
                header.withUnsafeMutableBytes { room in
                    if let room = room.baseAddress { superpacket.writeHeader(of: index, to: room) }
                }
                let (offset, count) = superpacket.payload(of: index)
                return header + frame[(superpacket.headerByteCount + offset)...].prefix(count)
            }
        }
    }

    @Test(arguments: [false, true], [false, true])
    func `Each output of a plain frame has headers of its own, and the last plain one the sender's`(
        isUDP: Bool,
        isPartial: Bool
    ) {
        let flow = Flow(isUDP: isUDP)
        let payload = Flow.payload(100)
        let whole = flow.frame(payload)
        var (frame, header) = (whole, [UInt8](repeating: 0, count: 10))
        if isPartial {
            (frame, header) = flow.superpacket(payload, segmentByteCount: 100)
            header[1] = 0
        }
        perform(
            [
                Self.local(1, Self.edit(1)), Self.local(2, Edit()), remote(1, to: 4, Self.edit(3)),
                remote(2, to: 5, Edit()),
            ],
            on: frame,
            header
        )
        #expect(got(1) == [Self.expected(1, whole, isUDP: isUDP)])
        #expect(got(2) == [whole])
        #expect(got(3) == [Self.expected(3, whole, isUDP: isUDP)])
        #expect(got(4) == [whole])
    }

    @Test(arguments: [false, true])
    func `A tag is put on for one output and not for the others`(isLast: Bool) {
        let whole = Flow(isUDP: true).frame(Flow.payload(64))
        let tagged = remote(1, to: 4, Self.edit(3, tag: 7))
        let plain = remote(2, to: 5, Edit())
        let local = Self.local(1, Self.edit(1, tag: 9))
        perform([local] + (isLast ? [plain, tagged] : [tagged, plain]), on: whole, [UInt8](repeating: 0, count: 10))
        #expect(got(1) == [Self.expected(1, whole, isUDP: true, tag: 9)])
        #expect(got(3) == [Self.expected(3, whole, isUDP: true, tag: 7)])
        #expect(got(4) == [whole])
    }

    @Test(arguments: [false, true])
    func `The segments of a superpacket have the headers of each output`(isUDP: Bool) {
        let flow = Flow(isUDP: isUDP)
        let payload = Flow.payload(4000)
        let (frame, header) = flow.superpacket(payload, segmentByteCount: 1000)
        let segments = flow.segments(payload, segmentByteCount: 1000)
        perform(
            [
                Self.local(1, Self.edit(1)), Self.local(2, Edit()), remote(1, to: 4, Self.edit(3)),
                remote(2, to: 5, Self.edit(4, tag: 5)),
            ],
            on: frame,
            header
        )
        #expect(got(1) == segments.map { Self.expected(1, $0, isUDP: isUDP) })
        #expect(got(2) == segments)
        #expect(got(3) == segments.map { Self.expected(3, $0, isUDP: isUDP) })
        #expect(got(4) == segments.map { Self.expected(4, $0, isUDP: isUDP, tag: 5) })
    }

    @Test(arguments: [nil, 7 as UInt16])
    func `The sender of a frame that is too long after its change is told of the frame that it knows`(
        tag: UInt16?
    ) throws {
        net.paths[0].set(.init(address: net.hosts[1].address, mtu: 1342, isFound: true))
        var frame = Flow(isUDP: true).frame(Flow.payload(1400))
        frame[20] = 0x40
        perform([remote(1, to: 4, Self.edit(3, tag: tag))], on: frame, [UInt8](repeating: 0, count: 10))
        let answer = try #require(net.got(0).first)
        #expect(answer[..<12] == frame[6..<12] + frame[..<6])
        #expect(try ICMPv4Header(parsing: answer.span.extracting(34..<answer.count)).rest == (tag == nil ? 1342 : 1338))
        #expect(answer[42...] == frame[14...].prefix(answer.count - 42))
        #expect(net.got(3).isEmpty)
    }

    /// Lets port 0's host take frames from another one, each with an edit for one of its ports.
    private func take(_ frames: [(bytes: [UInt8], output: Output)]) {
        let host = net.hosts[0]
        let memory = frames.map { frame in
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: frame.bytes.count + 80, alignment: 16)
            room.initializeMemory(as: UInt8.self, repeating: 0)
            UnsafeMutableRawBufferPointer(rebasing: room[80...]).copyBytes(from: frame.bytes)
            return room
        }
        defer { for room in memory { room.deallocate() } }
        for (room, (bytes, output)) in zip(memory, frames) {
            guard let start = room.baseAddress.map({ $0 + 80 }) else { continue }
            let frame = Frame(start, byteCount: bytes.count)
            host.path.deliver(output, start, frame, behind: 16, host.generation.pointer)
        }
        host.path.writeAllRuns(host.generation.pointer)
    }

    @Test(arguments: [false, true], [nil, 7 as UInt16])
    func `Changed segments from another host are merged as others are`(isUDP: Bool, tag: UInt16?) {
        let segments = Flow(isUDP: isUDP).segments(Flow.payload(4000), segmentByteCount: 1000)
        take(segments.map { ($0, Self.local(1, Self.edit(1, tag: tag))) })
        #expect(net.ports.state.offloads[1]?.count == 1)
        #expect(got(1) == segments.map { Self.expected(1, $0, isUDP: isUDP, tag: tag) })
    }

    @Test func `Segments that are alike after their change are merged only for one port`() {
        let segments = Flow(isUDP: false).segments(Flow.payload(2000), segmentByteCount: 1000)
        take([(segments[0], Self.local(1, Self.edit(1))), (segments[1], Self.local(2, Self.edit(1)))])
        #expect(got(1) == [Self.expected(1, segments[0], isUDP: false)])
        #expect(got(2) == [Self.expected(1, segments[1], isUDP: false)])
    }

    @Test func `Two hosts get one frame under keys of their own`() {
        let frame = MemoryHosts.frame(from: 0, to: MemoryHosts.mac(3), mark: 3)
        perform(
            [remote(1, to: 4, Edit()), remote(2, to: 5, Edit())],
            on: frame,
            [UInt8](repeating: 0, count: 10)
        )
        #expect(net.got(3) == [frame] && net.got(4) == [frame])
    }
}
