import Testing
import Wire

@Suite struct HexadecimalTests {
    @Test func `Digits are lower-case, two for each octet, with all zeros`() {
        #expect(hexadecimal([]) == "")
        #expect(hexadecimal([0, 9, 10, 255] as [UInt8]) == "00090aff")
        #expect(octets(hexadecimal: "00090aff") == [0, 9, 10, 255])
        #expect(octets(hexadecimal: "") == [])
        for bad in ["0", "0g", "0A", "+1", " 1", "é"] { #expect(octets(hexadecimal: bad) == nil) }
        #expect(hexadecimal(0) == "0000000000000000")
        #expect(hexadecimal(0x0123_4567_89ab_cdef) == "0123456789abcdef")
        #expect(hexadecimal(UInt64.max) == String(repeating: "f", count: 16))
    }
}
