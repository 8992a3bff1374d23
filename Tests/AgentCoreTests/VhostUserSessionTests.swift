import ForwarderProtocol
import Testing

@testable import AgentCore

/// A VMM's side of the protocol, with numbers in the place of descriptors.
struct TestVMM {
    var session = VhostUserSession<Int>()

    static func bytes(_ words: [any FixedWidthInteger]) -> [UInt8] { words.flatMap { littleEndian($0) } }

    mutating func send(
        _ request: UInt32,
        _ words: [any FixedWidthInteger] = [],
        files: [Int] = [],
        flags: UInt32 = 1
    ) throws -> VhostUserSession<Int>.Reaction {
        let payload = Self.bytes(words)
        let header = try VhostUserHeader(parsing: Self.bytes([request, flags, UInt32(payload.count)]))
        return try session.take(header, payload, files)
    }

    var device: (layout: RingLayout, files: [Int])? { session.device(silent: -1) }

    /// Asks for features and gives the memory: one region of 1 MiB.
    mutating func begin(features: UInt64 = 1 << 32 | 1 << 30 | 1 << 15 | 1 << 1 | 1 << 7 | 1 << 8) throws {
        _ = try send(2, [features])
        _ = try send(16, [UInt64(0b1011)])
        _ = try send(
            5,
            [UInt32(1), UInt32(0), UInt64(0x1000), UInt64(1 << 20), UInt64(0x7f00_0000), UInt64(64)],
            files: [7]
        )
    }

    /// Says all of a ring, number as of the device's, but that it is enabled.
    mutating func startRing(_ number: UInt32) throws {
        _ = try send(8, [number, UInt32(256)])
        _ = try send(10, [number, UInt32(0)])
        let start = 0x7f00_0000 + UInt64(number) * 0x10000
        _ = try send(9, [number, UInt32(0), start, start + 0x2000, start + 0x1000, UInt64(0)])
        _ = try send(12, [UInt64(number)], files: [100 + Int(number)])
        _ = try send(13, [UInt64(number)], files: [200 + Int(number)])
    }
}

@Suite struct VhostUserSessionTests {
    private func reply(_ reaction: VhostUserSession<Int>.Reaction) -> [UInt8]? {
        guard case .bytes(let bytes) = reaction.reply else { return nil }
        return bytes
    }

    private func answer(_ request: UInt32, _ words: [any FixedWidthInteger]) -> [UInt8] {
        let payload = TestVMM.bytes(words)
        return TestVMM.bytes([request, UInt32(5), UInt32(payload.count)]) + payload
    }

    @Test func `Features are offered, and the packed ring is none of them`() throws {
        var vmm = TestVMM()
        let offered = try #require(reply(vmm.send(1)))
        #expect(offered.count == 20)
        for bit in [0, 1, 3, 7, 8, 11, 12, 15, 22, 26, 28, 29, 30, 32] {
            #expect(offered[12 + bit / 8] >> UInt8(bit % 8) & 1 == 1)
        }
        #expect(offered[12 + 34 / 8] >> 2 & 1 == 0)
        #expect(throws: VhostUserError.features(1 << 34)) { try vmm.send(2, [UInt64(1) << 34]) }
        #expect(try reply(vmm.send(15)) == answer(15, [UInt64(0b11011)]))
        #expect(try reply(vmm.send(17)) == answer(17, [UInt64(8)]))
    }

    @Test func `A device is there when both rings of a pair run and are enabled`() throws {
        var vmm = TestVMM()
        try vmm.begin()
        try vmm.startRing(0)
        try vmm.startRing(1)
        #expect(vmm.device == nil)
        #expect(try !vmm.send(18, [UInt32(0), UInt32(1)]).isDeviceChanged)
        #expect(try vmm.send(18, [UInt32(1), UInt32(1)]).isDeviceChanged)
        let device = try #require(vmm.device)
        #expect(device.files == [7, 200, 101, 201])
        #expect(device.layout.regions == [.init(guestAddress: 0x1000, byteCount: 1 << 20, fileOffset: 64)])
        let ring = RingLayout.Ring(size: 256, descriptors: 0x11000, available: 0x12000, used: 0x13000)
        #expect(device.layout.pairs.map(\.sending) == [ring])
        #expect(vmm.session.takesSuperpackets)
        // An interrupt's descriptor is another one.
        #expect(try vmm.send(13, [UInt64(1)], files: [300]).isDeviceChanged)
        #expect(vmm.device?.files == [7, 200, 101, 300])
        #expect(try vmm.send(13, [UInt64(1) | 0x100]).isDeviceChanged)
        #expect(vmm.device?.files == [7, 200, 101, -1])
    }

