import Testing
import Wire

@testable import HTTPTransport

@Suite struct AbuseTableTests {
    private func address(_ number: Int) -> IPAddress { .v4(IPv4Address(UInt32(0x0a00_0000 + number))) }

    @Test func `An address with so many ended connections is shut out until it has been quiet for a while`() {
        var table = AbuseTable()
        for _ in 1..<AbuseTable.endedConnectionMaximum { table.note(address(1), now: .seconds(1)) }
        #expect(!table.shutsOut(address(1), now: .seconds(1)))
        table.note(address(1), now: .seconds(2))
        #expect(table.shutsOut(address(1), now: .seconds(2)))
        #expect(!table.shutsOut(address(2), now: .seconds(2)))
        #expect(table.shutsOut(address(1), now: .seconds(2) + AbuseTable.windowTime))
        #expect(!table.shutsOut(address(1), now: .seconds(3) + AbuseTable.windowTime))
        // It begins anew.
        table.note(address(1), now: .seconds(3) + AbuseTable.windowTime)
        #expect(!table.shutsOut(address(1), now: .seconds(3) + AbuseTable.windowTime))
    }

    @Test func `All addresses of a host's IPv6 network are one`() {
        var table = AbuseTable()
        for number in 0..<UInt64(AbuseTable.endedConnectionMaximum) {
            table.note(.v6(IPv6Address(high: 0x2001_0db8_0000_0001, low: number)), now: .zero)
        }
        #expect(table.shutsOut(.v6(IPv6Address(high: 0x2001_0db8_0000_0001, low: 99)), now: .zero))
        #expect(!table.shutsOut(.v6(IPv6Address(high: 0x2001_0db8_0000_0002, low: 1)), now: .zero))
    }

    @Test func `So many addresses are remembered, and those make room that have been quiet for longest`() {
        var table = AbuseTable()
        for number in 0...AbuseTable.addressMaximum {
            for _ in 0..<AbuseTable.endedConnectionMaximum { table.note(address(number), now: .milliseconds(number)) }
        }
        #expect(table.count <= AbuseTable.addressMaximum)
        let now: Duration = .milliseconds(AbuseTable.addressMaximum)
        #expect(!table.shutsOut(address(0), now: now))
        #expect(table.shutsOut(address(AbuseTable.addressMaximum), now: now))
    }
}
