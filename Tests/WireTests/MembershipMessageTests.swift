import TestSupport
import Testing

@testable import Wire

@Suite struct MembershipMessageTests {
    private func records(_ octets: [UInt8], _ family: MembershipMessage.Family) throws -> [MembershipMessage.Record] {
        let message = try MembershipMessage(parsing: octets.span, family)
        var records: [MembershipMessage.Record] = []
        message.forEachRecord(of: octets.span) { records.append($0) }
        return records
    }

    private static let group4 = IPv6Address(high: 0, low: 0xef01_0203)
    private static let group6 = IPv6Address(high: 0xff05 << 48, low: 9)

    /// An IGMPv3 report (RFC 3376 section 4.2): 239.1.2.3 excludes nobody; 239.1.2.4 includes nobody, with a word of
    /// data; 239.1.2.5 includes 10.0.0.1.
    private static let igmp: [UInt8] =
        [0x22, 0, 0, 0, 0, 0, 0, 3]
        + [4, 0, 0, 0, 239, 1, 2, 3]
        + [3, 1, 0, 0, 239, 1, 2, 4, 1, 2, 3, 4]
        + [5, 0, 0, 1, 239, 1, 2, 5, 10, 0, 0, 1]

    /// An MLDv2 report (RFC 3810 section 5.2): ff05::9 excludes nobody, and includes nobody.
    private static let mld: [UInt8] =
        [143, 0, 0, 0, 0, 0, 0, 2]
        + [2, 0, 0, 0] + [0xff, 5] + [UInt8](repeating: 0, count: 13) + [9]
        + [1, 0, 0, 0] + [0xff, 5] + [UInt8](repeating: 0, count: 13) + [9]

    @Test func `Messages of each version say who joins and who leaves`() throws {
        #expect(try records([0x12, 0, 0, 0, 239, 1, 2, 3], .igmp) == [.init(group: Self.group4, isLeave: false)])
        #expect(try records([0x16, 0, 0, 0, 239, 1, 2, 3], .igmp) == [.init(group: Self.group4, isLeave: false)])
        #expect(try records([0x17, 0, 0, 0, 239, 1, 2, 3], .igmp) == [.init(group: Self.group4, isLeave: true)])
        #expect(try records([0x11, 0, 0, 0, 0, 0, 0, 0], .igmp) == [])
        let listed = try records(Self.igmp, .igmp)
        #expect(listed.map(\.group.low) == [0xef01_0203, 0xef01_0204, 0xef01_0205])
        #expect(listed.map(\.isLeave) == [false, true, false])
        #expect(try records(Self.mld, .mld).map(\.isLeave) == [false, true])
        let address = [0xff, 5] + [UInt8](repeating: 0, count: 13) + [9]
        #expect(try records([131, 0, 0, 0, 0, 0, 0, 0] + address, .mld) == [.init(group: Self.group6, isLeave: false)])
        #expect(try records([132, 0, 0, 0, 0, 0, 0, 0] + address, .mld) == [.init(group: Self.group6, isLeave: true)])
        #expect(try MembershipMessage(parsing: ([130, 0, 0, 0, 0, 0, 0, 0] + address).span, .mld).kind == .query)
    }

    @Test func `A message that is cut short anywhere is none, and neither is one that promises more`() {
        for (octets, family) in [(Self.igmp, MembershipMessage.Family.igmp), (Self.mld, .mld)] {
            for count in 0..<octets.count {
                let short = Array(octets.prefix(count))
                #expect(throws: HeaderError.self, "\(count)") { try MembershipMessage(parsing: short.span, family) }
            }
            for offset in [6, 7, 9, 10, 11] {
                var wrong = octets
                wrong[offset] = 255
                #expect(throws: HeaderError.badLength) { try MembershipMessage(parsing: wrong.span, family) }
            }
        }
        #expect(throws: HeaderError.unsupportedType) {
            try MembershipMessage(parsing: [0x14, 0, 0, 0, 0, 0, 0, 0].span, .igmp)
        }
        #expect(throws: HeaderError.truncated) { try MembershipMessage(parsing: [0x16, 0, 0, 0, 239].span, .igmp) }
    }

    @Test func `A query says when to answer, and its long times are the largest codes below them`() throws {
        let query = MembershipMessage.Query(maxResponse: 1, interval: 150)
        var igmp = [UInt8](repeating: 9, count: MembershipMessage.Query.igmpByteCount)
        var span = igmp.mutableSpan
        query.write(.igmp, to: &span)
        #expect(hexadecimal(igmp) == "110a0000000000000282" + "0000")
        var mld = [UInt8](repeating: 9, count: MembershipMessage.Query.mldByteCount)
        span = mld.mutableSpan
        query.write(.mld, to: &span)
        #expect(hexadecimal(mld) == "8200000003e80000" + String(repeating: "0", count: 32) + "02820000")
        for value in UInt32(0)...40_000 {
            let code = MembershipMessage.Query.code(value)
            let (mantissa, exponent) = (UInt32(code & 15) | 16, UInt32(code >> 4 & 7) + 3)
            let read = code < 128 ? UInt32(code) : mantissa << exponent
            #expect(read <= value && (value > 31 << 10 || value - read < max(1, value / 16)))
        }
    }
}
