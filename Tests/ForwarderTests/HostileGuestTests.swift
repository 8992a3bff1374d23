import CLinux
import ForwarderProtocol
import Glibc
import Reactor
import Testing

@testable import Forwarder

/// Guests that break the rules: nobody but they themselves has a loss.
@Suite(.timeLimit(.minutes(1))) struct HostileGuestTests {
    private let table = RingTable()
    private let frame = [UInt8](repeating: 7, count: 100)

    private func read(_ device: RingDevice) -> Int {
        var bytes = [UInt8](repeating: 0, count: 70_000)
        return bytes.withUnsafeMutableBytes { $0.baseAddress.map { table.read(device.numbers[0], $0, 69_000) } ?? 0 }
    }

    private func write(_ device: RingDevice, count: Int = 100) -> Int {
        var bytes = [UInt8](repeating: 0, count: 10 + count)
        return bytes.withUnsafeMutableBytes { bytes in
            var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            return table.write(device.numbers[0], &part, 1)
        }
    }

    /// Faults that a guest puts into its sending ring after a frame.
    private static let sendings: [(String, @Sendable (RingGuest) -> Void)] = [
        ("an index that is ahead of the ring", { $0.store(UInt16(65), at: RingGuest.sending.available + 2) }),
        ("an index that goes back", { $0.store(UInt16.max, at: RingGuest.sending.available + 2) }),
        ("a head beyond the ring", { $0.store(UInt16(64), at: RingGuest.sending.available + 4) }),
        ("an address without memory", { $0.store(UInt64(1), at: RingGuest.sending.descriptors) }),
        ("an address at the end of all", { $0.store(UInt64.max, at: RingGuest.sending.descriptors) }),
        ("a buffer for the device", { $0.store(UInt16(2), at: RingGuest.sending.descriptors + 12) }),
        (
            "a chain without end",
            {
                $0.store(UInt16(1), at: RingGuest.sending.descriptors + 12)
                $0.store(UInt16(0), at: RingGuest.sending.descriptors + 14)
            }
        ),
        (
            "a chain that leaves the ring",
            {
                $0.store(UInt16(1), at: RingGuest.sending.descriptors + 12)
                $0.store(UInt16(9999), at: RingGuest.sending.descriptors + 14)
            }
        ),
        (
            "a table without memory",
            {
                $0.describe(0, of: RingGuest.sending.descriptors, 5, 16, flags: 4)
            }
        ),
        (
            "a table of no whole descriptors",
            {
                $0.describe(0, of: RingGuest.sending.descriptors, RingGuest.base + 0x8000, 17, flags: 4)
            }
        ),
        (
            "a table in a table",
            {
                $0.describe(0, of: RingGuest.sending.descriptors, RingGuest.base + 0x8000, 16, flags: 4)
                $0.describe(0, of: RingGuest.table, RingGuest.base + 0x8000, 16, flags: 4)
            }
        ),
        (
            "a table that goes on",
            {
                $0.describe(0, of: RingGuest.sending.descriptors, RingGuest.base + 0x8000, 16, flags: 5, next: 1)
            }
        ),
    ]

    @Test(arguments: sendings.indices) func `A guest that breaks the sending ring's rules is served no more`(
        _ number: Int
    ) throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        guest.send(frame)
        Self.sendings[number].1(guest)
        #expect(read(device) == -Int(EPROTO), "\(Self.sendings[number].0)")
        #expect(guest.usedOfSent == 0)
    }

    @Test func `A frame that is too short or too long is of no use, and the next one is read`() throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        guest.send([])
        guest.send([UInt8](repeating: 1, count: 71_000))
        guest.send(frame)
        #expect(read(device) == -Int(EINVAL))
        #expect(read(device) == -Int(EINVAL))
        #expect(read(device) == 110)
        #expect(guest.usedOfSent == 3)
    }

    @Test(arguments: [
        (UInt64(RingGuest.base) + 0x10000, 12, 0, -EMSGSIZE), (5, 2048, 2, -EMSGSIZE),
        (RingGuest.base + 0x10000, 2048, 0, -EPROTO),
        (RingGuest.base + UInt64(RingGuest.byteCount) - 50, 2048, 2, -EPROTO),
        (RingGuest.base + 0x10000, 11, 2, -EMSGSIZE), (RingGuest.base + 0x10000, 0, 2, -EMSGSIZE),
    ]) func `A buffer that cannot be written takes no frame`(
        _ buffer: (address: UInt64, count: Int, flags: UInt16, result: Int32)
    ) throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        guest.post(1)
        guest.describe(0, of: RingGuest.receiving.descriptors, buffer.address, buffer.count, flags: buffer.flags)
        let result = write(device)
        #expect(result == Int(buffer.result) || result == -Int(EPROTO))
        #expect(guest.usedOfPosted == 0)
    }

    @Test func `Buffers without octets are not looked at without end`() throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        guest.post(1)
        for number in 0..<64 {
            guest.describe(number, of: RingGuest.receiving.descriptors, RingGuest.base, 0, flags: 3, next: number)
            guest.store(UInt16(number), at: RingGuest.receiving.available + 4 + 2 * number)
        }
        guest.store(UInt16(64), at: RingGuest.receiving.available + 2)
        #expect(write(device) == -Int(EPROTO))
    }

    @Test func `Memory whose file is shortened reads as zeros, and the guest is served no more`() throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        guest.post(8)
        guest.send(frame)
        // The buffers are gone, the rings are not.
        try systemCall("ftruncate") { clinux_truncate(guest.file.raw, 0x10000) }
        #expect(read(device) == 110)
        #expect(read(device) == -Int(EIO))
        #expect(write(device) == -Int(EIO))
        // Another guest is not concerned.
        let other = try RingGuest()
        let next = try other.device(in: table)
        other.send(frame)
        #expect(read(next) == 110)
    }

    @Test func `Memory that is shortened while a frame is written harms nobody`() throws {
        let guest = try RingGuest()
        let device = try guest.device(in: table)
        guest.post(8)
        try systemCall("ftruncate") { clinux_truncate(guest.file.raw, 0) }
        _ = write(device)
        #expect(write(device) == -Int(EIO))
        #expect(read(device) == -Int(EIO))
    }

    @Test func `Layouts that do not fit their files are refused`() throws {
        let guest = try RingGuest()
        func refusal(_ change: (inout RingLayout) -> Void, _ descriptors: [Descriptor]? = nil) -> Int32? {
            var layout = guest.layout
            change(&layout)
            do throws(SystemError) {
                _ = try RingDevice(layout, descriptors ?? guest.descriptors, in: table)
                return nil
            } catch {
                return error.errno
            }
        }
        #expect(refusal { _ in } == nil)
        #expect(refusal { $0.regions[0].byteCount = 0 } == EFBIG)
        #expect(refusal { $0.regions[0].byteCount = .max } == EFBIG)
        #expect(refusal { $0.regions[0].fileOffset = .max } == EFBIG)
        #expect(refusal { $0.regions[0].byteCount = UInt64(RingGuest.byteCount) + 1 } == EINVAL)
        #expect(refusal { $0.regions[1].fileOffset = UInt64(RingGuest.byteCount) } == EINVAL)
        #expect(refusal { $0.pairs[0].sending.size = 0 } == EPROTO)
        #expect(refusal { $0.pairs[0].sending.size = 63 } == EPROTO)
        #expect(refusal { $0.pairs[0].sending.size = 2048 } == EPROTO)
        #expect(refusal { $0.pairs[0].sending.descriptors += 8 } == EPROTO)
        #expect(refusal { $0.pairs[0].receiving.available += 1 } == EPROTO)
        #expect(refusal { $0.pairs[0].receiving.used = .max - 1 } == EPROTO)
        #expect(refusal { $0.pairs[0].receiving.used = 0 } == EPROTO)
        #expect(refusal { $0.pairs = [] } == EINVAL)
        #expect(refusal({ _ in }, guest.descriptors.dropLast()) == EINVAL)
        // A pipe, a file in place of an eventfd.
        #expect(refusal({ _ in }, [guest.file, guest.file, guest.file, guest.kick, guest.kick]) == EINVAL)
        #expect(refusal({ _ in }, [guest.kick, guest.file] + guest.descriptors.suffix(3)) == EINVAL)
    }

    @Test func `Random words in rings end no process and no loop`() throws {
        var generator = SystemRandomNumberGenerator()
        let words: [UInt64] = [0, 1, 2, 4, 16, 63, 64, 2048, RingGuest.base, RingGuest.base + 0x10000, .max]
        for _ in 0..<300 {
            let guest = try RingGuest()
            let device = try guest.device(in: table)
            guest.post(16)
            guest.send(frame)
            for _ in 0..<40 {
                let ring = Bool.random(using: &generator) ? RingGuest.sending : RingGuest.receiving
                let part = [ring.descriptors, ring.available, ring.used, RingGuest.table].randomElement() ?? 0
                let word = words.randomElement(using: &generator) ?? 0
                let value = Bool.random(using: &generator) ? word : UInt64.random(in: 0 ... .max, using: &generator)
                let offset = part + Int.random(in: 0..<128, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: guest.store(UInt16(truncatingIfNeeded: value), at: offset & ~1)
                case 1: guest.store(UInt32(truncatingIfNeeded: value), at: offset & ~3)
                default: guest.store(value, at: offset & ~7)
                }
                guest.store(
                    guest.load(UInt16.self, at: RingGuest.sending.used + 2) &+ 1,
                    at: RingGuest.sending.available + 2
                )
                _ = read(device)
                _ = write(device, count: Int.random(in: 1...9000, using: &generator))
            }
        }
    }
}