    @Test func `A VMM without features of the protocol need not enable rings`() throws {
        var vmm = TestVMM()
        try vmm.begin(features: 1 << 32)
        try vmm.startRing(0)
        try vmm.startRing(1)
        #expect(vmm.device != nil)
        #expect(!vmm.session.takesSuperpackets)
    }

    @Test func `Several pairs are served, each with its descriptors`() throws {
        var vmm = TestVMM()
        try vmm.begin()
        for ring in UInt32(0)..<6 {
            try vmm.startRing(ring)
            _ = try vmm.send(18, [ring, UInt32(ring < 2 || ring > 3 ? 1 : 0)])
        }
        #expect(vmm.device?.files == [7, 200, 101, 201, 204, 105, 205])
        #expect(vmm.device?.layout.descriptorCount == 7)
    }

    @Test func `A stopped ring's place is asked of the guest's memory, and the device is gone before`() throws {
        var vmm = TestVMM()
        try vmm.begin()
        for ring in UInt32(0)..<2 {
            try vmm.startRing(ring)
            _ = try vmm.send(18, [ring, UInt32(1)])
        }
        let reaction = try vmm.send(11, [UInt32(1), UInt32(0)])
        #expect(reaction.isDeviceChanged)
        #expect(vmm.device == nil)
        guard case .ringBase(ring: 1, 7, let offset) = reaction.reply else {
            Issue.record("\(reaction.reply)")
            return
        }
        #expect(offset == 64 + 0x12000 + 2)
        #expect(VhostUserSession<Int>.ringBase(1, 77) == answer(11, [UInt32(1), UInt32(77)]))
        // One that does not run has the place that it was told.
        _ = try vmm.send(10, [UInt32(5), UInt32(42)])
        #expect(try reply(vmm.send(11, [UInt32(5), UInt32(0)])) == answer(11, [UInt32(5), UInt32(42)]))
    }

    @Test func `Writes are logged while a guest is moved`() throws {
        var vmm = TestVMM()
        try vmm.begin()
        for ring in UInt32(0)..<2 {
            try vmm.startRing(ring)
            _ = try vmm.send(18, [ring, UInt32(1)])
        }
        let reaction = try vmm.send(6, [UInt64(4096), UInt64(0)], files: [9])
        #expect(reply(reaction) == answer(6, [UInt64(0)]))
        #expect(vmm.device?.layout.log == nil)
        _ = try vmm.send(2, [UInt64(1) << 32 | 1 << 30 | 1 << 26])
        #expect(vmm.device?.layout.log == .init(byteCount: 4096, fileOffset: 0))
        #expect(vmm.device?.files == [7, 9, 200, 101, 201])
        let start: UInt64 = 0x7f00_0000
        _ = try vmm.send(9, [UInt32(0), UInt32(1), start, start + 0x2000, start + 0x1000, UInt64(0x5000)])
        #expect(vmm.device?.layout.pairs.first?.receiving.usedLog == 0x5000)
    }

    @Test func `A word is acknowledged if the VMM waits for it`() throws {
        var vmm = TestVMM()
        #expect(try reply(vmm.send(3, flags: 9)) == nil)
        _ = try vmm.send(16, [UInt64(1) << 3])
        #expect(try reply(vmm.send(3, flags: 9)) == answer(3, [UInt64(0)]))
        #expect(try reply(vmm.send(20, [UInt64(1442)], flags: 9)) == answer(20, [UInt64(0)]))
        #expect(vmm.session.mtu == 1442)
        // A request that is not known is refused.
        #expect(try reply(vmm.send(99, flags: 9)) == answer(99, [UInt64(1)]))
        #expect(throws: VhostUserError.unknownRequest(99)) { try vmm.send(99) }
    }

