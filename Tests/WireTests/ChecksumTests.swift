import TestSupport
import Testing
import Wire

/// RFC 1071 section 4.1, word by word, folding each time.
private func naiveChecksum(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    var sum: UInt32 = 0
    var rest = bytes
    while let high = rest.popFirst() {
        sum += UInt32(high) << 8 | UInt32(rest.popFirst() ?? 0)
        if sum > 0xffff { sum -= 0xffff }
    }
    return ~UInt16(sum)
}

private func add(_ octets: [UInt8], to sum: inout InternetChecksum) {
    sum.add(octets.span)
}

@Suite struct ChecksumTests {
    @Test("the checksum equals a naive loop for every length and alignment")
    func everyLengthAndAlignment() {
        var generator = SeededGenerator(seed: 7)
        let bytes = (0..<1600).map { _ in UInt8.random(in: 0...255, using: &generator) }
        for alignment in 0..<16 {
            for length in stride(from: 0, through: alignment == 0 ? 1584 : 130, by: 1) {
                var sum = InternetChecksum()
                sum.add(bytes.span.extracting(alignment..<alignment + length))
                #expect(sum.value == naiveChecksum(bytes[alignment..<alignment + length]), "\(alignment) \(length)")
            }
        }
    }

    @Test("the example of RFC 1071 section 3")
    func rfcExample() {
        var sum = InternetChecksum()
        add([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], to: &sum)
        #expect(sum.value == ~0xddf2)
    }

    @Test("words, addresses and octets add up to the same sum")
    func pieces() {
        let address = IPv6Address(high: 0x2001_0db8_0000_0001, low: 0xffff_fffe_8000_0001)
        var pieces = InternetChecksum()
        pieces.addPseudoHeader(source: address, destination: .any, byteCount: 0x1_0002, nextHeader: 58)
        pieces.add(0xabcd as UInt16)
        var octets = InternetChecksum()
        add([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0x80, 0, 0, 1], to: &octets)
        add([0, 1, 0, 2, 0, 0, 0, 58, 0xab, 0xcd], to: &octets)
        #expect(pieces.value == octets.value)
    }

    @Test("data with their checksum inside sum up to zero")
    func selfCheck() {
        var sum = InternetChecksum()
        add([0x45, 0x00, 0x12, 0x34], to: &sum)
        let checksum = sum.value
        sum.add(checksum)
        #expect(sum.value == 0)
    }
}
