import Testing

@testable import Datapath

@Suite struct MirrorHeaderTests {
    private static func octets(_ header: MirrorHeader, sequence: UInt32) -> [UInt8] {
        withUnsafeTemporaryAllocation(byteCount: MirrorHeader.byteCountMaximum, alignment: 8) { memory in
            guard let base = memory.baseAddress else { return [] }
            header.write(to: base, sequence: sequence)
            return Array(memory.prefix(header.byteCount))
        }
    }

    @Test func `GRE has Ethernet's type and the key`() {
        #expect(Self.octets(.gre(key: 0x0102_0304), sequence: 9) == [0x20, 0, 0x65, 0x58, 1, 2, 3, 4])
    }

    @Test func `ERSPAN has a sequence number, the session and the index`() {
        #expect(
            Self.octets(.erspan(index: 0xf_fe05), sequence: 0x0a0b_0c0d) == [
                0x10, 0, 0x88, 0xbe, 0x0a, 0x0b, 0x0c, 0x0d, 0x10, 0, 0x02, 0x05, 0, 0x0f, 0xfe, 0x05,
            ]
        )
        // No more than fits.
        #expect(Self.octets(.erspan(index: .max), sequence: 0).suffix(8) == [0x10, 0, 0x03, 0xff, 0, 0x0f, 0xff, 0xff])
    }
}
