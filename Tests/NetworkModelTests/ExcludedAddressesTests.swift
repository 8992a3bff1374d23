import NetworkModel
import TestSupport
import Testing
import Wire

@Suite struct ExcludedAddressesTests {
    @Test func `a range is an address, or two with dots between them`() {
        for text in ["10.0.0.4", "10.0.0.4..10.0.0.9", "0.0.0.0..255.255.255.255"] {
            #expect(IPv4Range(text)?.description == text)
        }
        #expect(IPv4Range("10.0.0.4..10.0.0.4")?.description == "10.0.0.4")
        for text in [
            "", "..", "10.0.0.4..", "..10.0.0.4", "10.0.0.4...10.0.0.9", "10.0.0.9..10.0.0.4", "10.0.0.4-10.0.0.9",
            "10.0.0.4 ..10.0.0.9", "10.0.0.1..10.0.0.2..10.0.0.3", "10.0.0.0/24", "2001:db8::1", "10.0.0.256",
        ] { #expect(IPv4Range(text) == nil, "\(text)") }
    }

    @Test func `cut and damaged ranges are refused or read, and never more`() {
        var generator = SeededGenerator(seed: 5)
        let bytes = Array("10.16.255.4..192.168.100.250".utf8)
        for end in 0...bytes.count {
            var damaged = Array(bytes[..<end])
            for _ in 0..<20 {
                if let range = IPv4Range(String(decoding: damaged, as: UTF8.self)) {
                    #expect(range.first <= range.last && IPv4Range(range.description) == range)
                }
                guard !damaged.isEmpty else { break }
                let place = Int.random(in: 0..<damaged.count, using: &generator)
                damaged[place] = Array("0123456789. ".utf8).randomElement(using: &generator) ?? 0
            }
        }
    }
}
