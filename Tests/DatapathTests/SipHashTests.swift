import Datapath
import Testing
import Wire

@Suite struct SipHashTests {
    /// Of the reference implementation (`vectors_sip64`): the key is 00 01 … 0f, the message 00 01 … of the length.
    private static let vectors: [Int: UInt64] = [
        0: 0x726f_db47_dd0e_0e31, 1: 0x74f8_39c5_93dc_67fd, 2: 0x0d6c_8009_d9a9_4f5a, 3: 0x8567_6696_d7fb_7e2d,
        4: 0xcf27_94e0_2771_87b7, 5: 0x1876_5564_cd99_a68d, 6: 0xcbc9_466e_58fe_e3ce, 7: 0xab02_00f5_8b01_d137,
        8: 0x93f5_f579_9a93_2462, 15: 0xa129_ca61_49be_45e5, 63: 0x958a_324c_eb06_4572,
    ]

    @Test func `Hashes are those of the reference implementation`() {
        let key = SipHashKey(low: 0x0706_0504_0302_0100, high: 0x0f0e_0d0c_0b0a_0908)
        for (count, expected) in Self.vectors {
            let message = (0..<count).map { UInt8($0) } + [0xff]
            let hash = message.withUnsafeBytes { bytes in
                bytes.baseAddress.map { SipHash.hash($0, count: count, key: key) }
            }
            #expect(hash == expected, "\(count) octets")
        }
    }
}