    @Test func `Memory that cannot be is refused`() throws {
        var vmm = TestVMM()
        let whole: [UInt64] = [0x1000, 0x1000, 0x1000, 0]
        let others: [[UInt64]] = [
            [0x1000, 0, 0x9000, 0], [.max, 2, 0x9000, 0], [0x9000, 2, .max, 0], [0x9000, 1 << 43, 0x9000, 0],
            [0x9000, 0x1000, 0x9000, .max], [0x1fff, 0x1000, 0x9000, 0], [0x9000, 0x1000, 0x1fff, 0],
            [0, 0x1001, 0x9000, 0], [0, 1 << 42, 0x9000, 0],
        ]
        for other in others {
            #expect(throws: VhostUserError.memory) {
                try vmm.send(5, [UInt32(2), UInt32(0)] + whole + other, files: [1, 2])
            }
        }
        #expect(throws: VhostUserError.memory) { try vmm.send(5, [UInt32(9), UInt32(0)], files: []) }
        #expect(throws: VhostUserError.memory) { try vmm.send(5, [UInt32(0), UInt32(0)]) }
        #expect(throws: VhostUserError.descriptorCount(5)) { try vmm.send(5, [UInt32(1), UInt32(0)] + whole) }
        #expect(throws: VhostUserError.length(5)) { try vmm.send(5, [UInt32(2), UInt32(0)] + whole, files: [1, 2]) }
        #expect(throws: VhostUserError.length(5)) { try vmm.send(5) }
    }

    @Test func `Messages that cannot be are refused`() throws {
        var vmm = TestVMM()
        for size: UInt32 in [0, 3, 2048, .max] {
            #expect(throws: VhostUserError.ringSize(size)) { try vmm.send(8, [UInt32(0), size]) }
        }
        for request: UInt32 in [8, 10, 11, 18] {
            #expect(throws: VhostUserError.ringNumber(16)) { try vmm.send(request, [UInt32(16), UInt32(1)]) }
            #expect(throws: VhostUserError.length(request)) { try vmm.send(request, [UInt32(16)]) }
            #expect(throws: VhostUserError.descriptorCount(request)) {
                try vmm.send(request, [UInt32(0), UInt32(1)], files: [1])
            }
        }
        #expect(throws: VhostUserError.ringNumber(255)) { try vmm.send(12, [UInt64(255)], files: [1]) }
        #expect(throws: VhostUserError.descriptorCount(13)) { try vmm.send(13, [UInt64(0)]) }
        #expect(throws: VhostUserError.polling) { try vmm.send(12, [UInt64(0x100)]) }
        #expect(throws: VhostUserError.log) { try vmm.send(6, [UInt64(0), UInt64(0)], files: [1]) }
        #expect(throws: VhostUserError.log) { try vmm.send(6, [UInt64(1), UInt64.max], files: [1]) }
        #expect(throws: VhostUserError.version) { try vmm.send(1, flags: 2) }
        #expect(throws: VhostUserError.replyWithoutRequest) { try vmm.send(1, flags: 5) }
        #expect(throws: VhostUserError.tooLong) {
            try VhostUserHeader(parsing: TestVMM.bytes([UInt32(1), UInt32(1), UInt32(1025)]))
        }
    }

    @Test func `Rings outside the guest's memory make no device`() throws {
        var vmm = TestVMM()
        try vmm.begin()
        for ring in UInt32(0)..<2 {
            try vmm.startRing(ring)
            _ = try vmm.send(18, [ring, UInt32(1)])
        }
        _ = try vmm.send(9, [UInt32(0), UInt32(0), UInt64(5), UInt64(5), UInt64(5), UInt64(0)])
        #expect(vmm.device == nil)
        guard case .bytes = try vmm.send(11, [UInt32(0), UInt32(0)]).reply else {
            Issue.record("a place outside the memory")
            return
        }
    }
}
